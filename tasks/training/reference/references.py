"""The references of a loss that holds one model to two."""

from dataclasses import dataclass

from tasks.sampling.model import LoadedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """The models that D2O compares the policy with; often one and the same object.

    `self_samples` (pi_r- in the paper) scores the self-samples, `negative` (pi_r+) the negative.
    """

    self_samples: LoadedModel
    negative: LoadedModel
