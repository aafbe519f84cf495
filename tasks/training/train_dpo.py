"""Direct preference optimization through TRL."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datasets import Dataset
from trl.trainer.dpo_config import DPOConfig

from storage.tables.pairs import PreferencePair
from tasks.progress import Progress, silent
from tasks.sampling.encoding import encode
from tasks.training.encoded_dpo_trainer import EncodedDPOTrainer
from tasks.training.params import DPOParams
from tasks.training.trainer_arguments import trainer_arguments
from tasks.training.training_log import TrainingLog
from tasks.training.training_result import TrainingResult
from tasks.training.training_run import (
    load_for_training,
    require_rows,
    run,
    save_policy,
    scratch_directory,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def train_dpo(
    rows: Sequence[PreferencePair],
    params: DPOParams,
    start: Path,
    out: Path,
    progress: Progress = silent,
) -> TrainingResult:
    """Train the model in `start` on pairs, with itself as the frozen reference; write it to `out`.

    Sequence log-probabilities are sums over the completion's tokens, its end token included.

    Raises:
        InputError: no pair can be trained on, or `start` is not a model.
    """
    loaded = load_for_training(start, params)
    encoded = [encode_pair(row, loaded.tokenizer, params) for row in rows]
    kept = [row for row in encoded if row["chosen_ids"] and row["rejected_ids"]]
    num_dropped = len(encoded) - len(kept)
    require_rows(len(kept), num_dropped, "pairs")
    log = TrainingLog(progress)
    with scratch_directory() as directory, warnings.catch_warnings():
        # TRL 1.16 still asks transformers by a deprecated name
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        arguments = trainer_arguments(
            params, num_rows=len(kept), device=loaded.device, output_dir=directory
        )
        trainer = EncodedDPOTrainer(
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
            train_dataset=Dataset.from_list(kept),
            processing_class=loaded.tokenizer,
            callbacks=[log],
        )
        result = run(trainer, log, num_rows=len(kept), num_dropped=num_dropped)
    save_policy(loaded, out)
    return result


def encode_pair(
    row: PreferencePair, tokenizer: "PreTrainedTokenizerBase", params: DPOParams
) -> dict[str, list[int]]:
    """Return the ids of the prompt and of both completions, each closed by one end token."""
    chosen, rejected = (
        encode(
            row.messages,
            completion,
            tokenizer,
            max_prompt_tokens=params.max_prompt_tokens,
            max_tokens=params.max_tokens,
        )
        for completion in (row.chosen, row.rejected)
    )
    return {
        "prompt_ids": list(chosen.prompt_ids),
        "chosen_ids": list(chosen.completion_ids),
        "rejected_ids": list(rejected.completion_ids),
    }
