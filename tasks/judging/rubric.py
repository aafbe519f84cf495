"""What an LLM judge is asked, and by which standard it answers."""

import hashlib
from functools import cached_property
from typing import Annotated, Literal, Self

import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    model_validator,
)

RubricKind = Literal["pairwise", "score", "aspects", "choice"]
Wording = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
AspectName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_LARGEST_SCALE = 101
_PARTS: dict[str, tuple[RubricKind, ...]] = {
    "scale": ("score", "aspects"),
    "labels": ("score", "aspects"),
    "aspects": ("aspects",),
    "tie": ("pairwise",),
}
"""Parts of a rubric that only some kinds have."""
_NEEDED = {"scale": ("score", "aspects"), "aspects": ("aspects",)}


class Rubric(BaseModel):
    """A question to a judge with its instructions; `identity` changes with every edit."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    """Small letters, digits and hyphens."""
    version: StrictInt = Field(ge=1)
    """Raised by whoever edits the rubric; what was edited without it still has another identity."""
    kind: RubricKind
    """`pairwise` compares two answers, `score` gives one number, `aspects` one number for each
    aspect, `choice` reads which option an answer chose."""
    question: Wording
    """What the judge decides, in one sentence."""
    instructions: Wording
    """By which standard."""
    scale: tuple[StrictInt, StrictInt] | None = None
    """Lowest and highest score."""
    labels: dict[StrictInt, Wording] = Field(default_factory=dict)
    """What points of the scale mean."""
    aspects: dict[AspectName, Wording] = Field(default_factory=dict)
    """The question for each aspect; the score is the mean over them."""
    tie: StrictBool | None = None
    """Whether a comparison may end in a tie; it may where nothing is said."""

    @model_validator(mode="after")
    def _parts_fit_kind(self) -> Self:
        for part, kinds in _PARTS.items():
            given = getattr(self, part) not in (None, {})
            if given and self.kind not in kinds:
                raise ValueError(f"kind {self.kind} has no {part}; only {_any(kinds)} has")
            if not given and self.kind in _NEEDED.get(part, ()):
                raise ValueError(f"kind {self.kind} needs {part}")
        if self.scale is not None:
            self._check_scale(*self.scale)
        return self

    def _check_scale(self, low: int, high: int) -> None:
        if not 1 <= high - low < _LARGEST_SCALE:
            raise ValueError(
                f"scale [{low}, {high}] is none; give the lowest and the highest score, such as "
                f"[1, 10], with at most {_LARGEST_SCALE} scores"
            )
        outside = sorted(point for point in self.labels if not low <= point <= high)
        if outside:
            raise ValueError(f"labels of {outside} lie outside the scale [{low}, {high}]")

    @cached_property
    def identity(self) -> str:
        """Name, version and the first 8 hex digits of the sha256 over the whole content."""
        content = orjson.dumps(self.model_dump(), option=orjson.OPT_NON_STR_KEYS)
        return f"{self.name} v{self.version} {hashlib.sha256(content).hexdigest()[:8]}"

    @property
    def allows_tie(self) -> bool:
        """Whether a comparison may end in a tie."""
        return self.kind == "pairwise" and self.tie is not False

    @property
    def scores(self) -> tuple[int, ...]:
        """All scores of the scale in ascending order, none where there is no scale."""
        return () if self.scale is None else tuple(range(self.scale[0], self.scale[1] + 1))


def _any(kinds: tuple[RubricKind, ...]) -> str:
    return " or ".join(kinds)
