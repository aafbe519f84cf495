"""The preference trainer on examples that may change between steps."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Sampler
from typing_extensions import override

from tasks.training.d2o.live_examples import LiveExamples
from tasks.training.d2o.row_order import RowOrder
from tasks.training.preference.preference_engine import PreferenceEngine
from tasks.training.preference.preference_trainer import PreferenceTrainer


class D2OTrainer(PreferenceTrainer):
    """Reads row numbers, and makes batches of their examples only when a step begins.

    Loaders fetch ahead, so a batch that was made by the loader would hold the samples of before.
    """

    def __init__(
        self, *, live: LiveExamples, order: RowOrder, engine: PreferenceEngine, **trainer: Any
    ) -> None:
        super().__init__(engine=engine, train_dataset=range(len(order)), **trainer)
        self.data_collator = _row_numbers
        self.add_callback(live)
        self._live = live
        self._order = order
        self._rows: list[int] = []
        self._step = 0

    @override
    def _get_train_sampler(self, train_dataset: object = None) -> Sampler[int]:
        """Return the order, which also tells what later steps will read."""
        return self._order

    @override
    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[dict[str, Any]], Any]:
        """Return the batches of the next optimizer step, made of the examples as they are now."""
        self._step = int(self.state.global_step)
        # a loader that skips what a checkpoint had read does not pass the epoch on everywhere
        self._order.set_epoch(self._order.epoch_of(self._step))
        numbers, num_items = super().get_batch_samples(epoch_iterator, num_batches, device)
        batches = [batch["rows"].tolist() for batch in numbers]
        self._rows = [row for batch in batches for row in batch]
        self._live.prepare(self._step, self._rows)
        return [self._engine.collate(self._live.of_rows(batch)) for batch in batches], num_items

    @override
    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log also how old the samples and the references are that the step has used."""
        live = self._live.metrics(self._step, self._rows) if "loss" in logs else {}
        super().log({**logs, **live}, start_time)


def _row_numbers(rows: Sequence[int]) -> dict[str, torch.Tensor]:
    return {"rows": torch.tensor(rows)}
