"""TRL's DPOTrainer on rows that are token ids already."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from datasets import Dataset
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from tasks.sampling.model import LoadedModel
from tasks.training.dpo.params import DPOParams


class EncodedDPOTrainer(DPOTrainer):
    """DPOTrainer that takes columns `prompt_ids`, `chosen_ids` and `rejected_ids` as they are.

    TRL tokenises prompt and completion together and looks for where they part; here they were
    tokenised apart, truncated and closed before. The reference log-probabilities are computed
    once, with the untrained policy and the arithmetic of training, so the loss of the first step
    is that of equal models exactly. Both overridden methods are internal to TRL 1.16.
    """

    def _prepare_dataset(self, dataset: Dataset, *_: Any, **__: Any) -> Dataset:
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, _name: str, batch_size: int) -> Dataset:
        chosen: list[float] = []
        rejected: list[float] = []
        for start in range(0, len(dataset), batch_size):
            examples = [dataset[i] for i in range(start, min(start + batch_size, len(dataset)))]
            batch = self.data_collator(examples)
            inputs = {
                key: value.to(self.accelerator.device) if torch.is_tensor(value) else value
                for key, value in batch.items()
            }
            ref_chosen, ref_rejected = self.compute_ref_log_probs(self.model, inputs)
            chosen += ref_chosen.tolist()
            rejected += ref_rejected.tolist()
        dataset = dataset.add_column("ref_chosen_logps", chosen)
        return dataset.add_column("ref_rejected_logps", rejected)


def trl_trainer(
    loaded: LoadedModel,
    rows: Sequence[dict[str, list[int]]],
    params: DPOParams,
    arguments: dict[str, Any],
) -> EncodedDPOTrainer:
    """Return TRL's trainer with our parameters; `arguments` are those of transformers' Trainer."""
    return EncodedDPOTrainer(
        model=loaded.model,
        args=DPOConfig(
            **arguments,
            beta=params.beta,
            loss_type=[params.loss_type],
            label_smoothing=params.label_smoothing,
            max_length=None,  # `encode` has truncated
            precompute_ref_log_probs=True,
            precompute_ref_batch_size=params.batch_size,
        ),
        train_dataset=Dataset.from_list(list(rows)),
        processing_class=loaded.tokenizer,
    )


@contextmanager
def quiet_trl() -> Iterator[None]:
    """Silence a warning that TRL 1.16 causes: it asks transformers by a deprecated name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        yield
