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
    """Fill blocks of `block_tokens` with several demonstrations: little or no padding. They are joined
    and cut, so a block can start inside a demonstration; with completion_only they stay whole and do
    not see each other. Without it each demonstration is a row of its own."""
    block_tokens: int = Field(default=96, ge=8, le=1_000_000)
    """Length of a block, used with packing. With completion_only a longer demonstration is a block of
    its own."""
    completion_only: bool = False
    """Learn only the completions, not the prompts. A conversation model wants this; a model that
    is trained from nothing needs every token."""
    eval_share: float = Field(default=0.0, ge=0, le=0.5)
    """Share of the prompts whose demonstrations are held out. Their loss is measured while the model
    trains, and the weights with the lowest one are kept. 0 holds out none and keeps the last."""
    eval_every: int = Field(default=50, ge=1)
    """Optimizer steps between two measurements of that loss, used with eval_share."""
    patience: int = Field(default=3, ge=0)
    """Training stops after this many measurements without a new lowest loss, used with eval_share.
    0 never stops it."""
    engine: Literal["own", "trl"] = "own"
    """`own` is transformers' trainer as it is. `trl` is TRL's SFTTrainer, which also logs entropy and
    token accuracy and takes longer for each step of a small model; the loss is the same."""
    vocab_size: int = Field(default=1024, ge=260, le=200_000)
    """Tokens of the tokenizer that a `scratch:` model makes from the demonstrations."""
    context_tokens: int = Field(default=512, ge=16, le=1_000_000)
    """Longest text that a `scratch:` model is made for."""

    @model_validator(mode="after")
    def _packs_apart_itself(self) -> Self:
        if self.engine == "trl" and self.completion_only and self.packing:
            raise ValueError(
                f"engine ({self.engine}) cannot keep packed demonstrations apart, which completion_only "
                "(true) with packing (true) asks for; set packing to false, or engine to own"
            )
        return self
