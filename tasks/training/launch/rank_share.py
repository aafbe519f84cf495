"""What each process takes of a batch, so that all of them together train on it once."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import Trainer
from typing_extensions import override

from tasks.training.launch.ranks import mean_over_ranks

WEIGHT = "rank_weight"
_IGNORED = -100  # transformers' label of tokens without a loss


@dataclass(frozen=True, slots=True)
class RankShare:
    """Collates the rows of a whole batch that are this process's own.

    A batch of n rows is cut into pieces that differ by one row at most; no row is given twice and
    none is left out. A process without a row (fewer rows than processes) takes the last one, with
    weight 0 and without labels, because all processes must pass through the model.
    """

    collate: Callable[[list[Any]], dict[str, Any]]
    rank: int
    num_ranks: int

    def __call__(self, rows: Sequence[Any]) -> dict[str, Any]:
        """Return the tensors of this process's rows, and the weight of a mean over them.

        `rank_weight` is its rows times processes over n. Averaged over the processes, as DDP does
        with gradients, the weighted means over their own rows are the mean over the n rows.
        """
        start, end = (len(rows) * place // self.num_ranks for place in (self.rank, self.rank + 1))
        batch = self.collate(list(rows[start:end] or rows[-1:]))
        if start == end and "labels" in batch:
            batch["labels"] = torch.full_like(batch["labels"], _IGNORED)
        return {**batch, WEIGHT: (end - start) * self.num_ranks / len(rows)}


class RankShareTrainer(Trainer):
    """transformers' Trainer that trains in several processes as it would in one.

    Accelerate fills up the last batch of an epoch with rows of its start, which then count twice.
    Here every process reads the same whole batches in the same order as a process alone,
    and collates its own share of each. A subclass multiplies what is a mean over the rows of a
    batch, its loss and its metrics, by `rank_weight`; a loss that divides by the labels of all
    processes, as transformers' own does, needs no weight. What is logged are means over all
    processes. Alone it is transformers' Trainer.
    """

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        self.rank_weight = 1.0
        self._read: deque[float] = deque()  # weights of batches that were read and not trained on
        self._trained = 1.0  # the weight of the batch that was trained on last

    @override
    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return the loader of this process's shares."""
        num_ranks = self.accelerator.num_processes
        if num_ranks == 1:
            return super().get_train_dataloader()
        before = self._train_batch_size, self.data_collator, self.accelerator.even_batches
        self._train_batch_size = before[0] * num_ranks
        self.data_collator = RankShare(before[1], self.accelerator.process_index, num_ranks)
        self.accelerator.even_batches = False  # or it fills up the last batch
        loader = super().get_train_dataloader()
        self._train_batch_size, self.data_collator, self.accelerator.even_batches = before
        whole: Any = loader.batch_sampler
        # as transformers does with samplers that know of the processes: nothing is dealt out twice
        whole.num_processes, whole.process_index = 1, 0
        return loader

    @override
    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[dict[str, Any]], Any]:
        """Return the batches of the next optimizer step; their weights are kept apart."""
        batches, num_items = super().get_batch_samples(epoch_iterator, num_batches, device)
        self._read = deque(batch.pop(WEIGHT, 1.0) for batch in batches)
        return batches, num_items

    @override
    def training_step(self, *positional: Any, **named: Any) -> Tensor:
        """Return the loss of a batch after its backward pass."""
        self.rank_weight = self._trained = self._read.popleft()
        loss = super().training_step(*positional, **named)
        self.rank_weight = 1.0  # evaluation has no shares
        return loss

    @override
    def _track_num_input_tokens(self, inputs: dict[str, Tensor]) -> None:
        """Count the tokens of all processes' own rows; a row that is not its own has none."""
        if not self._trained and "attention_mask" in inputs:
            inputs = {**inputs, "attention_mask": torch.zeros_like(inputs["attention_mask"])}
        super()._track_num_input_tokens(inputs)

    @override
    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the means over all processes."""
        own = {name: value for name, value in logs.items() if isinstance(value, float)}
        super().log({**logs, **mean_over_ranks(own)}, start_time)
