"""Distributional dispreference optimization."""

from collections.abc import Sequence

from transformers import TrainingArguments

from storage.tables.negatives import Negative
from tasks.sampling.model import LoadedModel
from tasks.training.d2o.d2o_objective import D2OObjective
from tasks.training.d2o.d2o_trainer import D2OTrainer
from tasks.training.d2o.dispreference_batch import EncodedNegatives, encode_negatives
from tasks.training.d2o.live_examples import LiveExamples
from tasks.training.d2o.params import D2OParams
from tasks.training.d2o.reference_scores import ReferenceScores
from tasks.training.d2o.row_order import RowOrder
from tasks.training.d2o.self_samples import SelfSampler
from tasks.training.preference.preference_batch import PreferenceExample
from tasks.training.preference.preference_engine import (
    PaddedEngine,
    PreferenceEngine,
    packed_engine,
)
from tasks.training.reference.known_logps import with_known_logps
from tasks.training.reference.load_reference import load_reference
from tasks.training.reference.load_references import load_references
from tasks.training.reference.references import References
from tasks.training.run.kl_watch import KLWatch
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.precision import use_bf16
from tasks.training.run.run_files import RunFiles
from tasks.training.run.save_policy import save_policy
from tasks.training.run.trainer_arguments import trainer_arguments
from tasks.training.run.training_log import TrainingLog
from tasks.training.run.training_result import TrainingResult
from tasks.training.run.training_run import require_rows, run, run_directory
from tasks.training.watch.sample_generations import SampleGenerations


def train_d2o(
    rows: Sequence[Negative],
    params: D2OParams,
    files: RunFiles,
) -> TrainingResult:
    """Train the model in `files.start` away from the negatives, held to frozen references.

    Where `files` names no other references, the start serves as both pi_r- and pi_r+. Their
    log-probabilities of all answers are computed once before training. The answers of a prompt are
    packed behind one copy of it where the model allows it. The policy is written to `files.out`.

    Options of `params`, off by default: self-samples that are drawn anew from the policy, whose
    answers are in the result, and references that follow it.

    Raises:
        InputError: no row can be trained on, or `files` names what is not a model.
    """
    loaded = load_for_training(files.start, params)
    references = load_references(
        files.start, loaded, files.self_reference, files.negative_reference
    )
    encoded = encode_negatives(rows, loaded.tokenizer, params)
    num_rows = len(encoded.rows)
    require_rows(num_rows, len(encoded.dropped), "negatives")
    bf16 = use_bf16(params.bf16, loaded.device)
    engine = choose_engine((loaded, references.self_samples, references.negative), params)
    scores = ReferenceScores(references, engine, batch_size=params.batch_size, bf16=bf16)
    log = TrainingLog(files.progress)
    watch = KLWatch(
        loaded,
        _start_of(references, loaded, params, files),
        [item.encoded[-1].prompt_ids for item in encoded.examples],
        params,
        log,
        max_kl=params.max_kl,
        seed=params.seed,
        bf16=bf16,
    )
    order = RowOrder(
        num_rows,
        rows_per_step=params.batch_size * params.gradient_accumulation_steps,
        seed=params.seed,
    )
    live = LiveExamples(
        encoded.rows,
        _with_reference_logps(encoded, scores, files, bf16=bf16),
        order,
        scores,
        SelfSampler(loaded, params, bf16=bf16),
        log,
    )
    with run_directory(files) as directory:
        arguments = trainer_arguments(
            params, num_rows=num_rows, device=loaded.device, output_dir=directory
        )
        trainer = D2OTrainer(
            live=live,
            order=order,
            objective=D2OObjective(params),
            engine=engine,
            model=loaded.model,
            args=TrainingArguments(
                **arguments, adam_epsilon=params.adam_epsilon, remove_unused_columns=False
            ),
            callbacks=[log, watch, SampleGenerations(loaded, rows, params, log)],
        )
        result = run(trainer, log, files, params=params, num_rows=num_rows, dropped=encoded.dropped)
    save_policy(loaded, files.out)
    return result


def _with_reference_logps(
    encoded: EncodedNegatives, scores: ReferenceScores, files: RunFiles, *, bf16: bool
) -> list[PreferenceExample]:
    """Return the examples with what the references say; what is stored is of the start alone."""
    is_start = files.self_reference is None and files.negative_reference is None
    return with_known_logps(
        encoded.examples,
        [row.negative_id for row in encoded.rows],
        scores.of,
        files.reference_logps if is_start else None,
        bf16=bf16,
    )


def choose_engine(models: Sequence[LoadedModel], params: D2OParams) -> PreferenceEngine:
    """Return the engine that `params` asks for; `auto` packs where all of `models` allow it.

    The first of them is the policy.

    Raises:
        InputError: packing was asked for by name and is not possible.
    """
    padded = PaddedEngine(int(models[0].tokenizer.pad_token_id))
    if params.engine == "padded":
        return padded
    packed = packed_engine(
        models, asked=params.engine, max_tokens=params.max_tokens, instead="padded"
    )
    return packed or padded


def _start_of(
    references: References, policy: LoadedModel, params: D2OParams, files: RunFiles
) -> LoadedModel:
    """Return the model where training starts, which the KL is measured to and which never moves."""
    if not params.reference_update_every:
        if files.self_reference is None:
            return references.self_samples
        if files.negative_reference is None:
            return references.negative
    return load_reference(files.start, policy)
