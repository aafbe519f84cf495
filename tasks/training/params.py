"""What all training methods share."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.params import Params

DECIDES_NOTHING = {
    "activation_checkpointing",
    "checkpoint_every",
    "device",
    "launch",
    "liger",
    "num_processes",
    "report_to",
}
"""Parameters that change where a run computes, what it recomputes or keeps and who watches, and not
what is learned: work that differs in these alone is the same work."""


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
    lora_rank: int = Field(default=0, ge=0, le=1024)
    """Train adapters of this rank (LoRA) instead of all weights, which needs a fraction of the memory.
    8 to 64 is usual; 0 trains all weights. The policy is stored with its adapter merged in."""
    lora_alpha: float = Field(default=0.0, ge=0)
    """The adapter's output is scaled by lora_alpha / lora_rank, used with lora_rank. 0 stands for
    twice the rank."""
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the adapter's inputs that are dropped while training, used with lora_rank."""
    lora_modules: tuple[str, ...] = ()
    """Names of the layers that get adapters, such as q_proj, v_proj; used with lora_rank. Empty takes
    all linear layers but the head."""
    quantize: Literal["no", "8bit", "4bit"] = "no"
    """Hold the frozen weights in 8 or 4 bits (QLoRA), used with lora_rank. Needs a GPU and the
    package bitsandbytes."""
    liger: bool = False
    """Use Liger's fused kernels for norms, rotary embeddings and gated layers. Needs a GPU and the
    package liger-kernel."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """`auto` trains on a GPU if there is one."""
    launch: str = ""
    """Train in child processes under `accelerate launch` with this configuration: the name of a file
    in deployments/accelerate without its ending (ddp, fsdp, deepspeed-zero2, deepspeed-zero3,
    multi-node, cpu-ddp) or a path. Empty trains in this process, on one device."""
    num_processes: int = Field(default=0, ge=0, le=65536)
    """Processes over all machines, used with launch. 0 takes the number in its configuration. The
    batch size is that of all processes together."""
    checkpoint_every: int = Field(default=500, ge=0)
    """Optimizer steps between two checkpoints, from which an interrupted run goes on. One is also
    written when the run is asked to stop (SIGTERM). 0 writes none but that."""
    stop_grad_norm: float = Field(default=1e4, ge=0)
    """Training stops, as diverged, at a gradient whose norm is beyond this, before it is scaled
    down; the last good weights are kept. 0 sets no bound but that it is finite."""
    sample_every: int = Field(default=0, ge=0)
    """Optimizer steps between two times that the policy in training answers some prompts; the answers
    are stored as completions. 0 draws none."""
    sample_prompts: int = Field(default=4, ge=1, le=4096)
    """How many prompts it answers then, used with sample_every: the first ones of the data."""
    report_to: tuple[Literal["wandb", "trackio", "tensorboard", "mlflow"], ...] = ()
    """Trackers that also receive the metrics of every step; each must be installed. The store has
    them anyway."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Order of the rows and, for a scratch model, its first weights."""

    @model_validator(mode="after")
    def _adapter_for_quantized(self) -> Self:
        if self.quantize != "no" and not self.lora_rank:
            raise ValueError(
                f"quantize ({self.quantize}) needs lora_rank above ({self.lora_rank}): weights of few "
                "bits cannot be trained themselves; set lora_rank to 16"
            )
        return self

    @model_validator(mode="after")
    def _completion_fits(self) -> Self:
        if self.max_prompt_tokens >= self.max_tokens:
            raise ValueError(
                f"max_prompt_tokens ({self.max_prompt_tokens}) must be below max_tokens "
                f"({self.max_tokens}), which counts prompt and completion; otherwise a long prompt "
                "leaves no completion token to train on"
            )
        return self
