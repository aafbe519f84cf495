"""How divergence from the reference is measured in training."""

from pydantic import Field

from tasks.params import Params


class KLParams(Params):
    """How often, and on how many fresh samples, the KL to the reference is measured."""

    kl_every: int = Field(default=8, ge=1)
    """Optimizer steps between two measurements of that KL."""
    kl_samples: int = Field(default=64, ge=1, le=4096)
    """Fresh samples of each measurement."""
    kl_max_tokens: int = Field(default=64, ge=1)
    """Longest fresh sample in tokens; match the sampler's `max_tokens`."""
    kl_stop: float = Field(default=100.0, ge=0)
    """Training stops, as diverged, once the KL is beyond this many nats per sequence; the last good
    weights are kept. 0 sets no bound."""
