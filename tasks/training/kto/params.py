"""How KTO runs."""

from typing import Literal

from pydantic import Field, field_validator

from tasks.params import Params
from tasks.training.params import TrainingParams


class KTOLossParams(Params):
    """The KTO loss."""

    beta: float = Field(default=0.1, gt=0, le=100)
    """How strongly the policy is held to the reference: higher stays closer. 0.1 to 0.5 is
    usual."""
    loss_type: Literal["kto", "apo_zero_unpaired"] = "kto"
    """`kto` is KTO as published: an answer gains or loses against a reference point, the KL to the
    reference. `apo_zero_unpaired` does without that point."""
    desirable_weight: float = Field(default=1.0, gt=0)
    """Weight of an answer to learn from."""
    undesirable_weight: float = Field(default=1.0, gt=0)
    """Weight of an answer to move away from. With unequal numbers of both kinds, choose the weights
    so that number times weight is about the same for both; up to 4/3 as much for the desirable."""


class KTOParams(TrainingParams, KTOLossParams):  # the last base comes first in a form
    """Kahneman-Tversky optimization on answers that are desirable or undesirable by themselves."""

    batch_size: int = Field(default=16, ge=2, le=65536)
    """Answers that pass through the model at once, at least two: the reference point is measured on
    the answers of a batch, each behind the prompt of another."""

    @field_validator("launch")
    @classmethod
    def _trains_here(cls, launch: str) -> str:
        if launch:
            raise ValueError(
                f"launch ({launch}) starts child processes, but KTO trains in this one, on one "
                "device; leave launch empty, or train with DPO or D2O"
            )
        return launch
