"""What the asking process does, with a launcher of our own that starts in no time."""

import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from storage.input_error import InputError
from storage.tables.completions import Completion
from tasks.progress import silent
from tasks.training.dpo.params import DPOParams
from tasks.training.dropped_row import DroppedRow
from tasks.training.launch.child import train_job
from tasks.training.launch.job import Job, read_job
from tasks.training.launch.join_training import join_training
from tasks.training.launch.outcome import read_input_error, read_result, write_result
from tasks.training.launch.parent_watch import PIPE
from tasks.training.launch.told_log import tell_log, write_log
from tasks.training.launch.told_progress import ToldProgress, WrittenProgress
from tasks.training.launch.train_where_asked import train_where_asked
from tasks.training.run.checkpoints import InterruptedTrainingError
from tasks.training.run.run_files import RunFiles
from tasks.training.run.training_result import StepCompletion, StepMetric, TrainingResult
from tasks.training.sft.params import SFTParams
from tests.conftest import CHECKOUT

PARAMS = DPOParams(
    launch="cpu-ddp", num_processes=1, max_prompt_tokens=16, max_tokens=64, batch_size=4
)
RESULT = TrainingResult(
    num_rows=8,
    dropped=(DroppedRow("r1", "prompt fills the limit"),),
    num_steps=2,
    num_tokens=99,
    train_seconds=0.5,
    stop_reason="diverged",
    steps=(StepMetric(1, "loss", 0.5), StepMetric(2, "loss", float("inf"))),
    completions=(
        StepCompletion(
            2,
            Completion(
                prompt_id="p",
                policy="",
                text="a\nb",
                sample_index=0,
                temperature=1.0,
                seed=3,
                finish_reason="stop",
                num_tokens=4,
            ),
        ),
    ),
    stop_detail="the loss of step 2 is inf",
)


@pytest.fixture
def files(tmp_path, tiny_checkpoint):
    return RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")


@pytest.fixture
def launcher(tmp_path, monkeypatch):
    """Have `python -m accelerate.commands.launch` be the script that is given."""

    def use(script):
        package = tmp_path / "own" / "accelerate" / "commands"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package.parent / "__init__.py").touch()
        lines = "import os, signal, socket, sys, time\nfrom pathlib import Path\n"
        job = "job = Path(sys.argv[-1])\n"
        (package / "launch.py").write_text(lines + job + textwrap.dedent(script))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "own"))

    return use


ANNOUNCE = '(job / "process-0").write_text(f"{socket.gethostname()} {os.getpid()}")\n'


def test_a_job_is_read_as_it_was_written(tmp_path, pairs, files):
    files = RunFiles(start=files.start, out=files.out, checkpoints=tmp_path / "kept")
    Job(method="dpo", rows=pairs, params=PARAMS, files=files).write(tmp_path)
    job = read_job(tmp_path, silent)
    assert (job.method, list(job.rows), job.params) == ("dpo", pairs, PARAMS)
    assert job.files == files


def test_a_result_is_read_as_it_was_written(tmp_path):
    assert read_result(tmp_path) is None
    write_result(tmp_path, RESULT)
    assert read_result(tmp_path) == RESULT
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("result.json.")]


def test_progress_is_told_once_and_whole_lines_only(tmp_path):
    heard = []
    told = ToldProgress(tmp_path, lambda *state: heard.append(state))
    told.tell()
    written = WrittenProgress(tmp_path)
    for done in range(1001):  # far faster than five a second
        written(done, 1000, "loss 0.5")
    with (tmp_path / "progress.jsonl").open("a") as lines:
        lines.write("[5, ")
    told.tell()
    told.tell()
    assert (heard[0], heard[-1]) == ((0, 1000, "loss 0.5"), (1000, 1000, "loss 0.5"))
    assert len(heard) < 500
    assert heard == sorted(heard)


