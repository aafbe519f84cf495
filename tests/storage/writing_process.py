"""Processes that write to a store and may be killed while they do.

They are forked from a server that has imported everything, so that starting one takes
milliseconds and many can be killed in a test.
"""

import multiprocessing
import os
import random
import signal
import sys
from multiprocessing import forkserver
from pathlib import Path

from small_rows import prompts, refusals

from storage.provenance import code_version, library_versions
from storage.store import open_store
from storage.tables.pairs import PAIRS
from storage.tables.prompts import PROMPTS
from storage.tables.quarantine import QUARANTINE
from storage.work import Work

TABLES = [PROMPTS, QUARANTINE, PAIRS]
PROCESSES = multiprocessing.get_context("forkserver")


def start_server():
    """Start the process that the others are forked from, with everything imported.

    Python 3.11 gives it no sys.path and hides that its imports fail, hence the environment.
    """
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    try:
        PROCESSES.set_forkserver_preload(
            ["__main__", "writing_process", "pyarrow.parquet", "pandas"]
        )
        forkserver.ensure_running()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


code_version()  # asked once, in the server; the processes remember it
library_versions()


def work(number):
    return Work("stage", 1, {"number": number})


def write_run(store, number, *, note=""):
    """Commit one run of three tables, pairs always empty."""
    with store.begin(work(number), TABLES) as writer:
        writer.write(PROMPTS, prompts(20, note=f"{number}{note}"))
        writer.write(QUARANTINE, refusals(number % 3))
        return writer.commit()


def write_until_killed(root, acknowledged, heard, seed):
    """Commit run after run, some of them reruns with other rows; note each that returned.

    `heard` is the end of a pipe that gets a message for the start and for each commit.
    """
    draw = random.Random(seed)
    store = open_store(root)
    heard.send("ready")
    with Path(acknowledged).open("a") as file:
        while True:
            number = draw.randrange(1000)
            outputs = write_run(store, number, note=draw.choice(["", " rerun"]))
            ids = " ".join(artifact.artifact_id for artifact in outputs.values())
            file.write(f"{number} {ids}\n")
            file.flush()
            heard.send("committed")


def write_and_die(root, number, event_number):
    """Commit one run, but be killed at the `event_number`-th thing done to a file of the root.

    Exits with code 0 if the run was committed before.
    """
    store = open_store(root)
    seen = 0

    def count(event, arguments):
        nonlocal seen
        is_file = event in ("open", "os.rename", "os.mkdir", "os.remove", "sqlite3.connect")
        if is_file and str(arguments[0]).startswith(str(root)):
            seen += 1
            if seen == event_number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    write_run(store, number)


def write_together(root, numbers, barrier, note):
    """Commit the same runs as others at the same time."""
    store = open_store(root)
    for number in numbers:
        barrier.wait(60)
        write_run(store, number, note=note)


def open_and_ask(root, barrier, expected):
    """Open a store whose index has to be made, together with others."""
    barrier.wait(60)
    store = open_store(root)
    if len(store.artifacts(superseded=True)) != expected:
        sys.exit(3)
