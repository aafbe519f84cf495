"""Stops training before the policy is further from its reference than allowed."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from typing_extensions import override

from tasks.sampling.draw import uniforms
from tasks.sampling.encoding import Encoded
from tasks.sampling.logps import sequence_kls
from tasks.sampling.model import LoadedModel
from tasks.sampling.rollout import rollout
from tasks.training.adapters.trainable_state import restore_trainable, trainable_state
from tasks.training.launch.ranks import from_first_rank
from tasks.training.run.kl_params import KLParams
from tasks.training.run.training_log import TrainingLog

_KL_BATCH = 8  # two full distributions a token are held at once


class KLWatch(TrainerCallback):
    """Measures KL(policy || reference) on fresh samples every few steps, and can end the training.

    Logs it as `kl`, in nats per sequence, the exact divergence of the next-token distributions
    summed along each sample. Beyond `params.kl_stop` the run has diverged; beyond `max_kl`, for a
    method that has one, its budget is spent. The weights at the last measurement within both are
    kept and put back then. The mean log-ratio on self-samples costs nothing but lags behind: it
    is a forward KL, and on samples that training has raised itself.

    Make it while the policy still equals the reference. Several processes measure the same and
    decide by the first one's figure; sharded weights (FSDP2) are gathered to be kept.
    """

    def __init__(
        self,
        policy: LoadedModel,
        reference: LoadedModel,
        prompts: Sequence[tuple[int, ...]],
        params: KLParams,
        log: TrainingLog,
        *,
        max_kl: float | None,
        seed: int,
        bf16: bool,
    ) -> None:
        self._policy = policy
        self._reference = reference
        self._prompts = prompts
        self._params = params
        self._log = log
        self._max_kl = max_kl
        self._seed = seed
        self._bf16 = bf16
        self._good = trainable_state(policy.model)
        self.good_step = 0

    def state(self) -> dict[str, Any]:
        """Return the good weights and their step."""
        return {"good_step": self.good_step, "good": self._good}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the good weights of an interrupted run."""
        self.good_step = state["good_step"]
        self._good = state["good"]

    @override
    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Measure the start, where the KL is 0."""
        if state.global_step == 0:
            self._log.add_measured(0, "kl", self.measure(0))

    @override
    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Measure where it is time to, and after the last step."""
        if state.global_step % self._params.kl_every and state.global_step < state.max_steps:
            return
        kl = from_first_rank(self.measure(state.global_step))
        self._log.add_measured(state.global_step, "kl", kl)
        if not self._is_over(kl, state.global_step):
            self._good, self.good_step = trainable_state(self._policy.model), state.global_step
            return
        self.put_back()
        control.should_training_stop = True

    def put_back(self) -> None:
        """Give the policy the last weights that were within the limits, those of `good_step`."""
        restore_trainable(self._policy.model, self._good)

    def measure(self, step: int) -> float:
        """Return the mean KL of fresh samples, in nats per sequence; the draws depend on `step`."""
        prompts = [
            self._prompts[(step * self._params.kl_samples + index) % len(self._prompts)]
            for index in range(self._params.kl_samples)
        ]
        numbers = torch.stack(
            [
                uniforms(self._seed, f"kl:{step}", index, self._params.kl_max_tokens)
                for index in range(len(prompts))
            ]
        )
        training = self._policy.model.training
        self._policy.model.eval()
        # training's arithmetic for both models: rounding alone must not look like divergence
        device = self._policy.device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self._bf16):
            samples = rollout(self._policy, prompts, numbers, temperature=1.0, top_p=1.0)
            encoded = [
                Encoded(prompt_ids=prompt, completion_ids=sample.completion_ids)
                for prompt, sample in zip(prompts, samples, strict=True)
            ]
            kls = sequence_kls(self._policy, self._reference, encoded, batch_size=_KL_BATCH)
        self._policy.model.train(training)
        return sum(kl.exact for kl in kls) / len(kls)

    def _is_over(self, kl: float, step: int) -> bool:
        """Tell whether this KL ends the run, and note why."""
        measured = f"the KL after step {step} is {kl:.4g} nats per sequence"
        if not math.isfinite(kl):
            self._log.stop("diverged", self.good_step, measured)
        elif 0 < self._params.kl_stop < kl:
            limit = f"beyond kl_stop ({self._params.kl_stop:g})"
            self._log.stop("diverged", self.good_step, f"{measured}, {limit}")
        elif self._max_kl is not None and kl > self._max_kl:
            limit = f"beyond max_kl ({self._max_kl:g})"
            self._log.stop("kl_budget", self.good_step, f"{measured}, {limit}")
        else:
            return False
        return True
