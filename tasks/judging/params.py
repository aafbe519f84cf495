"""Who judges, and what an LLM judge is asked."""

from typing import Literal

from pydantic import Field, field_validator

from tasks.judging.judge_name import parse_judge_name
from tasks.params import Params


class JudgingParams(Params):
    """Who judges candidate answers, and how verdicts become pairs."""

    judge: str = "auto"
    """`lexical`, `oracle`, `choice`, `classifier:<model directory or hub id>` or `llm:<model>`. `auto`
    is `lexical` fitted on the training split, so it is another one than the judge that evaluates."""
    rubric: str = "pairwise-overall"
    """llm: what is asked: `pairwise-overall`, `helpful`, `harmless`, `helpful-and-harmless`,
    `four-aspect`, `risk-choice`, or the path of a .yaml file of your own."""
    backend: Literal["chat", "decisions"] = "chat"
    """llm: `chat` works everywhere; `decisions` asks OpenAI's decisions endpoint, which returns
    probabilities and no prose."""
    structured: bool = True
    """llm: ask for a reply under a JSON schema. Off for servers that refuse one; the reply is read as
    text anyway where it is not JSON."""
    logprobs: bool = False
    """llm: ask for log-probabilities, and take the expected verdict instead of the drawn one."""
    reasoning: bool = True
    """llm: let the judge give its reason before its verdict."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """llm: empty for the server's default."""
    max_completion_tokens: int = Field(default=1024, ge=1, le=1_000_000)
    """llm: longest reply of the judge in tokens, hidden reasoning included."""
    pairing: Literal["best-worst", "all"] = "best-worst"
    """`best-worst` makes one pair a prompt; `all` makes one of every two answers that are not tied."""
    min_margin: float = Field(default=0.1, ge=0)
    """Smallest difference of two scores, or size of a comparison's margin. Pairs below it are ties:
    they are left out and counted. The unit is the judge's; `lexical` scores from 0 to 1."""

    @field_validator("judge")
    @classmethod
    def _judge_exists(cls, judge: str) -> str:
        return judge if judge == "auto" else parse_judge_name(judge).text
