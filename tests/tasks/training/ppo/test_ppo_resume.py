"""An interrupted PPO run goes on, and ends where the undisturbed one ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from storage.file_lock import locked
from storage.input_error import InputError
from tasks.training.base.base_model import directory_fingerprint
from tasks.training.ppo.train_ppo import train_ppo
from tasks.training.run.checkpoint_directory import checkpoint_path, lock_path
from tasks.training.run.checkpoints import InterruptedTrainingError
from tasks.training.run.run_files import RunFiles
from tests.tasks.training.ppo.ppo_runs import (
    LIKES_E,
    PROMPTS,
    TextJudge,
    changed,
    share_of_e,
    values,
    weights,
)

CHECKOUT = Path(__file__).resolve().parents[4]
# 4 iterations of 4 steps, a checkpoint after each; a coefficient, a schedule and weights that move
LONG = {
    "iterations": 4,
    "checkpoint_every": 1,
    "target_kl": 3.0,
    "warmup": 0.3,
    "learning_rate": 5e-3,
}


class Cut(Exception):  # noqa: N818  - an end from outside, no error of ours
    """Ends a run from within, as a crash would."""


def at_step(step):
    """Return a progress that cuts the run short once it has made this step."""

    def progress(done: int, total: int, note: str = "") -> None:
        if done == step:
            raise Cut

    return progress


def files(start, folder, **more):
    return RunFiles(start=start, out=folder / "out", checkpoints=folder / "unfinished", **more)


def trained(start, folder, params, **more):
    return train_ppo(PROMPTS, LIKES_E, params, files(start, folder, **more))


def cut_short(start, folder, params, *, step):
    with pytest.raises(Cut):
        trained(start, folder, params, progress=at_step(step))


def kept(folder):
    return sorted(path.name for path in (folder / "unfinished").glob("checkpoint-*"))


def assert_same_run(resumed, whole):
    """The steps, answers, counts and weights of two runs are the same, bit for bit."""
    assert resumed[0].steps == whole[0].steps
    assert resumed[0].completions == whole[0].completions
    for name in ("num_rows", "num_steps", "num_tokens", "stop_reason", "stop_detail"):
        assert getattr(resumed[0], name) == getattr(whole[0], name)
    assert directory_fingerprint(resumed[1] / "out") == directory_fingerprint(whole[1] / "out")


@pytest.mark.parametrize(
    "changes",
    [{}, {"lora_rank": 2}, {"bf16": "yes"}, {"keep_rollouts": False, "sample_every": 8}],
    ids=["all weights", "adapters", "bf16", "few answers"],
)
def test_a_run_that_was_cut_ends_as_the_undisturbed_one(tiny_checkpoint, tmp_path, changes):
    """It is cut in its second iteration, and again in its fourth, a step before the end."""
    params = changed(**LONG, **changes)
    whole = trained(tiny_checkpoint, tmp_path / "whole", params)
    cut_short(tiny_checkpoint, tmp_path / "cut", params, step=6)
    assert kept(tmp_path / "cut") == ["checkpoint-4"]
    cut_short(tiny_checkpoint, tmp_path / "cut", params, step=15)
    assert kept(tmp_path / "cut") == ["checkpoint-12"]
    told = []
    resumed = trained(
        tiny_checkpoint,
        tmp_path / "cut",
        params,
        progress=lambda done, *_: told.append(done),
    )
    assert told == [12, 13, 14, 15, 16]
    assert len(set(values(whole, "objective/kl_coefficient"))) > 1
    assert_same_run((resumed, tmp_path / "cut"), (whole, tmp_path / "whole"))


def test_a_resumed_run_still_knows_its_last_good_weights(tiny_checkpoint, tmp_path):
    """The budget breaks after the third iteration, and the run is cut in the third."""
    free = changed(**LONG | {"learning_rate": 1e-2, "target_kl": 0.0, "kl_coefficient": 0.0})
    kls = values(trained(tiny_checkpoint, tmp_path / "free", free), "kl")
    assert kls[1] < kls[2] < kls[3]
    params = free.model_copy(update={"max_kl": (kls[2] + kls[3]) / 2})
    whole = trained(tiny_checkpoint, tmp_path / "whole", params)
    assert (whole.stop_reason, whole.num_steps) == ("kl_budget", 8)
    cut_short(tiny_checkpoint, tmp_path / "cut", params, step=10)
    resumed = trained(tiny_checkpoint, tmp_path / "cut", params)
    assert_same_run((resumed, tmp_path / "cut"), (whole, tmp_path / "whole"))


def test_checkpoints_come_at_the_end_of_an_iteration(tiny_checkpoint, tmp_path):
    """One is due after 6 steps, in the midst of the second iteration of 4."""
    params = changed(**LONG | {"checkpoint_every": 6})
    for step, expected in ((7, []), (9, ["checkpoint-8"]), (15, ["checkpoint-12"])):
        folder = tmp_path / str(step)
        cut_short(tiny_checkpoint, folder, params, step=step)
        assert kept(folder) == expected


def test_without_a_directory_nothing_is_kept(tiny_checkpoint, tmp_path):
    params = changed(**LONG | {"iterations": 2})
    whole = trained(tiny_checkpoint, tmp_path / "whole", params)
    bare = RunFiles(start=tiny_checkpoint, out=tmp_path / "bare" / "out")
    result = train_ppo(PROMPTS, LIKES_E, params, bare)
    assert_same_run((result, tmp_path / "bare"), (whole, tmp_path / "whole"))


def half_written(checkpoint):
    (checkpoint / "prefline-checkpoint.json").unlink()


def cut_off(checkpoint):
    path = checkpoint / "prefline-state.safetensors"
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(half_written, "not written to its end"), (cut_off, "not as long as they were")],
)
def test_a_checkpoint_that_is_not_whole_is_not_gone_on_from(
    tiny_checkpoint, tmp_path, caplog, damage, reason
):
    params = changed(**LONG | {"iterations": 2})
    whole = trained(tiny_checkpoint, tmp_path / "whole", params)
    cut_short(tiny_checkpoint, tmp_path / "cut", params, step=6)
    damage(checkpoint_path(tmp_path / "cut" / "unfinished", 4))
    resumed = trained(tiny_checkpoint, tmp_path / "cut", params)
    assert reason in caplog.text
    assert_same_run((resumed, tmp_path / "cut"), (whole, tmp_path / "whole"))


@pytest.mark.parametrize("other", ["params", "prompts", "judge", "start"])
def test_the_checkpoint_of_another_run_is_not_gone_on_from(
    tiny_checkpoint, other_checkpoint, tmp_path, caplog, other
):
    params = changed(**LONG | {"iterations": 2})
    cut_short(tiny_checkpoint, tmp_path / "cut", params, step=6)
    mine = params.model_copy(update={"clip": 0.3} if other == "params" else {})
    prompts = PROMPTS[::-1] if other == "prompts" else PROMPTS
    judge = TextJudge(share_of_e, name="another") if other == "judge" else LIKES_E
    start = other_checkpoint if other == "start" else tiny_checkpoint
    told = []
    train_ppo(
        prompts,
        judge,
        mine,
        files(start, tmp_path / "cut", progress=lambda done, *_: told.append(done)),
    )
    assert told == list(range(9))
    assert "it is another run's" in caplog.text


def test_where_it_computes_and_how_often_it_keeps_are_no_other_run(tiny_checkpoint, tmp_path):
    params = changed(**LONG | {"iterations": 2})
    cut_short(tiny_checkpoint, tmp_path, params, step=6)
    told = []
    trained(
        tiny_checkpoint,
        tmp_path,
        params.model_copy(update={"checkpoint_every": 100, "device": "auto"}),
        progress=lambda done, *_: told.append(done),
    )
    assert told[0] == 4


def test_a_judge_that_gives_out_leaves_a_checkpoint(tiny_checkpoint, tmp_path):
    """It answers twice; checkpoints are otherwise far apart."""
    params = changed(**LONG | {"checkpoint_every": 1000})
    asked = []

    def says(text):
        asked.append(text)
        if len(asked) > 2 * 16:
            raise InputError("the budget is spent")
        return share_of_e(text)

    whole = trained(tiny_checkpoint, tmp_path / "whole", params)
    with pytest.raises(InputError, match="budget is spent"):
        train_ppo(PROMPTS, TextJudge(says), params, files(tiny_checkpoint, tmp_path / "cut"))
    assert kept(tmp_path / "cut") == ["checkpoint-8"]
    resumed = trained(tiny_checkpoint, tmp_path / "cut", params)
    assert_same_run((resumed, tmp_path / "cut"), (whole, tmp_path / "whole"))


def test_sigterm_leaves_a_checkpoint_that_the_next_run_goes_on_from(tiny_checkpoint, tmp_path):
    """The steps before the signal are those of a run in this process, bit for bit."""
    folders = [str(path) for path in (tiny_checkpoint, tmp_path / "out", tmp_path / "unfinished")]
    script = "tests.tasks.training.ppo.sigterm_run"
    with subprocess.Popen(
        [sys.executable, "-m", script, *folders], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            if int(line) >= 5:
                break
        process.send_signal(signal.SIGTERM)
        last = int(process.communicate(timeout=60)[0].split()[-1])
    assert process.returncode == -signal.SIGTERM
    (name,) = kept(tmp_path)
    step = int(name.removeprefix("checkpoint-"))
    assert step % 4 == 0  # learned to the end of the iteration
    assert step >= last

    checkpoint = tmp_path / "unfinished" / name
    log = json.loads((checkpoint / "prefline-state.json").read_text())["log"]
    params = changed(iterations=100_000, learning_rate=1e-5)
    fresh = tmp_path / "fresh"
    cut_short(
        tiny_checkpoint, fresh, params.model_copy(update={"checkpoint_every": step}), step=step + 1
    )
    other = fresh / "unfinished" / name
    assert json.loads((other / "prefline-state.json").read_text())["log"] == log
    assert (other / "prefline-state.safetensors").read_bytes() == (
        checkpoint / "prefline-state.safetensors"
    ).read_bytes()
    with pytest.raises(Cut):
        trained(tiny_checkpoint, tmp_path, params, progress=at_step(step))


def test_a_request_to_end_in_this_process_is_an_error_that_says_so(tiny_checkpoint, tmp_path):
    """What handled SIGTERM before gets it, and then the error tells where the run is."""
    caught = []
    before = signal.signal(signal.SIGTERM, lambda *_: caught.append(1))
    try:
        with pytest.raises(InterruptedTrainingError, match="asked to end after step 8 of 16"):
            trained(
                tiny_checkpoint,
                tmp_path,
                changed(**LONG | {"checkpoint_every": 0}),
                progress=lambda done, *_: done == 6 and signal.raise_signal(signal.SIGTERM),
            )
    finally:
        signal.signal(signal.SIGTERM, before)
    assert caught == [1]
    assert kept(tmp_path) == ["checkpoint-8"]


def test_two_runs_of_the_same_work_do_not_share_a_directory(tiny_checkpoint, tmp_path, caplog):
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    with locked(lock_path(unfinished)):
        result = trained(tiny_checkpoint, tmp_path, changed(**LONG))
    assert "another process does the same work" in caplog.text
    assert list(unfinished.iterdir()) == []
    assert result.stop_reason == "finished"


def test_adapters_learn_and_the_stored_policy_has_them_merged_in(tiny_checkpoint, tmp_path):
    params = changed(lora_rank=2, learning_rate=2e-2)
    result = trained(tiny_checkpoint, tmp_path, params)
    assert values(result, "kl")[0] == 0.0  # a new adapter changes nothing
    assert values(result, "kl")[-1] > 0
    before, after = weights(tiny_checkpoint), weights(tmp_path / "out")
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all("proj" in name for name in moved)
