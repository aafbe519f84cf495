import itertools
import random
import shutil
import time

import pytest
from small_rows import INGEST, ingest, staged
from writing_process import (
    PROCESSES,
    TABLES,
    work,
    write_and_die,
    write_run,
    write_until_killed,
)

from storage.store import open_store

NUM_KILLS = 50
pytestmark = pytest.mark.usefixtures("_processes")


def check_whole(store):
    """Every visible artifact belongs to a run of which all tables are there and undamaged."""
    for artifact in store.artifacts(superseded=True):
        assert sorted(artifact.outputs) == sorted(table.name for table in TABLES)
        for table, output in artifact.outputs.items():
            assert store.get(output).table == table
    assert store.verify() == []


def check_acknowledged(store, lines):
    for number, *outputs in map(str.split, lines):
        assert {store.get(output).key for output in outputs} == {work(int(number)).key}
        assert store.find(work(int(number))) is not None


def test_after_kill_9_nothing_is_half_visible_and_nothing_acknowledged_is_lost(root, tmp_path):
    """50 processes that commit three tables at a time are killed, each within some commit.

    The next one starts on what the killed one left. The waits are seeded, but at which step a
    signal arrives is up to the machine, so the leftovers differ from run to run.
    """
    acknowledged = tmp_path / "acknowledged"
    acknowledged.touch()
    wait = random.Random(3)
    num_checked = 0
    for kill in range(NUM_KILLS):
        listener, heard = PROCESSES.Pipe(duplex=False)
        arguments = (root, acknowledged, heard, kill)
        process = PROCESSES.Process(target=write_until_killed, args=arguments)
        process.start()
        for _ in range(1 + wait.randrange(4)):
            assert listener.poll(60), "the process died before it was killed"
            listener.recv()
        time.sleep(wait.uniform(0.0, 0.04))
        process.kill()
        process.join()
        store = open_store(root)
        assert staged(root) == []
        lines = acknowledged.read_text().splitlines()
        check_acknowledged(store, lines[num_checked:])
        num_checked = len(lines)
    assert num_checked > NUM_KILLS
    check_acknowledged(store, lines)
    check_whole(store)
    before = store.artifacts(superseded=True)
    store.rebuild_index()
    assert store.artifacts(superseded=True) == before
    assert write_run(store, 5000) == store.find(work(5000))


def test_a_run_killed_at_any_of_its_steps_is_there_whole_or_not_at_all(root):
    """One process is killed at its first access to a file, the next at its second, and so on.

    A new index must come to the same answer as the one that saw the kills: this is what the
    journal is for. The same work is then done again on top of what is left.
    """
    store = open_store(root)
    survived = []
    for event in itertools.count(1):
        process = PROCESSES.Process(target=write_and_die, args=(root, event, event))
        process.start()
        process.join()
        found = open_store(root).find(work(event))
        if process.exitcode == 0:
            assert found is not None
            break
        survived.append(found is not None)
        assert staged(root) == []
        if event % 4 == 0:
            assert write_run(store, event) == store.find(work(event))
    assert False in survived, "no kill came before the commit"
    assert True in survived, "no kill came between the commit and the acknowledgement"
    before = store.artifacts(superseded=True)
    check_whole(store)
    store.rebuild_index()
    assert store.artifacts(superseded=True) == before


def test_the_rest_of_a_killed_commit_is_taken_over_by_a_run_that_wrote_nothing_new(store, root):
    """The prompts are left from a killed run, the refusals are those of another run.

    No manifest on disk names the two together until the new run replaces the one that no reader
    has ever seen.
    """
    killed = ingest(store, refused=1)
    shutil.rmtree(root / killed["quarantine"].path)
    assert store.rebuild_index() == 0
    other = ingest(store, refused=2, note=" of another run")
    outputs = ingest(store, refused=2)
    assert outputs["prompts"].artifact_id == killed["prompts"].artifact_id
    assert outputs["quarantine"].artifact_id == other["quarantine"].artifact_id
    assert store.find(INGEST) == outputs
    before = store.artifacts(superseded=True)
    assert store.rebuild_index() == 3
    assert store.artifacts(superseded=True) == before
