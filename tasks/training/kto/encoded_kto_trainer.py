"""TRL's KTOTrainer on rows that are token ids already."""

from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer

from tasks.sampling.model import LoadedModel
from tasks.training.kto.params import KTOParams
from tasks.training.kto.unpaired_answers import KTORow


class EncodedKTOTrainer(KTOTrainer):
    """KTOTrainer that takes its rows as they are, in their order.

    TRL tokenises prompt and completion together and looks for where they part; here they were
    tokenised apart, truncated, closed and matched before. The reference log-probabilities are
    computed once, with the untrained policy and the arithmetic and batches of training, so the
    losses of the first step are those of equal models exactly. TRL logs the reference point as
    `kl`; it is logged as `reference_point`, as it is not the KL of fresh answers that `kl` is with
    every method. The overridden methods with an underscore are internal to TRL 1.16.
    """

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write none."""

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log as TRL does, with the reference point under its own name."""
        metrics = self._metrics["train"]
        if "kl" in metrics:
            metrics["reference_point"] = metrics.pop("kl")
        super().log(logs, start_time)

    def _send_telemetry(self) -> None:
        pass

    def _prepare_dataset(self, dataset: Dataset, *_: Any, **__: Any) -> Dataset:
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, _name: str, batch_size: int) -> Dataset:
        found: dict[str, list[float]] = {"ref_logps": [], "ref_KL_logps": []}
        for start in range(0, len(dataset), batch_size):
            examples = [dataset[i] for i in range(start, min(start + batch_size, len(dataset)))]
            batch = self.data_collator(examples)
            inputs = {key: value.to(self.accelerator.device) for key, value in batch.items()}
            logps, mismatched = self.compute_ref_log_probs(self.ref_model or self.model, inputs)
            found["ref_logps"] += logps.tolist()
            found["ref_KL_logps"] += [] if mismatched is None else mismatched.tolist()
        for name, values in found.items():
            if values:
                dataset = dataset.add_column(name, values)
        return dataset


def trl_trainer(
    loaded: LoadedModel,
    rows: Sequence[KTORow],
    params: KTOParams,
    arguments: dict[str, Any],
) -> EncodedKTOTrainer:
    """Return TRL's trainer with our parameters; `arguments` are those of transformers' Trainer."""
    matched = params.loss_type == "kto"
    return EncodedKTOTrainer(
        model=loaded.model,
        args=KTOConfig(
            **arguments,
            beta=params.beta,
            loss_type=params.loss_type,
            desirable_weight=params.desirable_weight,
            undesirable_weight=params.undesirable_weight,
            max_length=None,  # `encode` has truncated
            train_sampling_strategy="sequential",  # the rows were shuffled and matched
            precompute_ref_log_probs=True,
            precompute_ref_batch_size=arguments["per_device_train_batch_size"],
        ),
        train_dataset=Dataset.from_list([_example(row, matched=matched) for row in rows]),
        processing_class=loaded.tokenizer,
    )


def _example(row: KTORow, *, matched: bool) -> dict[str, Any]:
    example = {
        "prompt_ids": list(row.answer.encoded.prompt_ids),
        "completion_ids": list(row.answer.encoded.completion_ids),
        "label": row.answer.desirable,
    }
    return {**example, "KL_completion_ids": list(row.mismatched_ids)} if matched else example
