"""TRL's DPOTrainer on rows that are token ids already."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from tasks.sampling.model import LoadedModel
from tasks.training.dpo.encode_pairs import EncodedPairs, as_example
from tasks.training.dpo.params import DPOParams
from tasks.training.preference.preference_batch import PreferenceExample
from tasks.training.reference.known_logps import with_known_logps


class EncodedDPOTrainer(DPOTrainer):
    """DPOTrainer that takes columns `prompt_ids`, `chosen_ids` and `rejected_ids` as they are.

    TRL tokenises prompt and completion together and looks for where they part; here they were
    tokenised apart, truncated and closed before. The reference log-probabilities are computed
    once, with the untrained policy and the arithmetic of training, so the loss of the first step
    is that of equal models exactly. The two other overridden methods are internal to TRL 1.16.
    """

    def __init__(
        self, *, row_ids: Sequence[str] = (), reference_logps: Path | None = None, **trainer: Any
    ) -> None:
        """Make the trainer.

        `reference_logps` is what is known of the reference (see `KnownLogps`), for which `row_ids`
        names the rows of the dataset.
        """
        self._row_ids = row_ids
        self._reference_logps = reference_logps
        super().__init__(**trainer)

    def _prepare_dataset(self, dataset: Dataset, *_: Any, **__: Any) -> Dataset:
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, _name: str, batch_size: int) -> Dataset:
        scored = with_known_logps(
            [as_example(row) for row in dataset],
            self._row_ids,
            lambda unknown: self._scored(unknown, batch_size),
            self._reference_logps,
            bf16=self.args.bf16,
        )
        chosen, rejected = zip(*(example.ref_logps for example in scored), strict=True)
        dataset = dataset.add_column("ref_chosen_logps", list(chosen))
        return dataset.add_column("ref_rejected_logps", list(rejected))

    def _scored(
        self, examples: Sequence[PreferenceExample], batch_size: int
    ) -> list[PreferenceExample]:
        scored = []
        for start in range(0, len(examples), batch_size):
            part = examples[start : start + batch_size]
            batch = self.data_collator([_as_row(example) for example in part])
            inputs = {
                key: value.to(self.accelerator.device) if torch.is_tensor(value) else value
                for key, value in batch.items()
            }
            logps = self.compute_ref_log_probs(self.model, inputs)
            pairs = zip(*(values.tolist() for values in logps), strict=True)
            scored += [
                replace(example, ref_logps=pair) for example, pair in zip(part, pairs, strict=True)
            ]
        return scored


def _as_row(example: PreferenceExample) -> dict[str, list[int]]:
    chosen, rejected = example.encoded
    return {
        "prompt_ids": list(chosen.prompt_ids),
        "chosen_ids": list(chosen.completion_ids),
        "rejected_ids": list(rejected.completion_ids),
    }


def trl_trainer(
    loaded: LoadedModel,
    pairs: EncodedPairs,
    params: DPOParams,
    arguments: dict[str, Any],
    known: Path | None = None,
) -> EncodedDPOTrainer:
    """Return TRL's trainer with our parameters; `arguments` are those of transformers' Trainer."""
    return EncodedDPOTrainer(
        model=loaded.model,
        args=DPOConfig(
            **arguments,
            beta=params.beta,
            **_losses(params),
            label_smoothing=params.label_smoothing,
            max_length=None,  # `encode` has truncated
            precompute_ref_log_probs=True,
            precompute_ref_batch_size=params.batch_size,
        ),
        train_dataset=Dataset.from_list(list(pairs.kept)),
        row_ids=pairs.ids,
        reference_logps=known,
        processing_class=loaded.tokenizer,
    )


def _losses(params: DPOParams) -> dict[str, Any]:
    """Return the loss, and the SFT term beside it if there is one, under TRL's names."""
    loss_type = "sigmoid_norm" if params.length_normalised else params.loss_type
    if params.sft_weight == 0:
        return {"loss_type": [loss_type]}
    return {"loss_type": [loss_type, "sft"], "loss_weights": [1.0, params.sft_weight]}
