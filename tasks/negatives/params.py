"""Parameters of the negatives stage."""

from typing import Self

from pydantic import Field, model_validator

from tasks.params import Params
from tasks.sampling.params import SamplingParams


class AnchorParams(Params):
    """How many self-samples anchor each dispreferred answer."""

    num_samples: int = Field(default=7, ge=1, le=1024)
    """K, the self-samples of each prompt that the loss moves towards while it moves away from the
    negative. The paper uses 11; the time to draw and to train on them grows with it."""
    templates: str = Field(default="none", min_length=1)
    """Instructions that are put before the prompt while sampling, in turn over the K samples, so that
    the self-samples are better than what the bare prompt gives; they need a model that follows
    instructions. `none`, `moral` (five moral ones), or the path of a file of yours with
    `name: instruction` lines. The loss always scores the original prompt."""
    num_templated: int = Field(default=0, ge=0)
    """How many of the K samples are drawn under templates, the first ones; the others come from
    the bare prompt. The first implementation of the method has 5 of 11. 0 takes all."""
    limit: int = Field(default=0, ge=0)
    """Use only the first so many negatives. 0 uses all."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the sampling."""

    @model_validator(mode="after")
    def _templated_are_samples(self) -> Self:
        if self.num_templated > self.num_samples:
            raise ValueError(
                f"num_templated ({self.num_templated}) counts some of num_samples "
                f"({self.num_samples}); lower it, or raise num_samples"
            )
        if self.num_templated and self.templates == "none":
            raise ValueError(
                f"num_templated ({self.num_templated}) needs templates, which is 'none'; set "
                "templates to 'moral' or a file, or num_templated to 0"
            )
        return self


class NegativesParams(SamplingParams, AnchorParams):  # the last base comes first in a form
    """How many self-samples anchor each dispreferred answer, and how they are drawn."""
