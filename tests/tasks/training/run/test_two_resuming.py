import json
import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_two_processes_stop_at_one_step_and_go_on_from_it_together(
    demonstrations, tiny_checkpoint, tmp_path
):
    """One of them gets SIGTERM during step 3; also, weights in pieces are put back as they were."""
    rows = tmp_path / "rows.pickle"
    rows.write_bytes(pickle.dumps(demonstrations))
    together = {
        "PYTHONPATH": ".",
        "OMP_NUM_THREADS": "1",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "ACCELERATE_USE_CPU": "true",
    }
    script = Path(__file__).with_name("two_resuming.py")
    processes = [
        subprocess.Popen(
            [sys.executable, script, tiny_checkpoint, rows, tmp_path],
            cwd=Path(__file__).parents[4],
            env={**os.environ, **together, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)[-4000:]
    for rank in range(2):
        result = json.loads((tmp_path / f"result-{rank}.json").read_text())
        assert "stopped after step 3 of" in result["said"]
        assert result["found"] == ["checkpoint-3"]
        assert result["first_heard"] == 3
        assert result["back"]
        assert 0.3 < result["pieces"] < 0.7
