import math

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from storage.tables.completions import Completion
from tasks.training.run.resumable import Resumable, read_states, write_states
from tasks.training.run.training_log import TrainingLog, duration
from tasks.training.run.training_result import StepMetric

ANSWER = Completion(
    prompt_id="p",
    policy="",
    text="tensor: of rank two",
    sample_index=0,
    temperature=1.0,
    seed=7,
    finish_reason="stop",
    num_tokens=3,
    sum_logp=-1.5,
)


def ignore(*_):
    return None


def logged(log, step, logs, **state):
    log.on_log(
        TrainingArguments(report_to="none", use_cpu=True),
        TrainerState(global_step=step, **state),
        TrainerControl(),
        logs=logs,
    )


def test_all_that_was_collected_survives_on_disk(tmp_path):
    log = TrainingLog(ignore)
    assert isinstance(log, Resumable)
    log.add(0, "kl", 0.1)
    log.add(1, "loss", 1 / 3)
    log.add(1, "logps/chosen", -math.inf)
    log.keep(1, [ANSWER])
    log.stop("diverged", 1, "the loss of step 2 is nan")
    write_states(tmp_path, {"TrainingLog": log.state()})
    other = TrainingLog(ignore)
    other.restore(read_states(tmp_path)["TrainingLog"])
    for name in ("steps", "completions", "stop_reason", "stop_detail", "kept_step"):
        assert getattr(other, name) == getattr(log, name), name
    assert other.steps[1] == StepMetric(step=1, metric="loss", value=1 / 3)


def test_a_log_without_steps_survives_too(tmp_path):
    write_states(tmp_path, {"TrainingLog": TrainingLog(ignore).state()})
    log = TrainingLog(ignore)
    log.restore(read_states(tmp_path)["TrainingLog"])
    assert (log.steps, log.completions, log.stop_reason) == ([], [], "finished")


def test_tokens_are_counted_once_by_transformers_and_the_summary_is_no_step():
    log = TrainingLog(ignore)
    logged(log, 3, {"num_tokens": 7, "num_input_tokens_seen": 40, "epoch": 0.5})
    logged(log, 4, {"num_tokens": 9})
    logged(log, 4, {"train_loss": 1.0, "num_input_tokens_seen": 50})
    assert log.steps == [
        StepMetric(step=3, metric="num_tokens", value=40.0),
        StepMetric(step=4, metric="num_tokens", value=9.0),
    ]


def test_the_progress_is_told_the_loss_and_the_time_that_is_left():
    told = []
    log = TrainingLog(lambda *of: told.append(of))
    arguments = TrainingArguments(report_to="none", use_cpu=True)
    log.on_train_begin(arguments, TrainerState(global_step=2, max_steps=4), TrainerControl())
    log.on_step_end(arguments, TrainerState(global_step=3, max_steps=4), TrainerControl())
    logged(log, 3, {"loss": 0.12345})
    log.on_step_end(arguments, TrainerState(global_step=4, max_steps=4), TrainerControl())
    assert told == [(2, 4), (3, 4, ""), (4, 4, "loss 0.123, 0 s left")]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.6, "1 min 0 s"),
        (61, "1 min 1 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (90061, "25 h 1 min"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds, text):
    assert duration(seconds) == text
