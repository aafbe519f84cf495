"""How DPO runs."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.params import Params
from tasks.training.params import TrainingParams

DPOLoss = Literal[
    "sigmoid",
    "hinge",
    "ipo",
    "exo_pair",
    "nca_pair",
    "robust",
    "bco_pair",
    "sppo_hard",
    "aot",
    "aot_unpaired",
    "apo_zero",
    "apo_down",
    "discopop",
    "sft",
    "sigmoid_norm",
]

_SMOOTHED = {"exo_pair", "robust", "aot", "aot_unpaired"}


class DPOLossParams(Params):
    """The DPO loss."""

    beta: float = Field(default=0.1, gt=0, le=100)
    """How strongly the policy is held to the reference: higher stays closer. 0.1 to 0.5 is
    usual."""
    loss_type: DPOLoss = "sigmoid"
    """`sigmoid` is DPO as published. `ipo`, `hinge`, `apo_zero` and the others are TRL's
    variants."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Assumed share of flipped labels, used by exo_pair, robust, aot and aot_unpaired."""

    @model_validator(mode="after")
    def _smoothing_fits_loss(self) -> Self:
        if self.label_smoothing > 0 and self.loss_type not in _SMOOTHED:
            raise ValueError(
                f"label_smoothing ({self.label_smoothing}) has no effect on loss_type "
                f"({self.loss_type}); set it to 0, or use one of {', '.join(sorted(_SMOOTHED))}"
            )
        if self.loss_type == "exo_pair" and self.label_smoothing == 0:
            raise ValueError(
                f"loss_type ({self.loss_type}) needs label_smoothing above 0, not "
                f"({self.label_smoothing}); its paper recommends 0.001"
            )
        return self


class DPOParams(TrainingParams, DPOLossParams):  # the last base comes first in a form
    """Direct preference optimization on pairs."""

    engine: Literal["auto", "packed", "trl"] = "auto"
    """`packed` computes both answers behind one copy of their prompt, about twice as fast, for the
    loss `sigmoid`. `trl` is TRL's trainer, for every loss. `auto` packs where loss and model allow
    it, and says so where they do not."""

    @model_validator(mode="after")
    def _packed_has_the_loss(self) -> Self:
        if self.engine == "packed" and self.loss_type != "sigmoid":
            raise ValueError(
                f"engine (packed) has the loss_type sigmoid and not ({self.loss_type}); set engine "
                "to auto or trl"
            )
        return self
