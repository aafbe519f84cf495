"""How policies are trained."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.judging.judge_name import parse_judge_name
from tasks.params import Params

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

_SMOOTHED = {"exo_pair", "robust", "aot", "aot_unpaired"}


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


class DPOLossParams(Params):
    """The DPO loss."""

    beta: float = Field(default=0.1, gt=0, le=100)
    """How strongly the policy is held to the reference: higher stays closer. 0.1 to 0.5 is
    usual."""
    loss_type: DPOLoss = "sigmoid"
    """`sigmoid` is DPO as published. `ipo`, `hinge`, `apo_zero` and the others are TRL's
    variants."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Assumed share of flipped labels, used by exo_pair, robust, aot and aot_unpaired."""

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


class DPOParams(TrainingParams, DPOLossParams):  # the last base comes first in a form
    """Direct preference optimization on pairs."""

    engine: Literal["auto", "packed", "trl"] = "auto"
    """`packed` computes both answers behind one copy of their prompt, about twice as fast, for the
    loss `sigmoid`. `trl` is TRL's trainer, for every loss. `auto` packs where loss and model allow
    it, and says so where they do not."""

    @model_validator(mode="after")
    def _packed_has_the_loss(self) -> Self:
        if self.engine == "packed" and self.loss_type != "sigmoid":
            raise ValueError(
                f"engine (packed) has the loss_type sigmoid and not ({self.loss_type}); set engine "
                "to auto or trl"
            )
        return self


class D2OLossParams(Params):
    """The D2O loss and the KL budget."""

    alpha: float = Field(default=0.1, gt=0, le=100)
    """Weight of the dispreferred answer's log-ratio: higher pushes away from it sooner, and stops
    pushing sooner."""
    beta: float = Field(default=0.2, gt=0, le=100)
    """Weight of the self-samples' mean log-ratio, which holds the policy to the reference: higher
    stays closer. The paper has 0.1 for both; with beta = alpha the KL of small models grows
    several times as fast."""
    max_samples: int = Field(default=7, ge=0, le=64)
    """Self-samples used of each row (the K of the paper), the first ones; rows with fewer use what
    they have. 0 leaves the negatives alone, which is an ablation and not a method."""
    margin_cutoff: float = Field(default=0.0, ge=0)
    """Rows whose margin is beyond this give no gradient any more. 0 switches it off; 2 is a good
    brake where the KL runs away."""
    adam_epsilon: float = Field(default=1e-5, gt=0)
    """Added to AdamW's denominator. A larger one keeps a vanishing loss from making full steps."""
    max_kl: float = Field(default=10.0, gt=0)
    """KL budget in nats per sequence. Training stops at its last good weights before the KL of
    fresh samples to the reference goes beyond it."""
    kl_every: int = Field(default=8, ge=1)
    """Optimizer steps between two measurements of that KL."""
    kl_samples: int = Field(default=64, ge=1, le=4096)
    """Fresh samples of each measurement."""
    kl_max_tokens: int = Field(default=64, ge=1)
    """Longest fresh sample in tokens; match the sampler's `max_tokens`."""


class D2OParams(TrainingParams, D2OLossParams):  # the last base comes first in a form
    """Distributional dispreference optimization on negatives and self-samples."""

    learning_rate: float = Field(default=3e-4, gt=0, le=1)
    """Peak learning rate of AdamW. The default suits the embedded model of 1M parameters; models
    from 100M parameters on want about 1e-6 to 1e-5."""
    engine: Literal["auto", "packed", "padded"] = "auto"
    """`packed` computes all answers of a prompt behind one copy of it: the longer the prompt and
    the more self-samples, the faster, and the less memory. `padded` gives every answer its own
    copy. `auto` packs where the model allows it, and says so where it does not."""


