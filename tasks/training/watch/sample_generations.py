"""What the policy answers on its way, to be read beside its metrics."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from typing_extensions import override

from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.sampling.model import LoadedModel
from tasks.sampling.params import SamplingParams
from tasks.sampling.sample import sample
from tasks.training.params import TrainingParams
from tasks.training.run.precision import use_bf16
from tasks.training.run.training_log import TrainingLog

ANSWER_TOKENS = 64
"""Longest answer: enough to read, as long as KL measurements and the sampler have by default."""


class Asked(Protocol):
    """A row of any training data: it has a prompt."""

    @property
    def source(self) -> str:
        """Where the row comes from."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """What is asked."""


class SampleGenerations(TrainerCallback):
    """Lets the policy answer the first distinct prompts of the data every `sample_every` steps.

    Also before the first step, to compare with; nothing with `sample_every` 0. The answers are drawn
    at temperature 1, which shows the policy as it is, and with random numbers of the seed and the
    prompt alone: they are the same numbers at every step, so that texts differ by what was learned.
    Training does not notice: those numbers have generators of their own, and the model's mode is put
    back. Under several processes each of them draws the same answers, because the weights may lie
    on all of them.
    """

    def __init__(
        self,
        policy: LoadedModel,
        rows: Sequence[Asked],
        params: TrainingParams,
        log: TrainingLog,
    ) -> None:
        wanted = params.sample_prompts if params.sample_every else 0
        self._policy = policy
        self._prompts = _first_prompts(rows, wanted)
        self._params = params
        self._sampling = SamplingParams(
            max_tokens=max(1, min(ANSWER_TOKENS, params.max_tokens - params.max_prompt_tokens)),
            max_prompt_tokens=params.max_prompt_tokens,
            batch_size=max(1, params.batch_size),
        )
        self._log = log
        self._bf16 = use_bf16(params.bf16, policy.device)

    @override
    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask the policy before it learns; a run that goes on has been asked before."""
        if state.global_step == 0:
            self._sample(0)

    @override
    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask it where it is time to."""
        if self._prompts and state.global_step % self._params.sample_every == 0:
            self._sample(state.global_step)

    def _sample(self, step: int) -> None:
        if not self._prompts:
            return
        training = self._policy.model.training
        self._policy.model.eval()
        try:
            device = self._policy.device.type
            with torch.autocast(device, dtype=torch.bfloat16, enabled=self._bf16):
                answers = sample(
                    self._policy,
                    self._prompts,
                    policy_id="",
                    num_samples=1,
                    params=self._sampling,
                    seed=self._params.seed,
                )
        finally:
            self._policy.model.train(training)
        self._log.keep(step, answers)


def _first_prompts(rows: Sequence[Asked], count: int) -> list[Prompt]:
    """Return the first `count` distinct prompts of the rows."""
    found: dict[str, Prompt] = {}
    for row in rows:
        if len(found) == count:
            break
        prompt = Prompt(
            source=row.source, split="train", messages=row.messages, cluster="", origin=""
        )
        found.setdefault(prompt.prompt_id, prompt)
    return list(found.values())
