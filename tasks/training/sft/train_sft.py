"""Supervised fine-tuning."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from transformers import Trainer, TrainingArguments

from storage.tables.demonstrations import Demonstration
from tasks.sampling.model import LoadedModel
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.precision import use_bf16
from tasks.training.run.run_files import RunFiles
from tasks.training.run.save_policy import save_policy
from tasks.training.run.trainer_arguments import trainer_arguments
from tasks.training.run.training_log import TrainingLog
from tasks.training.run.training_result import TrainingResult
from tasks.training.run.training_run import require_rows, run, run_directory
from tasks.training.sft.blocks import Block, Padding, blocks_of
from tasks.training.sft.early_stopping import EarlyStopping
from tasks.training.sft.encode_demonstrations import encode_demonstrations
from tasks.training.sft.held_out import hold_out
from tasks.training.sft.muon_adamw import MuonAdamW
from tasks.training.sft.packed_reading import SFTTrainer, reads_packed_rows
from tasks.training.sft.params import SFTParams
from tasks.training.watch.sample_generations import SampleGenerations

_LOG = logging.getLogger(__name__)


def train_sft(
    rows: Sequence[Demonstration],
    params: SFTParams,
    files: RunFiles,
) -> TrainingResult:
    """Train the model in `files.start` to imitate `rows`, write it to `files.out`, return how it went.

    The loss is the mean cross-entropy per token in nats. By default transformers' Trainer runs it
    and not TRL's SFTTrainer, whose per-step entropy and accuracy made steps of the embedded model
    1.3 times as long. With `eval_share` the weights of the lowest held-out loss are written, and
    `num_steps` is their step.

    Raises:
        InputError: no row can be trained on or held out, or `files.start` is not a model.
    """
    loaded = load_for_training(files.start, params)
    given = encode_demonstrations(rows, loaded.tokenizer, params)
    require_rows(len(given.kept), len(given.dropped), "demonstrations")
    split = hold_out(given.kept, params.eval_share, params.seed)
    apart = _packs_apart(loaded, params)
    blocks, held_out = (
        blocks_of([row.encoded for row in rows], params, packs_apart=apart)
        for rows in (split.trained, split.held_out)
    )
    log = TrainingLog(files.progress)
    stopping = _early_stopping(loaded, held_out, params, log)
    with run_directory(files) as directory:
        arguments = trainer_arguments(
            params, num_rows=len(blocks), device=loaded.device, output_dir=directory
        )
        trainer = _trainer(loaded, blocks, params, arguments)
        for callback in (stopping, log, SampleGenerations(loaded, rows, params, log)):
            if callback is not None:
                trainer.add_callback(callback)
        result = run(
            trainer,
            log,
            files,
            params=params,
            num_rows=len(split.trained),
            dropped=given.dropped,
        )
    if stopping is not None:
        stopping.put_back_best()
        result = replace(result, num_steps=stopping.best_step)
    save_policy(loaded, files.out)
    return result


def _packs_apart(loaded: LoadedModel, params: SFTParams) -> bool:
    """Return whether demonstrations can stand side by side; where that was wanted and cannot be, log it."""
    if not (params.packing and params.completion_only):
        return False
    if reads_packed_rows(loaded.model):
        return True
    _LOG.warning(
        "demonstrations are padded instead of packed: %s would let them see each other",
        type(loaded.model).__name__,
    )
    return False


def _early_stopping(
    loaded: LoadedModel, blocks: Sequence[Block], params: SFTParams, log: TrainingLog
) -> EarlyStopping | None:
    if not blocks:
        return None
    collate = Padding(int(loaded.tokenizer.pad_token_id))
    batches = [
        collate(blocks[start : start + params.batch_size])
        for start in range(0, len(blocks), params.batch_size)
    ]
    return EarlyStopping(
        loaded.model, batches, params, log, bf16=use_bf16(params.bf16, loaded.device)
    )


def _trainer(
    loaded: LoadedModel, blocks: Sequence[Block], params: SFTParams, arguments: dict[str, Any]
) -> Trainer:
    optimizer = _optimizer(loaded, params)
    if params.engine == "trl":
        from tasks.training.sft.trl_engine import trl_trainer

        return trl_trainer(loaded, blocks, arguments, optimizer)
    return SFTTrainer(
        model=loaded.model,
        args=TrainingArguments(**arguments),
        train_dataset=blocks,
        data_collator=Padding(int(loaded.tokenizer.pad_token_id)),
        optimizers=(optimizer, None),
    )


def _optimizer(loaded: LoadedModel, params: SFTParams) -> torch.optim.Optimizer | None:
    """Return Muon with AdamW, or None, with which transformers makes its AdamW."""
    if params.optimizer == "adamw":
        return None
    return MuonAdamW(
        loaded.model,
        muon_learning_rate=params.muon_learning_rate,
        adamw_learning_rate=params.learning_rate,
        weight_decay=params.weight_decay,
    )
