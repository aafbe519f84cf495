"""How supervised fine-tuning runs."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.training.params import TrainingParams


class SFTParams(TrainingParams):
    """Supervised fine-tuning on demonstrations."""

    learning_rate: float = Field(default=1e-2, gt=0, le=1)
    """Peak learning rate of AdamW. The default suits a model that is trained from nothing; to
    fine-tune a pretrained model take 2e-5 and the optimizer `adamw`."""
    optimizer: Literal["muon", "adamw"] = "muon"
    """`muon` orthogonalises the updates of the hidden matrices and leaves the rest to AdamW: it
    needs about half the tokens when a model is trained from nothing. `adamw` does all with
    AdamW."""
    muon_learning_rate: float = Field(default=0.02, gt=0, le=1)
    """Peak learning rate of Muon, used with the optimizer `muon`."""
    epochs: float = Field(default=2.0, gt=0, le=1000)
    """How often training goes through the demonstrations."""
    batch_size: int = Field(default=12, ge=1, le=65536)
    """Blocks (with packing) or demonstrations that pass through the model at once."""
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps in which the learning rate rises to its peak; it then falls linearly
    to 0."""
    packing: bool = True
    """Join the demonstrations and cut the result into blocks of `block_tokens`: no padding, but a
    block can start inside a demonstration. Without it each demonstration is a row of its own."""
    block_tokens: int = Field(default=96, ge=8, le=1_000_000)
    """Length of a block, used with packing."""
    completion_only: bool = False
    """Learn only the completions, not the prompts. A conversation model wants this; a model that
    is trained from nothing needs every token."""
    vocab_size: int = Field(default=1024, ge=260, le=200_000)
    """Tokens of the tokenizer that a `scratch:` model makes from the demonstrations."""
    context_tokens: int = Field(default=512, ge=16, le=1_000_000)
    """Longest text that a `scratch:` model is made for."""

    @model_validator(mode="after")
    def _completion_only_needs_rows(self) -> Self:
        if self.completion_only and self.packing:
            raise ValueError(
                "completion_only (true) needs packing (false): packed blocks are learned whole"
            )
        return self
