"""D2O's examples, which may change while it trains."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from accelerate import PartialState
from accelerate.utils import gather_object
from torch.distributed.tensor import DTensor
from transformers import TrainerCallback

from storage.tables.negatives import Negative
from tasks.sampling.encoding import Encoded
from tasks.training.d2o.reference_scores import ReferenceScores
from tasks.training.d2o.row_order import RowOrder
from tasks.training.d2o.self_samples import Messages, SelfSample, SelfSampler
from tasks.training.preference.preference_batch import PreferenceExample
from tasks.training.reference.follow import follow, reference_state, restore_reference
from tasks.training.run.training_log import TrainingLog


class LiveExamples(TrainerCallback):
    """The example of each row as the next step reads it.

    Before a step, and where it is time to, the references are moved to the policy and the
    self-samples of the rows that the steps until the next draw will read are drawn anew. What a
    reference that has moved since said of a row is computed again when the row is read. It is a
    callback so that checkpoints hold it: the samples in use, what the references say of them, and
    the references.
    """

    def __init__(
        self,
        rows: Sequence[Negative],
        examples: Sequence[PreferenceExample],
        order: RowOrder,
        scores: ReferenceScores,
        sampler: SelfSampler,
        log: TrainingLog,
    ) -> None:
        """Take the rows that are trained on, and their examples with `ref_logps`."""
        self._rows = rows
        self._examples = list(examples)
        self._scored_after = [0] * len(examples)  # reference updates
        self._drawn_at: dict[int, int] = {}  # step, of the rows whose samples are fresh
        self._num_updates = 0
        self._last_update = 0
        self._order = order
        self._scores = scores
        self._sampler = sampler
        self._params = sampler.params
        self._log = log

    def of_rows(self, rows: Sequence[int]) -> list[PreferenceExample]:
        """Return the examples of these rows, as they are now."""
        return [self._examples[row] for row in rows]

    def prepare(self, step: int, rows: Sequence[int]) -> None:
        """Make everything ready for the step after `step` ones, which will read `rows`.

        Raises:
            InputError: as `SelfSampler.draw` and `follow`.
        """
        if _is_due(step, self._params.reference_update_every, self._params.reference_update_every):
            self._update(step)
        if _is_due(step, self._params.resample_every, self._params.warmup_steps):
            self._resample(step)
        stale = [row for row in dict.fromkeys(rows) if self._scored_after[row] < self._num_updates]
        self._score(stale)

    def metrics(self, step: int, rows: Sequence[int]) -> dict[str, float]:
        """Return what is logged of a step that read `rows`, after `step` ones."""
        metrics: dict[str, float] = {}
        if self._params.resample_every and rows:
            ages = [step - self._drawn_at[row] for row in rows if row in self._drawn_at]
            metrics["d2o/fresh_rows"] = len(ages) / len(rows)
            metrics["d2o/sample_age"] = sum(ages) / len(ages) if ages else 0.0
        if self._params.reference_update_every:
            metrics["reference/updates"] = self._num_updates
            metrics["reference/last_update"] = self._last_update
        return metrics

    def state(self) -> dict[str, Any]:
        """Return what has changed since the start."""
        changed = [
            row
            for row in range(len(self._examples))
            if row in self._drawn_at or self._scored_after[row]
        ]
        return {
            "updates": [self._num_updates, self._last_update],
            "rows": {str(row): self._row_state(row) for row in changed},
            "references": {
                str(index): reference_state(model) if self._num_updates else {}
                for index, model in enumerate(self._scores.models)
            },
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` returned."""
        self._num_updates, self._last_update = state["updates"]
        for name, kept in state["rows"].items():
            row = int(name)
            example = self._with_samples(row, kept["samples"])
            self._examples[row] = replace(example, ref_logps=tuple(kept["ref_logps"]))
            self._scored_after[row] = kept["scored_after"]
            if kept["drawn_at"] is not None:
                self._drawn_at[row] = kept["drawn_at"]
        if self._num_updates:
            for index, model in enumerate(self._scores.models):
                restore_reference(model, state["references"][str(index)])

    def _row_state(self, row: int) -> dict[str, Any]:
        example = self._examples[row]
        return {
            "samples": [list(item.completion_ids) for item in example.encoded[:-1]],
            "ref_logps": list(example.ref_logps),
            "scored_after": self._scored_after[row],
            "drawn_at": self._drawn_at.get(row),
        }

    def _update(self, step: int) -> None:
        for model in self._scores.models:
            follow(model, self._sampler.policy, decay=self._params.reference_decay)
        self._num_updates, self._last_update = self._num_updates + 1, step

    def _resample(self, step: int) -> None:
        """Draw for all rows that are read before the next draw, each process a part of them."""
        rows = self._order.rows_of(step, step + self._params.resample_every)
        prompts = {self._rows[row].messages: self._rows[row].prompt_id for row in reversed(rows)}
        own = self._sampler.draw(self._part_of(prompts), step)
        drawn: dict[Messages, list[SelfSample]] = dict(gather_object(list(own.items())))
        for row in rows:
            samples = [sample.completion_ids for sample in drawn[self._rows[row].messages]]
            self._examples[row] = self._with_samples(row, samples)
            self._drawn_at[row] = step
        self._score(rows)
        for messages in prompts:
            self._log.keep(step, [sample.completion for sample in drawn[messages]])

    def _part_of(self, prompts: dict[Messages, str]) -> dict[Messages, str]:
        """Return the prompts that this process draws for: all where the weights are sharded.

        Processes that hold shards must pass through the model equally often.
        """
        parameters = self._sampler.policy.model.parameters()
        if any(isinstance(parameter, DTensor) for parameter in parameters):
            return prompts
        process = PartialState()
        part = islice(prompts.items(), process.process_index, None, process.num_processes)
        return dict(part)

    def _with_samples(self, row: int, samples: Sequence[Sequence[int]]) -> PreferenceExample:
        """Return a row's example with other self-samples, its reference log-probabilities unknown."""
        *_, negative = self._examples[row].encoded
        room = self._params.max_tokens - len(negative.prompt_ids)
        fresh = [
            Encoded(prompt_ids=negative.prompt_ids, completion_ids=tuple(ids)[:room])
            for ids in samples
        ]
        return PreferenceExample(encoded=(*fresh, negative))

    def _score(self, rows: Sequence[int]) -> None:
        scored = self._scores.of(self.of_rows(rows))
        for row, example in zip(rows, scored, strict=True):
            self._examples[row] = example
            self._scored_after[row] = self._num_updates


def _is_due(step: int, every: int, first: int) -> bool:
    """Tell whether something happens before this step, counted from 0: `first`, then every so many."""
    return every > 0 and step >= first and (step - first) % every == 0
