import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from small_rows import staged
from writing_process import PROCESSES, open_and_ask, work, write_run, write_together

from storage.store import open_store

NUM_PROCESSES = 4
pytestmark = pytest.mark.usefixtures("_processes")


def run_together(target, arguments):
    """Run one process per argument list and return their exit codes."""
    processes = [PROCESSES.Process(target=target, args=each) for each in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    return [process.exitcode for process in processes]


def test_processes_that_commit_the_same_work_get_one_artifact_and_no_error(root):
    barrier = PROCESSES.Barrier(NUM_PROCESSES)
    numbers = range(12)
    codes = run_together(write_together, [(root, numbers, barrier, "")] * NUM_PROCESSES)
    assert codes == [0] * NUM_PROCESSES
    store = open_store(root)
    assert len(store.artifacts(superseded=True)) == 3 * len(numbers)
    assert all(store.find(work(number)) is not None for number in numbers)
    assert store.verify() == []
    assert staged(root) == []
    before = store.artifacts(superseded=True)
    store.rebuild_index()
    assert store.artifacts(superseded=True) == before


def test_of_different_results_for_the_same_work_the_newest_is_current(root):
    """The empty tables are the same in all four, the prompts are four artifacts."""
    barrier = PROCESSES.Barrier(NUM_PROCESSES)
    notes = [f" by {process}" for process in range(NUM_PROCESSES)]
    codes = run_together(write_together, [(root, range(6), barrier, note) for note in notes])
    assert codes == [0] * NUM_PROCESSES
    store = open_store(root)
    prompts = store.artifacts("prompts", superseded=True)
    assert len(prompts) == 6 * NUM_PROCESSES
    for number in range(6):
        found = store.find(work(number))["prompts"]
        made = [artifact for artifact in prompts if artifact.key == work(number).key]
        assert found.created_at == max(artifact.created_at for artifact in made)
        assert [artifact for artifact in made if not artifact.superseded] == [found]
    assert len(store.artifacts("pairs", superseded=True)) == 6


def test_processes_that_find_no_index_make_it_once(root):
    store = open_store(root)
    for number in range(5):
        write_run(store, number)
    (root / "index.sqlite").write_bytes(b"broken")
    barrier = PROCESSES.Barrier(NUM_PROCESSES)
    codes = run_together(open_and_ask, [(root, barrier, 15)] * NUM_PROCESSES)
    assert codes == [0] * NUM_PROCESSES


def test_threads_share_a_store(store):
    """Prefect runs tasks in threads; one DuckDB connection for all would fail."""
    start = threading.Barrier(4)

    def write_and_ask(number):
        start.wait(60)
        outputs = write_run(store, number)
        count = store.sql("select count(*) as n from prompts where meta = '{}'").to_pylist()
        return outputs == store.find(work(number)) and count[0]["n"] >= 20

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(write_and_ask, range(4)))
    assert len(store.artifacts()) == 12