def test_a_process_trains_its_job_and_writes_the_result(tmp_path, pairs, files, monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    params = PARAMS.model_copy(update={"device": "cpu", "bf16": "no"})
    Job(method="dpo", rows=pairs, params=params, files=files).write(tmp_path)
    assert train_job(tmp_path) == 0
    here = train_where_asked(
        "dpo",
        pairs,
        params.model_copy(update={"launch": ""}),
        RunFiles(start=files.start, out=tmp_path / "other"),
    )
    result = read_result(tmp_path)
    losses = [[row for row in run.steps if row.metric == "loss"] for run in (result, here)]
    assert losses[0] == losses[1] != []
    weights = [path / "model.safetensors" for path in (files.out, tmp_path / "other")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_what_the_user_can_mend_comes_back_as_such(tmp_path, pairs, files):
    wrong = RunFiles(start=tmp_path / "nowhere", out=files.out)
    Job(method="dpo", rows=pairs, params=PARAMS, files=wrong).write(tmp_path)
    assert train_job(tmp_path) == 1
    assert "nowhere" in read_input_error(tmp_path)
    assert read_result(tmp_path) is None


def test_the_asker_gets_progress_and_result(tmp_path, pairs, files, launcher):
    write_result(tmp_path, RESULT)
    launcher(f"""
        import shutil
        (job / "progress.jsonl").write_text('[0, 2, ""]\\n[1, 2, "loss 0.7"]\\n')
        shutil.copy({str(tmp_path / "completions.parquet")!r}, job)
        shutil.copy({str(tmp_path / "result.json")!r}, job)
    """)
    heard = []
    files = RunFiles(start=files.start, out=files.out, progress=lambda *state: heard.append(state))
    assert train_where_asked("dpo", pairs, PARAMS, files) == RESULT
    assert heard == [(0, 2, ""), (1, 2, "loss 0.7")]


def test_what_a_process_logs_is_logged_by_the_asker(tmp_path, caplog):
    ours = logging.getLogger("tasks")
    before = ours.level
    handler = write_log(tmp_path)
    try:
        logging.getLogger("tasks.of.ours").warning("padded, not packed: %s", "a reason")
        logging.getLogger("elsewhere").warning("not ours")
    finally:
        ours.removeHandler(handler)
        ours.setLevel(before)
        handler.close()
    with (tmp_path / "log.jsonl").open("a") as lines:
        lines.write('["tasks", 30, "cut o')
    caplog.clear()
    tell_log(tmp_path)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("tasks.of.ours", logging.WARNING)
    assert record.getMessage() == "padded, not packed: a reason"
    tell_log(tmp_path / "nowhere")


def test_the_asker_raises_what_the_user_can_mend(pairs, files, launcher):
    launcher('(job / "input-error.txt").write_text("no such start"); sys.exit(1)')
    with pytest.raises(InputError, match="no such start"):
        train_where_asked("dpo", pairs, PARAMS, files)


def test_a_launcher_that_cannot_start_shows_its_reason(pairs, files, launcher):
    launcher("import no_such_module")
    with pytest.raises(
        RuntimeError, match=r"launch 'cpu-ddp' \(1 processes\) ended with code 1 .*\n(.*\n)*Module"
    ):
        train_where_asked("dpo", pairs, PARAMS, files)


def test_the_process_that_failed_first_is_shown(pairs, files, launcher):
    """The others fail because it did, and the launcher says so at length."""
    trace = "Traceback (most recent call last):\\n"
    launcher(f"""
        (job / "errors-2.log").write_text("a warning")
        (job / "errors-1.log").write_text("{trace}MemoryError: the reason")
        time.sleep(0.05)
        (job / "errors-0.log").write_text("{trace}RuntimeError: connection closed by peer")
        sys.exit("{trace}ChildFailedError")
    """)
    with pytest.raises(RuntimeError, match="the reason") as raised:
        train_where_asked("dpo", pairs, PARAMS, files)
    assert "by peer" not in str(raised.value)


def test_sigterm_reaches_the_processes_and_then_what_handled_it_before(pairs, files, launcher):
    launcher(
        ANNOUNCE
        + textwrap.dedent("""
        def stop(*_):
            Path(os.environ["TOLD"]).write_text("stopped")
            sys.exit(1)

        signal.signal(signal.SIGTERM, stop)
        (job / "progress.jsonl").write_text('[1, 9, ""]\\n')
        time.sleep(300)
    """)
    )
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    told = files.out.parent / "told"
    os.environ["TOLD"] = str(told)

    def interrupt(*_state):
        os.kill(os.getpid(), signal.SIGTERM)

    files = RunFiles(start=files.start, out=files.out, progress=interrupt)
    try:
        with pytest.raises(InterruptedTrainingError, match="goes on from its last checkpoint"):
            train_where_asked("dpo", pairs, PARAMS, files)
    finally:
        signal.signal(signal.SIGTERM, before)
        del os.environ["TOLD"]
    assert told.read_text() == "stopped"
    assert heard == [signal.SIGTERM]


def test_no_process_outlives_an_error_of_the_asker(pairs, files, launcher):
    launcher(
        ANNOUNCE
        + textwrap.dedent("""
        (job / "progress.jsonl").write_text(f'[1, {os.getpid()}, ""]\\n')
        time.sleep(300)
    """)
    )
    pids = []

    def fail(_done, total, _note):
        pids.append(total)
        raise KeyboardInterrupt

    files = RunFiles(start=files.start, out=files.out, progress=fail)
    with pytest.raises(KeyboardInterrupt):
        train_where_asked("dpo", pairs, PARAMS, files)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_a_process_ends_with_the_one_that_asked(tmp_path):
    """The asker is killed, so nothing of its own runs any more."""
    pipe = tmp_path / "asker"
    hold = "import sys, time; from pathlib import Path; from tasks.training.launch.parent_watch "
    hold += "import hold_open; hold_open(Path(sys.argv[1])); print('held', flush=True); "
    hold += "time.sleep(300)"
    watch = "import time; from tasks.training.launch.parent_watch import end_with_asker; "
    watch += "end_with_asker(); print('watches', flush=True); time.sleep(300)"
    asker = subprocess.Popen(
        [sys.executable, "-c", hold, str(pipe)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert asker.stdout.readline() == "held\n"
    process = subprocess.Popen(
        [sys.executable, "-c", watch],
        cwd=CHECKOUT,
        env={**os.environ, PIPE: str(pipe)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "watches\n"
    time.sleep(0.2)
    assert process.poll() is None
    asker.kill()
    assert process.wait(60) == -signal.SIGTERM
    asker.wait()


def test_a_process_whose_asker_is_gone_already_ends(tmp_path):
    watch = "import time; from tasks.training.launch.parent_watch import end_with_asker; "
    watch += "end_with_asker(); time.sleep(300)"
    for name in ("nowhere", "left"):
        if name == "left":
            os.mkfifo(tmp_path / name)
        process = subprocess.run(
            [sys.executable, "-c", watch],
            cwd=CHECKOUT,
            env={**os.environ, PIPE: str(tmp_path / name)},
            timeout=60,
            check=False,
        )
        assert process.returncode == -signal.SIGTERM


def test_the_machine_of_the_flow_does_not_join_itself(tmp_path, demonstrations, files):
    params = SFTParams(launch="cpu-ddp")
    Job(method="sft", rows=demonstrations, params=params, files=files).write(tmp_path)
    with pytest.raises(InputError, match=r"machine_rank of launch 'cpu-ddp' is 0 here"):
        join_training("cpu-ddp", tmp_path)


def test_processes_of_other_machines_are_not_signalled(pairs, files, launcher):
    """Only its own host's process numbers mean anything here."""
    launcher(f"""
        (job / "process-0").write_text("elsewhere {os.getpid()}")
        (job / "progress.jsonl").write_text('[1, 9, ""]\\n')
        time.sleep(300)
    """)

    def fail(*_state):
        raise KeyboardInterrupt

    assert socket.gethostname() != "elsewhere"
    files = RunFiles(start=files.start, out=files.out, progress=fail)
    with pytest.raises(KeyboardInterrupt):
        train_where_asked("dpo", pairs, PARAMS, files)


def test_without_launch_training_stays_here(pairs, files, launcher):
    launcher("sys.exit(1)")
    params = PARAMS.model_copy(update={"launch": "", "device": "cpu", "bf16": "no"})
    assert train_where_asked("dpo", pairs, params, files).num_steps == 2
    assert Path(files.out / "model.safetensors").is_file()
