import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.annotation.queue.assignment import NothingLeft
from tasks.annotation.queue.label_error import LeaseLostError
from tasks.annotation.queue.queues import open_queues
from tests.tasks.annotation.queue.desk import Desk, desk

CHECKOUT = Path(__file__).resolve().parents[4]
LABELLING = [sys.executable, "-m", "tests.tasks.annotation.queue.labelling_process"]


@pytest.mark.parametrize("num_objects", [1, 4])
def test_of_threads_that_race_for_the_last_place_one_gets_it(
    tmp_path: Path, num_objects: int
) -> None:
    at = desk(tmp_path, 40, overlap=2)
    names = ["ann", "bob", "cay", "dan"]
    for name in names:
        at.person(name)
    barrier = threading.Barrier(len(names))
    desks = [at, *(desk(tmp_path, 40, overlap=2) for _ in range(num_objects - 1))]

    def race(name: str) -> list[int]:
        mine = desks[names.index(name) % num_objects]
        taken = []
        for number in range(40):
            barrier.wait()
            try:
                mine.give(name, number)
            except LeaseLostError:
                continue
            taken.append(number)
        return taken

    with ThreadPoolExecutor(len(names)) as pool:
        taken = Counter(number for numbers in pool.map(race, names) for number in numbers)
    assert taken == dict.fromkeys(range(40), 2)
    assert Counter(number for _, number, _ in at.said()) == taken


def test_of_threads_that_ask_at_the_same_time_each_gets_another_item(tmp_path: Path) -> None:
    at = desk(tmp_path, 24)
    names = [f"person {k}" for k in range(24)]
    for name in names:
        at.person(name)
    barrier = threading.Barrier(24)

    def ask(name: str) -> int:
        barrier.wait()
        return at.number(name)

    with ThreadPoolExecutor(24) as pool:
        assert sorted(pool.map(ask, names)) == list(range(24))


def test_one_person_who_asks_twice_at_the_same_time_gets_one_item(tmp_path: Path) -> None:
    at = desk(tmp_path, 10)
    at.person("ann")
    barrier = threading.Barrier(8)

    def ask(_: int) -> int:
        barrier.wait()
        return at.number("ann")

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {0}
    assert at.number("bob") == 1


def label_until_finished(at: Desk, name: str, barrier: threading.Barrier) -> int:
    barrier.wait()
    num, turns = 0, 0
    while not isinstance(got := at.next(name), NothingLeft) or got.reason == "waiting":
        turns += 1
        if isinstance(got, NothingLeft):
            continue
        number = at.items.index(got.item)
        try:
            at.give(name, number, "ab"[turns % 2])
        except LeaseLostError:
            continue
        num += 1
        if turns % 7 == 0:
            at.undo(name)
            num -= 1
    return num


def test_threads_with_undo_fill_the_overlap_exactly(tmp_path: Path) -> None:
    at = desk(tmp_path, 60, overlap=2)
    names = [f"person {k}" for k in range(6)]
    for name in names:
        at.person(name)
    barrier = threading.Barrier(len(names))
    with ThreadPoolExecutor(len(names)) as pool:
        nums = list(pool.map(lambda name: label_until_finished(at, name, barrier), names))
    said = at.said()
    assert sum(nums) == len(said) == at.state().num_labels == 120
    assert len({(name, number) for name, number, _ in said}) == 120
    assert set(Counter(number for _, number, _ in said).values()) == {2}


@pytest.mark.timeout(120)
def test_processes_fill_the_overlap_exactly(tmp_path: Path) -> None:
    at = desk(tmp_path, 60, overlap=2)
    children = [
        subprocess.Popen(
            [*LABELLING, str(at.queues.path), at.queue_id, f"person {k}", "0.01"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
        )
        for k in range(4)
    ]
    for child in children:
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
    for child in children:  # all are there: now they begin at the same time
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()
    printed = [line.split() for child in children for line in child.communicate()[0].splitlines()]
    labels = open_queues(at.queues.path).labels(at.queue_id)
    assert sorted(label.label_id for label in labels) == sorted(line[1] for line in printed)
    assert len({(label.annotator, label.comparison_id) for label in labels}) == 120
    assert set(Counter(label.comparison_id for label in labels).values()) == {2}
    assert len({label.annotator for label in labels}) == 4  # all took part
