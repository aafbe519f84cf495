"""A PPO run: answer, learn, remember the last weights within the budget."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, islice

import torch
from torch import Tensor

from storage.tables.prompts import Prompt
from tasks.judging.judge import Judge
from tasks.training.losses.kl_controller import next_kl_coefficient
from tasks.training.ppo.experience import Scored, score_answers, targets
from tasks.training.ppo.metrics import iteration_metrics
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.reward import Rewards, require_some_read, reward_answers
from tasks.training.ppo.rollout import Answer, draw_answers, encode_prompts, shuffled
from tasks.training.ppo.update import PPOUpdate
from tasks.training.reference.load_reference import load_reference
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.precision import use_bf16
from tasks.training.run.run_files import RunFiles
from tasks.training.run.training_log import DivergedError, TrainingLog
from tasks.training.run.training_result import StopReason


@dataclass(frozen=True, slots=True)
class _Round:
    """The answers of one iteration, judged and scored, and the order of their first epoch."""

    answers: list[Answer]
    rewards: Rewards
    scored: Scored
    first_epoch: list[list[int]]


class PPORun:
    """A policy on its way.

    `good_step` is the step of the last weights that were measured within the budget, which `policy`
    holds after `train`; `num_asked` counts prompts, repetitions included.
    """

    def __init__(
        self,
        prompts: Sequence[Prompt],
        judge: Judge,
        params: PPOParams,
        files: RunFiles,
    ) -> None:
        self.policy = load_for_training(files.start, params)
        self.policy.model.eval()  # dropout would make the ratios of unchanged weights differ from 1
        self._bf16 = use_bf16(params.bf16, self.policy.device)
        self.update = PPOUpdate(self.policy, params, bf16=self._bf16)
        self.log = TrainingLog(files.progress)
        self.good_step = 0
        self.num_asked = 0
        self._reference = load_reference(files.start, self.policy)
        self._asked = shuffled(encode_prompts(prompts, self.policy, params), params.seed)
        self._judge = judge
        self._params = params
        self._progress = files.progress
        self._kl_coefficient = params.kl_coefficient
        self._good = _copied(self.policy.model)

    def train(self) -> None:
        """Answer and learn until all steps are done or the run goes wrong."""
        self._progress(0, self.update.num_steps)
        for iteration in count():
            answered = self._answer(iteration)
            score = self._record(answered)
            if not self._is_within_budget(answered.scored.kl):
                return
            if self.update.step == self.update.num_steps:
                return
            try:
                self._learn(answered, note=f"reward {score:.3f}")
            except DivergedError:
                self._give_up("diverged")
                return

    def _answer(self, iteration: int) -> _Round:
        params = self._params
        asked = list(islice(self._asked, params.prompts_per_iteration))
        self.num_asked += len(asked)
        device = self.policy.device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self._bf16):
            answers = draw_answers(self.policy, asked, params, iteration)
        rewards = reward_answers(self._judge, [answer.question for answer in answers])
        if iteration == 0:
            require_some_read(rewards, self._judge.name)
        first_epoch = self.update.first_epoch(len(answers))
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self._bf16):
            scored = score_answers(
                answers, first_epoch, self.policy, self._reference, self.update.head, params
            )
        return _Round(answers, rewards, scored, first_epoch)

    def _record(self, answered: _Round) -> float:
        """Log the figures of the weights that answered, and return their mean reward."""
        metrics = iteration_metrics(
            answered.answers,
            answered.scored,
            answered.rewards,
            kl_coefficient=self._kl_coefficient,
        )
        self._log(metrics)
        return metrics["objective/scores"]

    def _is_within_budget(self, kl: float) -> bool:
        """Keep the weights if they are close enough to the reference, or put the last good back."""
        if kl <= self._params.max_kl:
            self._good, self.good_step = _copied(self.policy.model), self.update.step
            return True
        self._give_up("kl_budget" if math.isfinite(kl) else "diverged")
        return False

    def _give_up(self, reason: StopReason) -> None:
        self.policy.model.load_state_dict(self._good)
        self.log.stop(reason, self.good_step)

    def _learn(self, answered: _Round, *, note: str) -> None:
        params = self._params
        aims = targets(
            answered.scored, answered.rewards, params, kl_coefficient=self._kl_coefficient
        )
        metrics = self.update.learn(
            answered.answers,
            answered.scored,
            aims,
            answered.first_epoch,
            stepped=lambda step: self._progress(step, self.update.num_steps, note),
        )
        self._log(metrics)
        if params.target_kl:
            self._kl_coefficient = next_kl_coefficient(
                self._kl_coefficient,
                answered.scored.kl,
                target=params.target_kl,
                gain=params.kl_gain,
            )

    def _log(self, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self.log.add(self.update.step, name, value)


def _copied(model: torch.nn.Module) -> dict[str, Tensor]:
    """Return a copy of the weights in main memory."""
    return {name: value.detach().to("cpu", copy=True) for name, value in model.state_dict().items()}