class PPOParams(TrainingParams):
    """Proximal policy optimization on prompts, rewarded by a judge that does not evaluate."""

    reward: str = "auto"
    """The judge whose probability or score an answer earns: `lexical`, `oracle`, `choice` or
    `classifier:<model directory or hub id>`. `auto` is `lexical` fitted on the training split, so it
    is another one than the judge that evaluates."""
    iterations: int = Field(default=14, ge=1, le=1_000_000)
    """How often the policy answers anew. After the last one it answers once more, to be measured."""
    prompts_per_iteration: int = Field(default=64, ge=1, le=65536)
    """Prompts answered in an iteration; they are gone through in a shuffled order, again and again."""
    samples_per_prompt: int = Field(default=2, ge=1, le=4096)
    """Answers to each prompt. The prompt passes through the model once for all of them."""
    response_length: int = Field(default=64, ge=1, le=65536)
    """Longest answer in tokens, its end-of-sequence token included. A longer one is cut, and judged
    as it is."""
    temperature: float = Field(default=1.0, gt=0, le=10)
    """Divides the logits before the draw, and in all log-probabilities too: the policy that learns is
    the one that answers."""
    epochs: int = Field(default=4, ge=1, le=1000)
    """How often the answers of an iteration are gone through."""
    batch_size: int = Field(default=32, ge=1, le=65536)
    """Answers that pass through the model at once, which is a minibatch; with
    gradient_accumulation_steps, that many of them are one."""
    max_steps: int = Field(default=0, ge=0)
    """Stop after this many optimizer steps even if the iterations are not over. 0 sets no limit."""
    learning_rate: float = Field(default=3e-4, gt=0, le=1)
    """Peak learning rate of AdamW. The default suits the embedded model of 1M parameters; models
    from 100M parameters on want about 1e-6 to 1e-5."""
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Share of the steps in which the learning rate rises to its peak; it then falls linearly
    to 0."""
    adam_epsilon: float = Field(default=1e-5, gt=0)
    """Added to AdamW's denominator. A larger one keeps a vanishing loss from making full steps."""
    clip: float = Field(default=0.2, gt=0, lt=1)
    """How far the probability ratio of a token may move from 1 before its gradient is cut."""
    value_clip: float = Field(default=0.2, gt=0)
    """How far a value may move within an iteration before its gradient is cut, in units of the
    reward. A large number switches it off."""
    value_coefficient: float = Field(default=0.1, ge=0)
    """Weight of the value loss beside the policy loss."""
    entropy_coefficient: float = Field(default=0.0, ge=0)
    """Weight of the entropy that is added to the objective. The KL penalty keeps the policy broad, so
    it is 0 as a rule."""
    gamma: float = Field(default=1.0, ge=0, le=1)
    """Discount from one token to the next. An answer is judged as a whole, hence 1."""
    gae_lambda: float = Field(default=0.95, ge=0, le=1)
    """Trade of variance against bias in the advantages: 1 trusts returns, 0 trusts the value head."""
    whiten_rewards: bool = False
    """Scale the rewards of an iteration, KL penalties included, to variance 1."""
    whiten_advantages: bool = True
    """Scale and shift the advantages of an iteration to variance 1 and mean 0."""
    kl_coefficient: float = Field(default=0.1, ge=0)
    """What a nat of divergence from the reference costs, in units of the reward; lexical rewards go
    from 0 to 1. Below 0.05 small models learn to please the judge with gibberish."""
    target_kl: float = Field(default=0.0, ge=0)
    """Move the KL coefficient after each iteration so that the KL of an answer becomes this many
    nats. 0 keeps the coefficient."""
    kl_gain: float = Field(default=0.1, gt=0, le=1)
    """How fast it moves, used with target_kl: at most a fifth of this share in an iteration."""
    max_kl: float = Field(default=10.0, gt=0)
    """KL budget in nats per answer. Training stops at its last good weights once the mean log-ratio
    of an iteration's answers to the reference is beyond it."""

    @field_validator("reward")
    @classmethod
    def _reward_judges_alone(cls, reward: str) -> str:
        if reward != "auto" and parse_judge_name(reward).kind == "llm":
            raise ValueError(
                f"reward ({reward}) asks an API for every answer, which PPO cannot yet; there is "
                "auto, lexical, oracle, choice and classifier:<model>. Pairs that it labels train DPO"
            )
        return reward

    @model_validator(mode="after")
    def _answer_fits(self) -> Self:
        if self.max_prompt_tokens + self.response_length > self.max_tokens:
            raise ValueError(
                f"max_prompt_tokens ({self.max_prompt_tokens}) and response_length "
                f"({self.response_length}) must together be at most max_tokens ({self.max_tokens}), "
                "which counts prompt and answer; lower one of them or raise max_tokens"
            )
        return self

    @model_validator(mode="after")
    def _target_moves_something(self) -> Self:
        if self.target_kl and not self.kl_coefficient:
            raise ValueError(
                f"target_kl ({self.target_kl}) moves kl_coefficient by shares of it, which is "
                f"({self.kl_coefficient}) and stays so; start from 0.1"
            )
        return self
