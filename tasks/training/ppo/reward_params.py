"""What an LLM judge that rewards is asked."""

from typing import Literal

from pydantic import Field, field_validator

from tasks.judging.load_rubric import load_rubric
from tasks.params import Params


class RewardParams(Params):
    """What an LLM judge that rewards is asked, and how; other judges need none of it."""

    rubric: str = "helpful"
    """What is asked about each answer: `helpful`, `harmless`, `helpful-and-harmless`, `four-aspect`,
    `risk-choice`, or the path of a .yaml file of your own. Its scale becomes rewards from 0 to 1."""
    backend: Literal["chat", "decisions"] = "chat"
    """`chat` works everywhere; `decisions` asks OpenAI's decisions endpoint, which returns
    probabilities and no prose."""
    structured: bool = True
    """Ask for a reply under a JSON schema. Off for servers that refuse one; the reply is read as text
    anyway where it is not JSON."""
    logprobs: bool = False
    """Ask for log-probabilities, and take the expected score instead of the drawn one."""
    reasoning: bool = False
    """Let the judge give its reason before its score: dearer and slower, often better."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """Empty for the server's default."""
    max_completion_tokens: int = Field(default=256, ge=1, le=1_000_000)
    """Longest reply of the judge in tokens, hidden reasoning included."""

    @field_validator("rubric")
    @classmethod
    def _is_about_single_answers(cls, rubric: str) -> str:
        if load_rubric(rubric).kind == "pairwise":
            raise ValueError(
                f"rubric {rubric!r} compares two answers, but each answer is rewarded alone; take "
                "helpful, harmless, helpful-and-harmless, four-aspect or a .yaml file of your own"
            )
        return rubric
