"""How PPO runs."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from tasks.judging.judge_name import parse_judge_name
from tasks.sampling.api.params import ApiParams, BudgetParams
from tasks.training.params import TrainingParams
from tasks.training.ppo.reward_params import RewardParams


class PPOParams(TrainingParams):
    """Proximal policy optimization on prompts, rewarded by a judge that does not evaluate."""

    reward: str = "auto"
    """The judge whose probability or score an answer earns: `lexical`, `oracle`, `choice`,
    `classifier:<model directory or hub id>` or `llm:<model>`, which is asked through an API. `auto` is
    `lexical` fitted on the training split, so it is another one than the judge that evaluates."""
    asking: RewardParams = RewardParams()
    """llm: what the judge that rewards is asked, and how."""
    api: ApiParams = ApiParams()
    """llm: the server of the judge that rewards."""
    budget: BudgetParams = BudgetParams()
    """llm: what one run may spend on rewards. Where it does not last, the run ends with a checkpoint,
    and goes on from there when it is run again with more."""
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
    gradient_accumulation_steps, that many of them are one. Those to the same prompt are read behind
    one copy of it where the model allows; a multiple of samples_per_prompt parts none of them."""
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
    kl_stop: float = Field(default=100.0, ge=0)
    """Training stops, as diverged, once that KL is beyond this many nats per answer; the last good
    weights are kept. 0 sets no bound."""
    keep_rollouts: bool = True
    """Store every answer of the policy in training as a completion. Off, `sample_every` stores those to
    `sample_prompts` prompts of an iteration, so many steps apart."""

    @property
    def reward_model(self) -> str:
        """The model of an LLM judge that rewards, empty if another judge does."""
        name = None if self.reward == "auto" else parse_judge_name(self.reward)
        return name.model if name is not None and name.kind == "llm" else ""

    @field_validator("reward")
    @classmethod
    def _reward_exists(cls, reward: str) -> str:
        return reward if reward == "auto" else parse_judge_name(reward).text

    @field_validator("api")
    @classmethod
    def _answers_at_once(cls, api: ApiParams) -> ApiParams:
        if api.batch:
            raise ValueError(
                "api.batch (true) takes up to a day for the rewards of one iteration, and training "
                "waits for them; set api.batch=false"
            )
        return api

    @field_validator("launch")
    @classmethod
    def _trains_here(cls, launch: str) -> str:
        if launch:
            raise ValueError(
                f"launch ({launch}) starts child processes, but PPO trains in this one, on one "
                "device; leave launch empty, or train with DPO or D2O"
            )
        return launch

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
