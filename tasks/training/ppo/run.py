"""A PPO run: answer, learn, remember the last weights within the budget."""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from storage.input_error import InputError
from storage.tables.prompts import Prompt
from tasks.judging.judge import Judge
from tasks.sampling.api.client import ApiUnavailableError
from tasks.training.losses.kl_controller import next_kl_coefficient
from tasks.training.ppo.answer_reader import answer_reader
from tasks.training.ppo.experience import Scored, score_answers, targets
from tasks.training.ppo.good_weights import GoodWeights
from tasks.training.ppo.metrics import iteration_metrics
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.rollout import Answer, draw_answers, encode_prompts, shuffled
from tasks.training.ppo.run_log import RunLog
from tasks.training.ppo.unfinished_run import UnfinishedRun
from tasks.training.ppo.update import PPOUpdate
from tasks.training.reference.load_reference import load_reference
from tasks.training.reward.reward import Rewards, require_some_read, reward_answers
from tasks.training.run.checkpoints import InterruptedTrainingError
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.precision import use_bf16
from tasks.training.run.run_files import RunFiles
from tasks.training.run.termination import Termination
from tasks.training.run.training_log import DivergedError
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

    `good.step` is the step of the last weights that were measured within the budget, which `policy`
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
        self._reference = load_reference(files.start, self.policy)
        self._reader = answer_reader(self.policy, self._reference, params)
        self.update = PPOUpdate(self.policy, self._reader, params, bf16=self._bf16)
        self.log = RunLog(files.progress, params)
        self.good = GoodWeights(self.policy.model)
        self._asked = encode_prompts(prompts, self.policy, params)
        self._judge = judge
        self._params = params
        self._progress = files.progress
        self._kl_coefficient = params.kl_coefficient
        self._iteration = 0
        self._is_over = False

    @property
    def num_asked(self) -> int:
        """How many prompts were asked so far, those of the iteration under way included."""
        return (self._iteration + 1) * self._params.prompts_per_iteration

    def train(self, unfinished: UnfinishedRun, termination: Termination) -> None:
        """Answer and learn until all steps are done or the run goes wrong.

        It begins where an earlier run of the same work left a checkpoint, and leaves one itself
        every few steps, when it is asked to end, and when the judge gives out.

        Raises:
            InterruptedTrainingError: it was asked to end before its last step.
            InputError: none of the first answers can be judged, or the judge's budget is spent.
            ApiUnavailableError: the judge is behind an API that does not answer.
        """
        states = unfinished.newest()
        if states is not None:
            self.restore(states)
        kept_step = self.update.step
        self._progress(kept_step, self.update.num_steps)
        while not self._is_over:
            try:
                self._iterate(termination)
            except (ApiUnavailableError, InputError):
                if self.update.step > kept_step:
                    unfinished.keep(self.update.step, self.states())
                raise
            step = self.update.step
            every = self._params.checkpoint_every
            is_due = bool(every) and step // every > kept_step // every
            is_asked = _is_asked(termination) and not self._is_over
            if is_asked or (is_due and not self._is_over):
                unfinished.keep(step, self.states())
                kept_step = step
            if is_asked:
                raise InterruptedTrainingError(
                    f"PPO was asked to end after step {step} of {self.update.num_steps}; run the "
                    "same work again to go on from there"
                )

    def states(self) -> dict[str, dict[str, Any]]:
        """Return all that `restore` needs, taken between two iterations."""
        return {
            "run": {"iteration": self._iteration, "kl_coefficient": self._kl_coefficient},
            "update": self.update.state(),
            "good": self.good.state(),
            "log": self.log.state(),
        }

    def restore(self, states: dict[str, dict[str, Any]]) -> None:
        """Take up the state of an interrupted run of the same work."""
        self._iteration = states["run"]["iteration"]
        self._kl_coefficient = states["run"]["kl_coefficient"]
        self.update.restore(states["update"])
        self.good.restore(states["good"])
        self.log.restore(states["log"])

    def _iterate(self, termination: Termination) -> None:
        """Answer and learn once; nothing is changed where the run is asked to end while it answers."""
        answered = self._answer(termination)
        if answered is None:
            return
        score = self._record(answered)
        if not self._is_within_budget(answered.scored.kl):
            return
        if self.update.step == self.update.num_steps:
            self._is_over = True
            return
        try:
            self._learn(answered, note=f"reward {score:.3f}")
        except DivergedError as error:
            self._give_up("diverged", str(error))
            return
        self._iteration += 1

    def _answer(self, termination: Termination) -> _Round | None:
        params = self._params
        start = self._iteration * params.prompts_per_iteration
        order = shuffled(self._asked, params.seed)
        asked = list(islice(order, start, start + params.prompts_per_iteration))
        with self._arithmetic():
            answers = draw_answers(self.policy, asked, params, self._iteration)
        if _is_asked(termination):
            return None
        rewards = reward_answers(self._judge, [answer.question for answer in answers])
        if self._iteration == 0:
            require_some_read(rewards, self._judge.name)
        if _is_asked(termination):
            return None
        first_epoch = self.update.first_epoch(len(answers))
        with self._arithmetic():
            scored = score_answers(
                answers,
                first_epoch,
                self.policy,
                self._reference,
                self.update.head,
                self._reader,
                params.batch_size,
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
        self.log.add_all(self.update.step, metrics)
        self.log.keep_answers(self.update.step, answered.answers)
        return metrics["objective/scores"]

    def _is_within_budget(self, kl: float) -> bool:
        """Keep the weights if they are close enough to the reference, or put the last good back."""
        stop = self._params.kl_stop or math.inf
        measured = f"the KL after step {self.update.step} is {kl:.4g} nats an answer"
        if not kl <= stop:  # so is NaN
            self._give_up("diverged", f"{measured}, beyond kl_stop ({stop:g})")
        elif kl > self._params.max_kl:
            self._give_up("kl_budget", f"{measured}, beyond max_kl ({self._params.max_kl:g})")
        else:
            self.good.keep(self.update.step)
            return True
        return False

    def _give_up(self, reason: StopReason, detail: str) -> None:
        self.good.put_back()
        self.log.stop(reason, self.good.step, detail)
        self._is_over = True

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
        self.log.add_all(self.update.step, metrics)
        if params.target_kl:
            self._kl_coefficient = next_kl_coefficient(
                self._kl_coefficient,
                answered.scored.kl,
                target=params.target_kl,
                gain=params.kl_gain,
            )

    def _arithmetic(self) -> AbstractContextManager[None]:
        """Return a context in which models compute as in training."""
        device = self.policy.device.type
        return torch.autocast(device, dtype=torch.bfloat16, enabled=self._bf16)


def _is_asked(termination: Termination) -> bool:
    """Tell whether the run is to end; a signal may change the answer at any time."""
    return termination.is_asked
