"""Stops training before the policy is further from its reference than allowed."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from typing_extensions import override

from tasks.sampling.draw import uniforms
from tasks.sampling.encoding import Encoded
from tasks.sampling.logps import sequence_kls
from tasks.sampling.model import LoadedModel
from tasks.sampling.rollout import rollout
from tasks.training.d2o.params import D2OParams
from tasks.training.run.training_log import TrainingLog

_KL_BATCH = 8  # two full distributions a token are held at once


class KLBudget(TrainerCallback):
    """Measures KL(policy || reference) on fresh samples every few steps, and ends the training.

    Logs it as `kl`, in nats per sequence, the exact divergence of the next-token distributions
    summed along each sample. Weights within the budget are kept; once a measurement lies beyond
    it they are put back. The mean log-ratio on the self-samples costs nothing but lags behind:
    it is a forward KL, and on samples that training has raised itself.
    """

    def __init__(
        self,
        policy: LoadedModel,
        reference: LoadedModel,
        prompts: Sequence[tuple[int, ...]],
        params: D2OParams,
        log: TrainingLog,
        *,
        bf16: bool,
    ) -> None:
        self._policy = policy
        self._reference = reference
        self._prompts = prompts
        self._params = params
        self._log = log
        self._bf16 = bf16
        self._good = _copied(policy.model)
        self.good_step = 0

    @override
    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Measure the start, where the KL is 0."""
        self._log.add(0, "kl", self.measure(0))

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
        kl = self.measure(state.global_step)
        self._log.add(state.global_step, "kl", kl)
        if kl <= self._params.max_kl:
            self._good, self.good_step = _copied(self._policy.model), state.global_step
            return
        self.restore()
        self._log.stop("kl_budget", self.good_step)
        control.should_training_stop = True

    def restore(self) -> None:
        """Give the policy the last weights that were within the budget, those of `good_step`."""
        self._policy.model.load_state_dict(self._good)

    def measure(self, step: int) -> float:
        """Return the mean KL of fresh samples, in nats per sequence; the draws depend on `step`."""
        prompts = [
            self._prompts[(step * self._params.kl_samples + index) % len(self._prompts)]
            for index in range(self._params.kl_samples)
        ]
        numbers = torch.stack(
            [
                uniforms(self._params.seed, f"kl:{step}", index, self._params.kl_max_tokens)
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


def _copied(model: torch.nn.Module) -> dict[str, Tensor]:
    """Return a copy of the weights in main memory."""
    return {name: value.detach().to("cpu", copy=True) for name, value in model.state_dict().items()}
