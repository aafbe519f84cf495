"""Parameters of the negatives stage."""

from typing import Literal

from pydantic import Field

from tasks.params import Params
from tasks.sampling.params import SamplingParams


class NegativeSourceParams(Params):
    """Where dispreferred answers come from, and how many self-samples anchor each of them."""

    path: str = ""
    """File of bare negatives, .jsonl or .jsonl.gz, one object a line: {prompt, response},
    {prompt, rejected} or {prompt, responses, preferred}. Empty: the rejected answers of the pairs
    are the negatives."""
    prompt_role: Literal["user", "text"] = "user"
    """What a prompt that is a string stands for in the file: `user` is a question to be answered,
    `text` the start of a text to be continued."""
    num_samples: int = Field(default=7, ge=1, le=1024)
    """K, the self-samples of each prompt that the loss moves towards while it moves away from the
    negative. The paper uses 11; the time to draw and to train on them grows with it."""
    templates: Literal["none", "moral"] = "none"
    """`moral` puts one of several moral instructions before the prompt while sampling, in turn
    over the K samples; it needs a model that follows instructions. The loss always scores the
    original prompt."""
    limit: int = Field(default=0, ge=0)
    """Use only the first so many negatives. 0 uses all."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the sampling."""


class NegativesParams(SamplingParams, NegativeSourceParams):  # the last base comes first in a form
    """Where dispreferred answers come from, and how their self-samples are drawn."""
