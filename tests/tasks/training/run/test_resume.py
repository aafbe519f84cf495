import logging
import os
import signal

import pytest
from resumed_runs import METHODS, At, StoppedHereError, assert_same_run, kept, stop_here

from tasks.training.run.checkpoint_directory import remove_unfinished
from tasks.training.run.checkpoints import InterruptedTrainingError
from tasks.training.run.resumable import read_states
from tasks.training.run.run_files import RunFiles
from tasks.training.run.training_run import run_directory


@pytest.fixture(scope="session")
def undisturbed(tiny_checkpoint, tmp_path_factory):
    """Return how a method's run goes without checkpoints and interruptions, and its policy."""
    done = {}

    def run(name, rows):
        if name not in done:
            out = tmp_path_factory.mktemp(f"undisturbed-{name}")
            method = METHODS[name]
            files = RunFiles(start=tiny_checkpoint, out=out)
            done[name] = (method.train(rows, method.params, files), out)
        return done[name]

    return run


@pytest.fixture
def files(tiny_checkpoint, tmp_path):
    """Return the files of a run that keeps checkpoints, with a listener if one is given."""

    def make(progress=None):
        listener = {} if progress is None else {"progress": progress}
        return RunFiles(
            start=tiny_checkpoint,
            out=tmp_path / "policy",
            checkpoints=tmp_path / "unfinished" / "work",
            **listener,
        )

    return make


@pytest.mark.parametrize(
    ("name", "step"),
    [("sft-muon", 3), ("sft-lora", 3), ("dpo-packed", 3), ("dpo-trl", 3), ("d2o", 4)],
)
def test_a_run_that_broke_off_goes_on_from_its_last_checkpoint_to_the_same_end(
    name, step, files, undisturbed, request
):
    """After step 3 the checkpoint of step 2 is there, in mid-epoch; after step 4 still that one."""
    method = METHODS[name]
    rows = request.getfixturevalue(method.rows)
    with pytest.raises(StoppedHereError):
        method.train(rows, method.params, files(At(step, stop_here)))
    assert kept(files()) == ["checkpoint-2"]
    heard = At(0, lambda: None)
    resumed = method.train(rows, method.params, files(heard))
    assert heard.reported[:2] == [2, 3]
    assert_same_run(resumed, files().out, *undisturbed(name, rows))


@pytest.mark.parametrize("name", ["dpo-trl", "d2o"])
def test_asked_to_end_a_run_writes_a_checkpoint_and_goes_on_from_it_to_the_same_end(
    name, files, undisturbed, request, caplog
):
    """Without periodic checkpoints too; what handled the signal before is told afterwards."""
    method = METHODS[name]
    rows = request.getfixturevalue(method.rows)
    params = method.params.model_copy(update={"checkpoint_every": 0})
    told = []
    earlier = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        interruption = At(3, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with (
            caplog.at_level(logging.WARNING),
            pytest.raises(InterruptedTrainingError, match="stopped after step 3 of"),
        ):
            method.train(rows, params, files(interruption))
        assert told == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, earlier)
    assert "stopped after step 3" in caplog.text
    assert not files().out.exists()
    assert interruption.reported[-1] == 3
    assert kept(files()) == ["checkpoint-3"]
    resumed = method.train(rows, params, files())
    assert_same_run(resumed, files().out, *undisturbed(name, rows))


def test_a_budget_that_is_spent_after_an_interruption_gives_back_the_weights_before_it(
    files, negatives, tiny_checkpoint, tmp_path
):
    """Measured within it after step 2, interrupted after step 3, beyond it after step 4."""
    method = METHODS["d2o"]
    free = method.train(
        negatives, method.params, RunFiles(start=tiny_checkpoint, out=tmp_path / "free")
    )
    kls = {row.step: row.value for row in free.steps if row.metric == "kl"}
    assert kls[2] < kls[4]
    budget = {"max_kl": (kls[2] + kls[4]) / 2, "checkpoint_every": 3}
    params = method.params.model_copy(update=budget)
    stopped = RunFiles(start=tiny_checkpoint, out=tmp_path / "stopped")
    undisturbed = method.train(negatives, params, stopped)
    assert (undisturbed.stop_reason, undisturbed.num_steps) == ("kl_budget", 2)
    with pytest.raises(StoppedHereError):
        method.train(negatives, params, files(At(4, stop_here)))
    assert kept(files()) == ["checkpoint-3"]
    resumed = method.train(negatives, params, files())
    assert_same_run(resumed, files().out, undisturbed, stopped.out)


