"""Kahneman-Tversky optimization through TRL."""

from collections.abc import Sequence

from storage.tables.negatives import Negative
from storage.tables.pairs import PreferencePair
from tasks.training.dropped_row import PROMPT_FILLS_LIMIT, DroppedRow
from tasks.training.kto.encoded_kto_trainer import trl_trainer
from tasks.training.kto.params import KTOParams
from tasks.training.kto.unpaired_answers import kto_rows, unpaired_answers
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.quiet_trl import quiet_trl
from tasks.training.run.run_files import RunFiles
from tasks.training.run.save_policy import save_policy
from tasks.training.run.trainer_arguments import trainer_arguments
from tasks.training.run.training_log import TrainingLog
from tasks.training.run.training_result import TrainingResult
from tasks.training.run.training_run import require_rows, run, run_directory
from tasks.training.watch.sample_generations import SampleGenerations


def train_kto(
    rows: Sequence[PreferencePair | Negative], params: KTOParams, files: RunFiles
) -> TrainingResult:
    """Train the model in `files.start` on answers, with itself as the frozen reference; write it to `files.out`.

    Ethayarajh et al., arXiv 2402.01306, equations 7 and 8, by TRL's KTOTrainer. Chosen answers are
    desirable and rejected ones undesirable, each by itself. Negatives alone train too: their loss
    falls to 0 as they become unlikely, but nothing says what to answer instead. Deviation: the
    answers are shuffled once and stay in that order, because each is matched with its neighbour.

    The numbers of rows count answers, so a pair counts twice.

    Raises:
        InputError: fewer than two answers can be trained on, or `files.start` is not a model.
    """
    loaded = load_for_training(files.start, params)
    answers = unpaired_answers(rows, loaded.tokenizer, params)
    kept = [answer for answer in answers if not answer.encoded.is_empty]
    dropped = [
        DroppedRow(answer.row_id, PROMPT_FILLS_LIMIT)
        for answer in answers
        if answer.encoded.is_empty
    ]
    require_rows(len(kept), len(dropped), "answers")
    log = TrainingLog(files.progress)
    with run_directory(files) as directory, quiet_trl():
        arguments = trainer_arguments(
            params, num_rows=len(kept), device=loaded.device, output_dir=directory
        )
        group = arguments["per_device_train_batch_size"]
        trainer = trl_trainer(loaded, kto_rows(kept, params, group), params, arguments)
        for callback in (log, SampleGenerations(loaded, rows, params, log)):
            trainer.add_callback(callback)
        result = run(trainer, log, files, params=params, num_rows=len(kept), dropped=dropped)
    save_policy(loaded, files.out)
    return result
