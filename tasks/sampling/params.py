"""How completions are drawn from a policy."""

from pydantic import Field

from tasks.params import Params


class SamplingParams(Params):
    """How completions are drawn from a policy."""

    temperature: float = Field(default=1.0, ge=0, le=10)
    """Divides the logits before the draw. 1 samples the model's own distribution, which KL
    estimates need; below 1 gives more likely texts; 0 always takes the most likely token."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Draw only from the most likely tokens that together have this probability. 1 keeps all."""
    max_tokens: int = Field(default=64, ge=1, le=65536)
    """Longest completion in tokens, its end-of-sequence token included. A longer one is cut and
    marked `length`."""
    max_prompt_tokens: int = Field(default=256, ge=1, le=1_000_000)
    """Longer prompts lose their start, so that the last turn survives."""
    batch_size: int = Field(default=512, ge=1, le=65536)
    """Completions that are drawn side by side. It changes speed and memory; the same seed draws
    the same texts up to rounding in the matrix products."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    """Where the model runs: `auto` takes a GPU if there is one, otherwise `cpu`, `cuda`, `cuda:1`
    or `mps`."""
