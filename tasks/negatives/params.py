"""Parameters of the negatives stage."""

from typing import Literal

from pydantic import Field

from tasks.params import Params
from tasks.sampling.params import SamplingParams


class AnchorParams(Params):
    """How many self-samples anchor each dispreferred answer."""

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


class NegativesParams(SamplingParams, AnchorParams):  # the last base comes first in a form
    """How many self-samples anchor each dispreferred answer, and how they are drawn."""
