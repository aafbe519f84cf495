"""How D2O runs."""

from typing import Literal

from pydantic import Field

from tasks.params import Params
from tasks.training.params import TrainingParams
from tasks.training.run.kl_params import KLParams


class D2OLossParams(Params):
    """The D2O loss and the KL budget."""

    alpha: float = Field(default=0.1, gt=0, le=100)
    """Weight of the dispreferred answer's log-ratio: higher pushes away from it sooner, and stops
    pushing sooner."""
    beta: float = Field(default=0.2, gt=0, le=100)
    """Weight of the self-samples' mean log-ratio, which holds the policy to the reference: higher
    stays closer. The paper has 0.1 for both; with beta = alpha the KL of small models grows
    several times as fast."""
    max_samples: int = Field(default=7, ge=0, le=64)
    """Self-samples used of each row (the K of the paper), the first ones; rows with fewer use what
    they have. 0 leaves the negatives alone, which is an ablation and not a method."""
    margin_cutoff: float = Field(default=0.0, ge=0)
    """Rows whose margin is beyond this give no gradient any more. 0 switches it off; 2 is a good
    brake where the KL runs away."""
    adam_epsilon: float = Field(default=1e-5, gt=0)
    """Added to AdamW's denominator. A larger one keeps a vanishing loss from making full steps."""
    max_kl: float = Field(default=10.0, gt=0)
    """KL budget in nats per sequence. Training stops at its last good weights before the KL of
    fresh samples to the reference goes beyond it."""


class D2OParams(TrainingParams, KLParams, D2OLossParams):  # the last base comes first in a form
    """Distributional dispreference optimization on negatives and self-samples."""

    learning_rate: float = Field(default=3e-4, gt=0, le=1)
    """Peak learning rate of AdamW. The default suits the embedded model of 1M parameters; models
    from 100M parameters on want about 1e-6 to 1e-5."""
    engine: Literal["auto", "packed", "padded"] = "auto"
    """`packed` computes all answers of a prompt behind one copy of it: the longer the prompt and
    the more self-samples, the faster, and the less memory. `padded` gives every answer its own
    copy. `auto` packs where the model allows it, and says so where it does not."""
