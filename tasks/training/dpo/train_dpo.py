"""Direct preference optimization, packed or through TRL."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from transformers import Trainer, TrainingArguments

from storage.tables.pairs import PreferencePair
from tasks.sampling.encoding import Encoded, encode
from tasks.sampling.model import LoadedModel
from tasks.training.dpo.dpo_objective import DPOObjective
from tasks.training.dpo.encoded_dpo_trainer import quiet_trl, trl_trainer
from tasks.training.dpo.params import DPOParams
from tasks.training.preference.preference_batch import PreferenceExample
from tasks.training.preference.preference_engine import (
    PackedEngine,
    packed_engine,
    with_reference_logps,
)
from tasks.training.preference.preference_trainer import PreferenceTrainer
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.precision import use_bf16
from tasks.training.run.run_files import RunFiles
from tasks.training.run.save_policy import save_policy
from tasks.training.run.trainer_arguments import trainer_arguments
from tasks.training.run.training_log import TrainingLog
from tasks.training.run.training_result import TrainingResult
from tasks.training.run.training_run import require_rows, run, run_directory

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_LOG = logging.getLogger(__name__)


def train_dpo(
    rows: Sequence[PreferencePair],
    params: DPOParams,
    files: RunFiles,
) -> TrainingResult:
    """Train the model in `files.start` on pairs, with itself as the frozen reference; write it to `files.out`.

    Sequence log-probabilities are sums over the completion's tokens, its end token included. Those
    of the reference are computed once before training.

    Raises:
        InputError: no pair can be trained on, `files.start` is not a model, or packing was asked for by
            name and is not possible.
    """
    loaded = load_for_training(files.start, params)
    encoded = [encode_pair(row, loaded.tokenizer, params) for row in rows]
    kept = [row for row in encoded if row["chosen_ids"] and row["rejected_ids"]]
    num_dropped = len(encoded) - len(kept)
    require_rows(len(kept), num_dropped, "pairs")
    engine = choose_engine(loaded, params)
    log = TrainingLog(files.progress)
    with run_directory(files) as directory, quiet_trl():
        arguments = trainer_arguments(
            params, num_rows=len(kept), device=loaded.device, output_dir=directory
        )
        if engine is None:
            trainer: Trainer = trl_trainer(loaded, kept, params, arguments)
        else:
            trainer = packed_trainer(loaded, kept, params, arguments, engine)
        trainer.add_callback(log)
        result = run(trainer, log, files, num_rows=len(kept), num_dropped=num_dropped)
    save_policy(loaded, files.out)
    return result


def choose_engine(policy: LoadedModel, params: DPOParams) -> PackedEngine | None:
    """Return the engine that packs, or None for TRL; where `auto` takes TRL it is logged.

    Raises:
        InputError: packing was asked for by name and is not possible.
    """
    if params.engine == "trl":
        return None
    if params.loss_type != "sigmoid":
        _LOG.info("engine trl instead of packed, which has no loss_type %s", params.loss_type)
        return None
    return packed_engine(
        (policy,), asked=params.engine, max_tokens=params.max_tokens, instead="trl"
    )


def packed_trainer(
    loaded: LoadedModel,
    rows: Sequence[dict[str, list[int]]],
    params: DPOParams,
    arguments: dict[str, Any],
    engine: PackedEngine,
) -> PreferenceTrainer:
    """Return the trainer of packed rows; the untrained policy's log-probabilities are stored."""
    examples = [
        PreferenceExample(
            encoded=tuple(
                Encoded(prompt_ids=tuple(row["prompt_ids"]), completion_ids=tuple(row[answer]))
                for answer in ("chosen_ids", "rejected_ids")
            )
        )
        for row in rows
    ]
    bf16 = use_bf16(params.bf16, loaded.device)
    return PreferenceTrainer(
        objective=DPOObjective(params),
        engine=engine,
        model=loaded.model,
        args=TrainingArguments(**arguments, remove_unused_columns=False),
        train_dataset=with_reference_logps(
            examples, loaded, engine, bf16=bf16, batch_size=params.batch_size
        ),
    )


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
