"""Direct preference optimization, packed or through TRL."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import Trainer, TrainingArguments

from storage.tables.pairs import PreferencePair
from tasks.sampling.model import LoadedModel
from tasks.training.dpo.dpo_objective import DPOObjective
from tasks.training.dpo.encode_pairs import EncodedPairs, as_example, encode_pairs
from tasks.training.dpo.encoded_dpo_trainer import trl_trainer
from tasks.training.dpo.params import DPOParams
from tasks.training.preference.preference_engine import (
    PaddedEngine,
    PreferenceEngine,
    packed_engine,
    with_reference_logps,
)
from tasks.training.preference.preference_trainer import PreferenceTrainer
from tasks.training.reference.known_logps import with_known_logps
from tasks.training.reference.load_reference import load_reference
from tasks.training.run.kl_watch import KLWatch
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.precision import use_bf16
from tasks.training.run.quiet_trl import quiet_trl
from tasks.training.run.run_files import RunFiles
from tasks.training.run.save_policy import save_policy
from tasks.training.run.trainer_arguments import trainer_arguments
from tasks.training.run.training_log import TrainingLog
from tasks.training.run.training_result import TrainingResult
from tasks.training.run.training_run import require_rows, run, run_directory
from tasks.training.watch.sample_generations import SampleGenerations


def train_dpo(
    rows: Sequence[PreferencePair],
    params: DPOParams,
    files: RunFiles,
) -> TrainingResult:
    """Train the model in `files.start` on pairs, with itself as the frozen reference; write it to `files.out`.

    Sequence log-probabilities are sums over the completion's tokens, its end token included. Those
    of the reference are computed once before training. Every `kl_every` steps the KL to the
    reference is logged as `kl`, in nats per sequence; beyond `kl_stop` the run stops as diverged.

    Raises:
        InputError: no pair can be trained on, `files.start` is not a model, or packing was asked for by
            name and is not possible.
    """
    loaded = load_for_training(files.start, params)
    pairs = encode_pairs(rows, loaded.tokenizer, params)
    kept = pairs.kept
    require_rows(len(kept), len(pairs.dropped), "pairs")
    engine = choose_engine(loaded, params)
    log = TrainingLog(files.progress)
    with run_directory(files) as directory, quiet_trl():
        arguments = trainer_arguments(
            params, num_rows=len(kept), device=loaded.device, output_dir=directory
        )
        if engine is None:
            trainer: Trainer = trl_trainer(loaded, pairs, params, arguments, files.reference_logps)
        else:
            trainer = packed_trainer(
                loaded, pairs, params, arguments, engine, files.reference_logps
            )
        asked = SampleGenerations(loaded, rows, params, log)
        for callback in (log, asked, *_kl_watch(loaded, kept, params, files, log)):
            trainer.add_callback(callback)
        result = run(trainer, log, files, params=params, num_rows=len(kept), dropped=pairs.dropped)
    save_policy(loaded, files.out)
    return result


def _kl_watch(
    loaded: LoadedModel,
    rows: Sequence[dict[str, list[int]]],
    params: DPOParams,
    files: RunFiles,
    log: TrainingLog,
) -> list[KLWatch]:
    """Return the watch, or nothing where none is asked for."""
    if params.kl_every == 0:
        return []
    watch = KLWatch(
        loaded,
        load_reference(files.start, loaded),
        [tuple(row["prompt_ids"]) for row in rows],
        params,
        log,
        max_kl=None,
        seed=params.seed,
        bf16=use_bf16(params.bf16, loaded.device),
    )
    return [watch]


def choose_engine(policy: LoadedModel, params: DPOParams) -> PreferenceEngine | None:
    """Return the engine that packs, or None for TRL; where `auto` cannot pack it is logged.

    It then takes TRL, or padded rows where TRL does not have the loss.

    Raises:
        InputError: packing was asked for by name and is not possible.
    """
    if params.engine == "trl":
        return None
    instead = "trl" if params.trl_has_the_loss else "padded"
    packed = packed_engine(
        (policy,), asked=params.engine, max_tokens=params.max_tokens, instead=instead
    )
    if packed is None and instead == "padded":
        return PaddedEngine(int(policy.tokenizer.pad_token_id))
    return packed


def packed_trainer(
    loaded: LoadedModel,
    pairs: EncodedPairs,
    params: DPOParams,
    arguments: dict[str, Any],
    engine: PreferenceEngine,
    known: Path | None = None,
) -> PreferenceTrainer:
    """Return the trainer of packed rows.

    The log-probabilities of the untrained policy, which is the reference, are taken from `known` (see
    `KnownLogps`) or computed.
    """
    bf16 = use_bf16(params.bf16, loaded.device)
    return PreferenceTrainer(
        objective=DPOObjective(params),
        engine=engine,
        model=loaded.model,
        args=TrainingArguments(**arguments, remove_unused_columns=False),
        train_dataset=with_known_logps(
            [as_example(row) for row in pairs.kept],
            pairs.ids,
            lambda unknown: with_reference_logps(
                unknown, loaded, engine, bf16=bf16, batch_size=params.batch_size
            ),
            known,
            bf16=bf16,
        ),
    )
