"""How RLOO and GRPO run."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.judging.judge_name import parse_judge_name
from tasks.training.params import TrainingParams


class OnlineParams(TrainingParams):
    """What RLOO and GRPO share: answers to prompts, rewarded by a judge that does not evaluate."""

    reward: str = "auto"
    """The judge whose probability or score an answer earns: `lexical`, `oracle`, `choice` or
    `classifier:<model directory or hub id>`. `auto` is `lexical` fitted on the training split, so it
    is another one than the judge that evaluates."""
    iterations: int = Field(default=30, ge=1, le=1_000_000)
    """How often the policy answers anew. After the last one it answers once more, to be measured."""
    prompts_per_iteration: int = Field(default=32, ge=1, le=65536)
    """Prompts answered in an iteration; they are gone through in a shuffled order, again and again."""
    samples_per_prompt: int = Field(default=4, ge=2, le=4096)
    """Answers to each prompt. They are compared with each other, so there are at least two."""
    response_length: int = Field(default=64, ge=1, le=65536)
    """Longest answer in tokens, its end-of-sequence token included. A longer one is cut, and judged
    as it is."""
    temperature: float = Field(default=1.0, gt=0, le=10)
    """Divides the logits before the draw, and in all log-probabilities too: the policy that learns is
    the one that answers."""
    epochs: int = Field(default=1, ge=1, le=1000)
    """How often the answers of an iteration are gone through."""
    batch_size: int = Field(default=128, ge=1, le=65536)
    """Answers that pass through the model at once, at most those of an iteration, which it must
    divide. With gradient_accumulation_steps, that many batches make one optimizer step."""
    max_steps: int = Field(default=0, ge=0)
    """Stop after this many optimizer steps even if the iterations are not over. 0 sets no limit."""
    learning_rate: float = Field(default=5e-4, gt=0, le=1)
    """Peak learning rate of AdamW. The default suits the embedded model of 1M parameters; models
    from 100M parameters on want about 1e-6 to 1e-5."""
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Share of the steps in which the learning rate rises to its peak; it then falls linearly
    to 0."""
    adam_epsilon: float = Field(default=1e-5, gt=0)
    """Added to AdamW's denominator. A larger one keeps a vanishing loss from making full steps."""
    clip: float = Field(default=0.2, gt=0, lt=1)
    """How far the probability ratio may move from 1 before its gradient is cut. It stays at 1 where
    an iteration is one optimizer step, as by default."""
    max_kl: float = Field(default=10.0, gt=0)
    """KL budget in nats per answer. Training stops at its last good weights once the mean log-ratio
    of an iteration's answers to the reference is beyond it."""
    keep_rollouts: bool = True
    """Store every answer of the policy in training as a completion. Off, `sample_every` stores those to
    `sample_prompts` prompts of an iteration, so many steps apart."""
    vllm: bool = False
    """Draw the answers with vLLM, beside the training on the same GPU. Needs a GPU and the package
    vllm."""
    vllm_memory: float = Field(default=0.3, gt=0, lt=1)
    """Share of the GPU's memory that vLLM takes, used with vllm."""

    @property
    def num_answers(self) -> int:
        """How many answers an iteration has."""
        return self.prompts_per_iteration * self.samples_per_prompt

    @property
    def answers_per_step(self) -> int:
        """How many of them an optimizer step learns from."""
        return min(self.batch_size * self.gradient_accumulation_steps, self.num_answers)

    @property
    def steps_per_iteration(self) -> int:
        """How many optimizer steps learn from the answers of an iteration."""
        return self.epochs * (self.num_answers // self.answers_per_step)

    def num_kept(self, step: int) -> int:
        """Return how many of the answers that were drawn after `step` are stored, the first ones."""
        if self.keep_rollouts:
            return self.num_answers
        if not self.sample_every or step % self.sample_every >= self.steps_per_iteration:
            return 0
        return self.sample_prompts * self.samples_per_prompt

    @field_validator("launch")
    @classmethod
    def _trains_here(cls, launch: str) -> str:
        if launch:
            raise ValueError(
                f"launch ({launch}) starts child processes, but RLOO and GRPO train in this one, on "
                "one device; leave launch empty, or train with DPO or D2O"
            )
        return launch

    @field_validator("reward")
    @classmethod
    def _reward_judges_alone(cls, reward: str) -> str:
        if reward != "auto" and parse_judge_name(reward).kind == "llm":
            raise ValueError(
                f"reward ({reward}) asks an API for every answer, which RLOO and GRPO cannot yet; "
                "there is auto, lexical, oracle, choice and classifier:<model>. Pairs that it labels "
                "train DPO and KTO"
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
    def _batches_come_out_even(self) -> Self:
        num_answers, per_step = self.num_answers, self.answers_per_step
        if num_answers % per_step or per_step % min(self.batch_size, num_answers):
            raise ValueError(
                f"prompts_per_iteration ({self.prompts_per_iteration}) times samples_per_prompt "
                f"({self.samples_per_prompt}) are {num_answers} answers, which do not fall evenly on "
                f"optimizer steps of batch_size ({self.batch_size}) times "
                f"gradient_accumulation_steps ({self.gradient_accumulation_steps}); take divisors"
            )
        return self


class RLOOParams(OnlineParams):
    """REINFORCE with the other answers to a prompt as baseline (leave one out)."""

    kl_coefficient: float = Field(default=0.05, ge=0)
    """What a nat of divergence from the reference costs, in units of the reward; lexical rewards go
    from 0 to 1. It is part of what an answer earns."""
    whiten_advantages: bool = False
    """Scale and shift the advantages of an iteration to variance 1 and mean 0."""


class GRPOParams(OnlineParams):
    """Group relative policy optimization: answers are compared within the group of their prompt."""

    kl_coefficient: float = Field(default=0.2, ge=0)
    """Weight of the mean divergence of a token from the reference, beside advantages of variance 1.
    It is part of the loss and not of what an answer earns."""
    scale_rewards: Literal["group", "batch", "none"] = "group"
    """Divide advantages by the standard deviation of the rewards of one prompt, of all answers of an
    iteration, or by nothing."""
    loss_type: Literal["dapo", "grpo", "bnpo", "dr_grpo", "cispo"] = "dapo"
    """How the losses of tokens are averaged: `grpo` first within each answer, as published, which
    favours short right and long wrong ones; `dapo` and `bnpo` over all tokens; `dr_grpo` by the
    longest answer possible. `cispo` clips weights instead of updates."""
    clip_high: float = Field(default=0.0, ge=0, lt=10)
    """Upper bound of the probability ratio's move, where it is to differ from clip. 0 takes clip."""
