"""What all training methods share."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.params import Params


class TrainingParams(Params):
    """What all training methods share."""

    learning_rate: float = Field(default=2e-4, gt=0, le=1)
    """Peak learning rate of AdamW. The default suits the embedded model of 1M parameters; models
    from 100M parameters on want about 1e-6 to 1e-5 in preference training and 2e-5 in SFT."""
    epochs: float = Field(default=1.0, gt=0, le=1000)
    """How often training goes through its rows."""
    max_steps: int = Field(default=0, ge=0)
    """Stop after this many optimizer steps even if the epochs are not over. 0 sets no limit."""
    batch_size: int = Field(default=16, ge=1, le=65536)
    """Rows that pass through the model at once."""
    gradient_accumulation_steps: int = Field(default=1, ge=1, le=65536)
    """Batches whose gradients are summed before each optimizer step. Raise it, and lower the batch
    size, when memory runs out."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the learning rate rises to its peak; it then falls linearly
    to 0."""
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    """AdamW's decoupled weight decay."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Longer gradients are scaled down to this norm."""
    max_prompt_tokens: int = Field(default=256, ge=1)
    """Longer prompts lose their start, so that the last turn survives."""
    max_tokens: int = Field(default=512, ge=2)
    """Prompt plus completion. Longer completions lose their end, and with it their end-of-sequence
    token."""
    bf16: Literal["auto", "yes", "no"] = "auto"
    """Multiply matrices in bfloat16; weights stay in float32. `auto` does so where the processor
    or GPU has the instructions."""
    activation_checkpointing: bool = False
    """Recompute activations in the backward pass: about a third slower, far less memory. Worth it
    for models from 1B parameters on."""
    device: Literal["auto", "cpu"] = "auto"
    """`auto` trains on a GPU if there is one."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Order of the rows and, for a scratch model, its first weights."""

    @model_validator(mode="after")
    def _completion_fits(self) -> Self:
        if self.max_prompt_tokens >= self.max_tokens:
            raise ValueError(
                f"max_prompt_tokens ({self.max_prompt_tokens}) must be below max_tokens "
                f"({self.max_tokens}), which counts prompt and completion; otherwise a long prompt "
                "leaves no completion token to train on"
            )
        return self