@pytest.mark.parametrize(("last", "reason"), [(6, "finished"), (4, "kl_budget")])
def test_asked_to_end_in_its_last_step_a_run_has_nothing_left_to_train(
    last, reason, files, negatives, tiny_checkpoint, tmp_path
):
    """Its checkpoint holds the end: the weights, and why and where it was over."""
    method = METHODS["d2o"]
    params = method.params
    if reason == "kl_budget":
        params = params.model_copy(update={"max_kl": 1e-9, "kl_every": 4})
    whole = RunFiles(start=tiny_checkpoint, out=tmp_path / "whole")
    undisturbed = method.train(negatives, params, whole)
    assert undisturbed.stop_reason == reason
    earlier = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        ask = At(last, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(InterruptedTrainingError, match=f"after step {last} of 6"):
            method.train(negatives, params, files(ask))
    finally:
        signal.signal(signal.SIGTERM, earlier)
    heard = At(0, lambda: None)
    resumed = method.train(negatives, params, files(heard))
    assert heard.reported == [last]
    assert_same_run(resumed, files().out, undisturbed, whole.out)


def test_the_checkpoint_of_another_run_is_passed_over_with_a_reason(
    files, demonstrations, undisturbed, caplog
):
    """A run with one demonstration less had left it; it lasts until a checkpoint replaces it."""
    method = METHODS["sft-muon"]
    with pytest.raises(StoppedHereError):
        method.train(demonstrations[:-1], method.params, files(At(3, stop_here)))
    heard = At(2, lambda: None)
    result = method.train(demonstrations, method.params, files(heard))
    assert heard.reported[0] == 0
    assert "it is another run's: num_rows is 8 and not 7" in caplog.text
    assert_same_run(result, files().out, *undisturbed("sft-muon", demonstrations))


def test_a_damaged_checkpoint_is_passed_over_with_a_reason(
    files, demonstrations, undisturbed, caplog
):
    method = METHODS["sft-muon"]
    with pytest.raises(StoppedHereError):
        method.train(demonstrations, method.params, files(At(3, stop_here)))
    optimizer = files().checkpoints / "checkpoint-2" / "optimizer.pt"
    optimizer.write_bytes(optimizer.read_bytes()[:-1])
    result = method.train(demonstrations, method.params, files())
    assert "files of it are missing, or not as long as they were" in caplog.text
    assert_same_run(result, files().out, *undisturbed("sft-muon", demonstrations))


def test_a_second_process_on_the_same_work_leaves_the_first_ones_files_alone(
    files, demonstrations, undisturbed, caplog
):
    method = METHODS["sft-muon"]
    unfinished = files().checkpoints
    with run_directory(files()) as held:
        assert held == str(unfinished)
        result = method.train(demonstrations, method.params, files())
        assert list(unfinished.iterdir()) == []
    assert "another process does the same work" in caplog.text
    assert_same_run(result, files().out, *undisturbed("sft-muon", demonstrations))


def test_what_a_finished_run_kept_can_be_removed_but_not_under_another_process(
    files, demonstrations
):
    method = METHODS["sft-muon"]
    params = method.params.model_copy(update={"max_steps": 3})
    method.train(demonstrations, params, files())
    assert kept(files()) == ["checkpoint-2"]
    with run_directory(files()):
        remove_unfinished(files().checkpoints)
        assert kept(files()) == ["checkpoint-2"]
    remove_unfinished(files().checkpoints)
    assert not files().checkpoints.exists()
    remove_unfinished(files().checkpoints)


def test_the_time_before_an_interruption_counts(files, demonstrations):
    method = METHODS["sft-muon"]
    with pytest.raises(StoppedHereError):
        method.train(demonstrations, method.params, files(At(3, stop_here)))
    state = read_states(files().checkpoints / "checkpoint-2")["TrainingLog"]
    result = method.train(demonstrations, method.params, files())
    assert result.train_seconds > state["seconds"] > 0
