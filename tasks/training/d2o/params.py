"""How D2O runs."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.params import Params
from tasks.training.params import TrainingParams
from tasks.training.run.kl_params import KLParams

SHORTEST_INTERVAL = 16
SMALLEST_EPSILON = 1e-5


class ResamplingParams(Params):
    """Self-samples that are drawn anew from the policy in training, which is off by default."""

    resample_every: int = Field(default=0, ge=0)
    """Optimizer steps between two times that the self-samples of the coming rows are drawn anew from
    the policy as it is then; all of them are stored as completions. 0 keeps the stored ones of
    the frozen reference, which are what holds the policy: fresh ones hold it only while it has
    not moved on, so with short intervals it runs away."""
    warmup_steps: int = Field(default=32, ge=0)
    """Optimizer steps on the stored self-samples before the first resampling, used with
    resample_every."""
    response_tokens: int = Field(default=64, ge=1)
    """Longest fresh self-sample in tokens, used with resample_every; match the `max_tokens` that drew
    the stored ones."""
    temperature: float = Field(default=1.0, ge=0, le=10)
    """Divides the logits before the draw, used with resample_every; 1 samples the policy's own
    distribution."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Draw only from the most likely tokens that together have this probability, used with
    resample_every. 1 keeps all."""
    sample_templates: Literal["none", "moral"] = "none"
    """`moral` puts five moral instructions in turn before the prompt while fresh self-samples are
    drawn, used with resample_every. They are then better than what the policy says anyway, which
    is what makes fresh ones worth having; it needs a model that follows instructions. The loss
    scores the original prompt."""
    templated_samples: int = Field(default=0, ge=0)
    """How many of a row's fresh self-samples are drawn under sample_templates, the first ones; the
    others come from the bare prompt. 0 takes all."""
    safeguards: bool = True
    """Refuse settings with which fresh self-samples were measured to let the policy run away: an
    interval below 16 steps, no margin_cutoff, an adam_epsilon below 1e-5. Switch it off to see
    what they prevent; the KL budget stays."""


class MovingReferenceParams(Params):
    """References that follow the policy, which is off by default."""

    reference_update_every: int = Field(default=0, ge=0)
    """Optimizer steps between two times that the references are moved to the policy. 0 keeps them
    frozen. The KL budget is always measured to where training started."""
    reference_decay: float = Field(default=0.0, ge=0, lt=1)
    """What an update keeps of a reference, used with reference_update_every: 0 makes it a copy of
    the policy, 0.9 moves it a tenth of the way."""


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


# the last base comes first in a form
class D2OParams(TrainingParams, KLParams, MovingReferenceParams, ResamplingParams, D2OLossParams):
    """Distributional dispreference optimization on negatives and self-samples."""

    learning_rate: float = Field(default=3e-4, gt=0, le=1)
    """Peak learning rate of AdamW. The default suits the embedded model of 1M parameters; models
    from 100M parameters on want about 1e-6 to 1e-5."""
    engine: Literal["auto", "packed", "padded"] = "auto"
    """`packed` computes all answers of a prompt behind one copy of it: the longer the prompt and
    the more self-samples, the faster, and the less memory. `padded` gives every answer its own
    copy. `auto` packs where the model allows it, and says so where it does not."""

    @model_validator(mode="after")
    def _samples_can_be_fresh(self) -> Self:
        if not self.resample_every:
            return self
        if not self.max_samples:
            raise ValueError(
                f"resample_every ({self.resample_every}) draws max_samples ({self.max_samples}) "
                "self-samples of each row; raise max_samples, or set resample_every to 0"
            )
        if self.response_tokens + self.max_prompt_tokens > self.max_tokens:
            raise ValueError(
                f"response_tokens ({self.response_tokens}) and max_prompt_tokens "
                f"({self.max_prompt_tokens}) must fit into max_tokens ({self.max_tokens}), which "
                "counts both; lower one of them or raise max_tokens"
            )
        if self.templated_samples > self.max_samples:
            raise ValueError(
                f"templated_samples ({self.templated_samples}) counts some of max_samples "
                f"({self.max_samples}); lower it, or raise max_samples"
            )
        if self.templated_samples and self.sample_templates == "none":
            raise ValueError(
                f"templated_samples ({self.templated_samples}) needs sample_templates, which is "
                "'none'; set sample_templates to 'moral', or templated_samples to 0"
            )
        return self

    @model_validator(mode="after")
    def _fresh_samples_are_guarded(self) -> Self:
        if not self.resample_every or not self.safeguards:
            return self
        why = f"where resample_every is on ({self.resample_every}), or the policy runs away"
        off = "or set safeguards to false to see what happens"
        if self.resample_every < SHORTEST_INTERVAL:
            raise ValueError(
                f"resample_every ({self.resample_every}) must be 0 or at least {SHORTEST_INTERVAL} "
                f"while safeguards is {self.safeguards}: samples that are always fresh hold the "
                f"policy to nothing; raise it, {off}"
            )
        if self.margin_cutoff <= 0:
            raise ValueError(
                f"margin_cutoff ({self.margin_cutoff}) must be above 0 {why}; set it to 2, {off}"
            )
        if self.adam_epsilon < SMALLEST_EPSILON:
            raise ValueError(
                f"adam_epsilon ({self.adam_epsilon}) must be at least {SMALLEST_EPSILON} {why}; "
                f"raise it, {off}"
            )
        return self
