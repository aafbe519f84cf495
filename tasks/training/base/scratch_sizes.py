"""The sizes that `scratch:<size>` knows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScratchSize:
    """Widths and depth of a Llama-type model whose input and output embeddings are tied."""

    hidden_size: int
    num_layers: int
    num_heads: int


SCRATCH_SIZES = {
    "nano": ScratchSize(hidden_size=64, num_layers=2, num_heads=2),
    "tiny": ScratchSize(hidden_size=128, num_layers=4, num_heads=4),
    "small": ScratchSize(hidden_size=192, num_layers=6, num_heads=6),
    "medium": ScratchSize(hidden_size=384, num_layers=8, num_heads=6),
    "large": ScratchSize(hidden_size=640, num_layers=10, num_heads=10),
}
