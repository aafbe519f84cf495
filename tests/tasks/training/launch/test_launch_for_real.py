"""Whole launches: accelerate's own launcher, two real processes, from the asker's side."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import yaml
from safetensors.torch import load_file

from tasks.training.dpo.params import DPOParams
from tasks.training.launch.launcher import environment
from tasks.training.launch.train_where_asked import train_where_asked
from tasks.training.run.checkpoints import InterruptedTrainingError
from tasks.training.run.run_files import RunFiles
from tests.conftest import CHECKOUT

PARAMS = DPOParams(
    learning_rate=1e-3,
    batch_size=4,
    warmup=0.0,
    max_prompt_tokens=16,
    max_tokens=64,
    bf16="no",
    launch="cpu-ddp",
)


def test_sigterm_leaves_a_checkpoint_of_both_processes(pairs, tiny_checkpoint, tmp_path):
    """Were it not heard, the run would go on for 40,000 steps."""
    heard, states = [], []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))

    def interrupt(done, total, note):
        states.append((done, total, note))
        if len(states) == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    files = RunFiles(
        start=tiny_checkpoint,
        out=tmp_path / "policy",
        checkpoints=tmp_path / "kept",
        progress=interrupt,
    )
    params = PARAMS.model_copy(update={"epochs": 1000.0, "checkpoint_every": 0})
    try:
        with pytest.raises(InterruptedTrainingError, match="launch 'cpu-ddp' was asked to end"):
            train_where_asked("dpo", pairs * 20, params, files)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]
    assert states[0][:2] == (0, 40_000)
    (checkpoint,) = (tmp_path / "kept").glob("checkpoint-*")
    written = {path.name for path in checkpoint.iterdir()}
    assert {"model.safetensors", "optimizer.pt", "rng_state_0.pth", "rng_state_1.pth"} <= written
    assert "prefline-checkpoint.json" in written  # which says that it is whole
    assert not (tmp_path / "policy").exists()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.slow
def test_two_machines_learn_what_one_process_does(pairs, tiny_checkpoint, tmp_path, monkeypatch):
    """Both are this one: each has a launcher with its own place, and they share a directory."""
    path = tmp_path / "machines.yaml"
    path.write_text(
        (CHECKOUT / "deployments" / "accelerate" / "multi-node.yaml")
        .read_text()
        .replace("use_cpu: false", "use_cpu: true")
    )
    assert yaml.safe_load(path.read_text())["use_cpu"] is True
    shared = tmp_path / "shared"
    shared.mkdir()
    places = {
        "PREFLINE_NUM_MACHINES": "2",
        "PREFLINE_NUM_PROCESSES": "2",
        "PREFLINE_MACHINE_RANK": "0",
        "PREFLINE_MAIN_PROCESS_IP": "127.0.0.1",
        "PREFLINE_MAIN_PROCESS_PORT": str(free_port()),
        "PREFLINE_LAUNCH_DIRECTORY": str(shared),
    }
    for name, value in places.items():
        monkeypatch.setenv(name, value)
    codes = []

    def join() -> None:
        while not (jobs := list(shared.glob("*/job.json"))):
            time.sleep(0.1)
        module = "tasks.training.launch.join_training"
        done = subprocess.run(
            [sys.executable, "-m", module, str(path), str(jobs[0].parent)],
            env={**environment(os.environ), "PREFLINE_MACHINE_RANK": "1"},
            check=False,
        )
        codes.append(done.returncode)

    other = threading.Thread(target=join)
    other.start()
    params = PARAMS.model_copy(update={"launch": str(path)})
    files = RunFiles(start=tiny_checkpoint, out=tmp_path / "two")
    two = train_where_asked("dpo", pairs, params, files)
    other.join()
    here = params.model_copy(update={"launch": "", "device": "cpu"})
    one = train_where_asked(
        "dpo", pairs, here, RunFiles(start=tiny_checkpoint, out=tmp_path / "one")
    )
    assert (two.num_steps, codes) == (one.num_steps, [0])
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("one", "two")]
    for name, value in weights[0].items():
        assert value.sub(weights[1][name]).abs().max() < 1e-5
