"""Distributional dispreference optimization."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from transformers import TrainingArguments

from storage.tables.negatives import Negative
from tasks.progress import Progress, silent
from tasks.sampling.logps import sequence_logps
from tasks.sampling.model import LoadedModel, load_model
from tasks.training.d2o_trainer import D2OTrainer
from tasks.training.dispreference_batch import (
    DispreferenceCollator,
    DispreferenceExample,
    encode_negative,
)
from tasks.training.kl_budget import KLBudget
from tasks.training.params import D2OParams
from tasks.training.precision import use_bf16
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


def train_d2o(
    rows: Sequence[Negative],
    params: D2OParams,
    start: Path,
    out: Path,
    progress: Progress = silent,
) -> TrainingResult:
    """Train the model in `start` away from the negatives, with itself as the frozen reference.

    The reference is a model of its own, without gradients; one model serves as both pi_r- and
    pi_r+. Its log-probabilities of all answers are computed once before training. The policy is
    written to `out`.

    Raises:
        InputError: no row can be trained on, or `start` is not a model.
    """
    loaded = load_for_training(start, params)
    reference = load_reference(start, loaded)
    encoded = [encode_negative(row, loaded.tokenizer, params) for row in rows]
    kept = [example for example in encoded if example is not None]
    num_dropped = len(encoded) - len(kept)
    require_rows(len(kept), num_dropped, "negatives")
    bf16 = use_bf16(params.bf16, loaded.device)
    examples = with_reference_logps(kept, reference, bf16=bf16, batch_size=4 * params.batch_size)
    log = TrainingLog(progress)
    prompts = [item.encoded[-1].prompt_ids for item in kept]
    budget = KLBudget(loaded, reference, prompts, params, log, bf16=bf16)
    with scratch_directory() as directory:
        arguments = trainer_arguments(
            params, num_rows=len(examples), device=loaded.device, output_dir=directory
        )
        trainer = D2OTrainer(
            params=params,
            model=loaded.model,
            args=TrainingArguments(
                **arguments, adam_epsilon=params.adam_epsilon, remove_unused_columns=False
            ),
            train_dataset=examples,
            data_collator=DispreferenceCollator(int(loaded.tokenizer.pad_token_id)),
            callbacks=[log, budget],
        )
        result = run(trainer, log, num_rows=len(kept), num_dropped=num_dropped)
    if result.stop_reason == "diverged":  # what led there may lie beyond the budget already
        budget.restore()
        result = replace(result, num_steps=budget.good_step)
    save_policy(loaded, out)
    return result


def load_reference(start: Path, policy: LoadedModel) -> LoadedModel:
    """Return the model of `start` once more, frozen, where the policy is."""
    reference = load_model(start, device=str(policy.device), dtype=torch.float32)
    reference.model.requires_grad_(requires_grad=False)
    return reference


def with_reference_logps(
    examples: Sequence[DispreferenceExample],
    reference: LoadedModel,
    *,
    bf16: bool,
    batch_size: int,
) -> list[DispreferenceExample]:
    """Return the examples with the reference's log-probabilities, in training's arithmetic."""
    rows = [encoded for example in examples for encoded in example.encoded]
    with torch.autocast(reference.device.type, dtype=torch.bfloat16, enabled=bf16):
        logps = iter(sequence_logps(reference, rows, batch_size=batch_size))
    return [
        replace(example, ref_logps=tuple(next(logps) for _ in example.encoded))
        for example in examples
    ]
