from types import SimpleNamespace

from tasks.progress import silent
from tasks.training.run.trackers import report_measured
from tasks.training.run.training_log import TrainingLog


def logging_trainer(log, report_to):
    """Return a trainer that tells its log and a tracker, as transformers' does, and what both heard."""
    heard = []

    def report(logs, *_rest):
        heard.append(logs)
        log.on_log(None, SimpleNamespace(global_step=4), None, logs=logs)

    return SimpleNamespace(args=SimpleNamespace(report_to=report_to), log=report), heard


def test_trackers_hear_what_callbacks_measured_and_the_log_keeps_it_once():
    log = TrainingLog(silent)
    trainer, heard = logging_trainer(log, ["wandb"])
    report_measured(trainer, log)
    log.add_measured(4, "kl", 0.5)
    trainer.log({"loss": 1.0})
    trainer.log({"loss": 2.0})
    assert heard == [{"loss": 1.0, "kl": 0.5}, {"loss": 2.0}]
    assert [(row.metric, row.value) for row in log.steps] == [
        ("kl", 0.5),
        ("loss", 1.0),
        ("loss", 2.0),
    ]


def test_a_metric_that_is_logged_again_later_is_kept_again():
    log = TrainingLog(silent)
    trainer, _ = logging_trainer(log, ["wandb"])
    report_measured(trainer, log)
    log.add_measured(4, "kl", 0.5)
    trainer.log({"loss": 1.0})
    trainer.log({"kl": 0.75})
    assert [row.value for row in log.steps if row.metric == "kl"] == [0.5, 0.75]


def test_without_trackers_nothing_is_wrapped():
    log = TrainingLog(silent)
    trainer, _ = logging_trainer(log, [])
    before = trainer.log
    report_measured(trainer, log)
    assert trainer.log is before
