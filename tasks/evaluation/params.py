"""Parameters of the evaluation stage."""

from pydantic import Field, field_validator

from storage.input_error import InputError
from tasks.judging.judge_name import KINDS, parse_judge_name
from tasks.params import Params
from tasks.sampling.params import SamplingParams


class EvaluateWhatParams(Params):
    """What policies are asked and who judges."""

    judges: tuple[str, ...] = ("auto",)
    """Judges that score the answers: lexical, oracle, choice. `auto` stands for those that suit
    the source. None of them may be the judge that labelled the training pairs."""
    num_prompts: int = Field(default=256, ge=1, le=10_000_000)
    """Prompts of the held-out split to answer, one of each cluster of near copies; fewer if the
    split has fewer. Intervals shrink with its square root."""
    num_samples: int = Field(default=2, ge=1, le=1024)
    """Answers of each policy to each prompt. More prompts tell more than more answers."""
    num_demonstrations: int = Field(default=256, ge=0, le=10_000_000)
    """Held-out demonstrations on which perplexity is measured. 0 leaves perplexity out."""
    max_unparsable_share: float = Field(default=1.0, ge=0, le=1)
    """The stage fails, after storing everything, when a judge cannot read a larger share of a
    policy's answers. 1 never fails; the share is always reported."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the choice of prompts and of the sampling. It is the same for all policies, which
    makes their differences more precise."""

    @field_validator("judges")
    @classmethod
    def _judges_exist(cls, judges: tuple[str, ...]) -> tuple[str, ...]:
        if not judges:
            raise InputError("judges is empty; name at least one, or 'auto'")
        for judge in judges:
            if judge != "auto" and parse_judge_name(judge).kind not in KINDS:
                raise InputError(
                    f"judge {judge!r} labels pairs but does not evaluate; evaluation has "
                    f"{', '.join(KINDS)}"
                )
        return tuple(dict.fromkeys(judges))


class EvaluateParams(SamplingParams, EvaluateWhatParams):  # the last base comes first in a form
    """What policies are asked, how they answer, and who judges."""

    @property
    def measures_kl(self) -> bool:
        """Whether answers come from the policy's own distribution, which KL estimates need."""
        return self.temperature == 1 and self.top_p == 1
