"""How DPO runs."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.params import Params
from tasks.training.params import TrainingParams
from tasks.training.run.kl_params import KLParams

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

_PER_TOKEN = {"ipo", "sigmoid_norm", "sft"}
_SMOOTHED = {"exo_pair", "robust", "aot", "aot_unpaired"}


class DPOLossParams(Params):
    """The DPO loss."""

    beta: float = Field(default=0.1, gt=0, le=100)
    """How strongly the policy is held to the reference: higher stays closer. 0.1 to 0.5 is
    usual; a loss of mean log-probabilities per token (length_normalised, sigmoid_norm) wants about
    ten times as much."""
    loss_type: DPOLoss = "sigmoid"
    """`sigmoid` is DPO as published. `ipo`, `hinge`, `apo_zero` and the others are TRL's
    variants, with TRL's formulas."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Assumed share of flipped labels, used by exo_pair, robust, aot and aot_unpaired."""
    length_normalised: bool = False
    """Compare mean log-probabilities per token instead of sums, so that longer answers weigh no more.
    With `sigmoid` this is TRL's `sigmoid_norm`."""
    sft_weight: float = Field(default=0.0, ge=0, le=100)
    """Weight of an added SFT term, the chosen answers' negative log-likelihood per token (RPO). It
    keeps the chosen answers likely where DPO lowers both; 1 is usual, 0 leaves it out."""

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

    @model_validator(mode="after")
    def _normalised_once(self) -> Self:
        if self.length_normalised and self.loss_type in _PER_TOKEN:
            raise ValueError(
                f"length_normalised (true) has no effect on loss_type ({self.loss_type}), which is "
                "per token by itself; set it to false, or take the loss_type sigmoid"
            )
        return self

    @model_validator(mode="after")
    def _one_sft_term(self) -> Self:
        if self.sft_weight > 0 and self.loss_type == "sft":
            raise ValueError(
                f"sft_weight ({self.sft_weight}) adds what loss_type ({self.loss_type}) is already; "
                "set it to 0, or take the loss_type sigmoid"
            )
        return self


class DPOParams(TrainingParams, KLParams, DPOLossParams):  # the last base comes first in a form
    """Direct preference optimization on pairs."""

    kl_every: int = Field(default=32, ge=0)
    """Optimizer steps between two measurements of the KL to the reference, on fresh samples. 0
    measures none and, without adapters, holds no second model in memory."""
    kl_samples: int = Field(default=16, ge=1, le=4096)
    """Fresh samples of each measurement."""

    engine: Literal["auto", "packed", "trl"] = "auto"
    """`packed` computes both answers behind one copy of their prompt, about twice as fast. `trl` is
    TRL's trainer. `auto` packs where the model can read packed rows, and says so where it cannot."""

    @model_validator(mode="after")
    def _trl_has_the_loss(self) -> Self:
        if self.engine == "trl" and not self.trl_has_the_loss:
            raise ValueError(
                f"engine (trl) has length_normalised (true) for the loss_type sigmoid and not "
                f"({self.loss_type}); set engine to auto or packed"
            )
        return self

    @property
    def trl_has_the_loss(self) -> bool:
        """Whether TRL can compute the loss; it normalises no loss but sigmoid by length."""
        return not self.length_normalised or self.loss_type == "sigmoid"
