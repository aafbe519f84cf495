"""Who prefers, as pairs name it."""

from dataclasses import dataclass
from typing import Literal

from storage.tables.completions import Completion
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt
from storage.tables.verdicts import Verdict

ORACLE = "oracle"


@dataclass(frozen=True, slots=True)
class Labeler:
    """The kind and the name under which a pair says who preferred its chosen answer."""

    kind: Literal["llm", "judge", "oracle"]
    name: str

    @classmethod
    def of(cls, verdict: Verdict) -> "Labeler":
        """Return the labeler whose verdict it is: the judge, an LLM with its rubric's name."""
        if verdict.judge.startswith("llm:"):
            rubric, *_ = verdict.rubric.split() or [""]
            return cls("llm", f"{verdict.judge} {rubric}".rstrip())
        return cls("oracle" if verdict.judge == ORACLE else "judge", verdict.judge)

    def pair(
        self,
        prompt: Prompt,
        chosen: Completion,
        rejected: Completion,
        *,
        margin: float | None = None,
        agreement: float | None = None,
    ) -> PreferencePair:
        """Return two answers as the pair that this labeler prefers so."""
        return PreferencePair(
            prompt_id=prompt.prompt_id,
            source=prompt.source,
            split=prompt.split,
            messages=prompt.messages,
            chosen=chosen.text,
            rejected=rejected.text,
            labeler_kind=self.kind,
            labeler=self.name,
            agreement=agreement,
            margin=margin,
            chosen_id=chosen.completion_id,
            rejected_id=rejected.completion_id,
            origin=prompt.origin,
        )
