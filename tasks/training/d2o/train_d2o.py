"""Distributional dispreference optimization."""

from collections.abc import Sequence
from dataclasses import replace

from transformers import TrainingArguments

from storage.tables.negatives import Negative
from tasks.sampling.model import LoadedModel
from tasks.training.d2o.d2o_objective import D2OObjective
from tasks.training.d2o.dispreference_batch import encode_negative
from tasks.training.d2o.params import D2OParams
from tasks.training.preference.preference_engine import (
    PaddedEngine,
    PreferenceEngine,
    packed_engine,
    with_reference_logps,
)
from tasks.training.preference.preference_trainer import PreferenceTrainer
from tasks.training.reference.load_reference import load_reference
from tasks.training.run.kl_budget import KLBudget
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.precision import use_bf16
from tasks.training.run.run_files import RunFiles
from tasks.training.run.save_policy import save_policy
from tasks.training.run.trainer_arguments import trainer_arguments
from tasks.training.run.training_log import TrainingLog
from tasks.training.run.training_result import TrainingResult
from tasks.training.run.training_run import require_rows, run, run_directory


def train_d2o(
    rows: Sequence[Negative],
    params: D2OParams,
    files: RunFiles,
) -> TrainingResult:
    """Train the model in `files.start` away from the negatives, with itself as the frozen reference.

    The reference is a model of its own, without gradients; one model serves as both pi_r- and
    pi_r+. Its log-probabilities of all answers are computed once before training. The answers of a
    prompt are packed behind one copy of it where the model allows it. The policy is written to
    `files.out`.

    Raises:
        InputError: no row can be trained on, or `files.start` is not a model.
    """
    loaded = load_for_training(files.start, params)
    reference = load_reference(files.start, loaded)
    encoded = [encode_negative(row, loaded.tokenizer, params) for row in rows]
    kept = [example for example in encoded if example is not None]
    num_dropped = len(encoded) - len(kept)
    require_rows(len(kept), num_dropped, "negatives")
    bf16 = use_bf16(params.bf16, loaded.device)
    engine = choose_engine(loaded, reference, params)
    examples = with_reference_logps(
        kept, reference, engine, bf16=bf16, batch_size=params.batch_size
    )
    log = TrainingLog(files.progress)
    prompts = [item.encoded[-1].prompt_ids for item in kept]
    budget = KLBudget(loaded, reference, prompts, params, log, bf16=bf16)
    with run_directory(files) as directory:
        arguments = trainer_arguments(
            params, num_rows=len(examples), device=loaded.device, output_dir=directory
        )
        trainer = PreferenceTrainer(
            objective=D2OObjective(params),
            engine=engine,
            model=loaded.model,
            args=TrainingArguments(
                **arguments, adam_epsilon=params.adam_epsilon, remove_unused_columns=False
            ),
            train_dataset=examples,
            callbacks=[log, budget],
        )
        result = run(trainer, log, files, num_rows=len(kept), num_dropped=num_dropped)
    if result.stop_reason == "diverged":  # what led there may lie beyond the budget already
        budget.restore()
        result = replace(result, num_steps=budget.good_step)
    save_policy(loaded, files.out)
    return result


def choose_engine(
    policy: LoadedModel, reference: LoadedModel, params: D2OParams
) -> PreferenceEngine:
    """Return the engine that `params` asks for; `auto` packs where both models allow it.

    Raises:
        InputError: packing was asked for by name and is not possible.
    """
    padded = PaddedEngine(int(policy.tokenizer.pad_token_id))
    if params.engine == "padded":
        return padded
    packed = packed_engine(
        (policy, reference), asked=params.engine, max_tokens=params.max_tokens, instead="padded"
    )
    return packed or padded
