import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from resumed_runs import METHODS, At, assert_same_run, kept

from tasks.training.run.run_files import RunFiles


@pytest.mark.parametrize(
    ("name", "number", "every", "checkpoint"),
    [("sft-muon", signal.SIGTERM, 0, 3), ("sft-muon", signal.SIGKILL, 2, 2)],
    ids=["SIGTERM", "kill -9"],
)
def test_a_process_that_is_killed_leaves_a_checkpoint_from_which_another_goes_on_to_the_same_end(
    name, number, every, checkpoint, request, tiny_checkpoint, tmp_path
):
    """During step 3: SIGTERM still gets a checkpoint of it, kill -9 leaves the periodic one."""
    method = METHODS[name]
    rows = request.getfixturevalue(method.rows)
    files = RunFiles(
        start=tiny_checkpoint, out=tmp_path / "policy", checkpoints=tmp_path / "unfinished"
    )
    given = tmp_path / "rows.pickle"
    given.write_bytes(pickle.dumps(rows))
    places = [tiny_checkpoint, given, files.checkpoints, files.out]
    child = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("interrupted_child.py"), name]
        + [str(argument) for argument in (*places, 3, every)],
        cwd=Path(__file__).parents[4],
        env={**os.environ, "PYTHONPATH": "."},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "waiting").exists():
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.02)
    child.send_signal(number)
    (tmp_path / "go-on").touch()
    _, said = child.communicate()
    assert child.returncode == -number, said
    assert ("stopped after step 3 of 6" in said) == (number == signal.SIGTERM)
    assert not files.out.exists()
    assert kept(files) == [f"checkpoint-{checkpoint}"]

    heard = At(0, lambda: None)
    resumed = method.train(
        rows,
        method.params,
        RunFiles(start=files.start, out=files.out, checkpoints=files.checkpoints, progress=heard),
    )
    assert heard.reported[0] == checkpoint
    whole = RunFiles(start=tiny_checkpoint, out=tmp_path / "whole")
    assert_same_run(resumed, files.out, method.train(rows, method.params, whole), whole.out)
