"""People who label, skip, change their minds, take back, fall asleep and send things twice."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tasks.annotation.queue.assignment import NothingLeft
from tasks.annotation.queue.label_error import LeaseLostError
from tests.tasks.annotation.queue.desk import Desk, desk
from tests.tasks.annotation.small_items import small_items

NAMES = ("ann", "bob", "cay", "dan")
NUM, NUM_GOLD = 6, 2
ORDINARY = range(NUM - NUM_GOLD)
people = st.sampled_from(NAMES)
choices = st.sampled_from(["a", "b", "tie", "both_bad", "skip"])


class Labelling(RuleBasedStateMachine):
    """Keeps a plain model beside the queue: what each person said last, in which order."""

    at: Desk

    @initialize(overlap=st.integers(1, 3), gold_every=st.integers(2, 4))
    def begin(self, overlap: int, gold_every: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.items = small_items(NUM, num_gold=NUM_GOLD)
        self.params = {"overlap": overlap, "gold_every": gold_every, "lease_minutes": 10}
        self.at = desk(Path(self.folder.name), items=self.items, **self.params)
        self.at.hurry()
        self.overlap = overlap
        self.said: dict[tuple[str, int], str] = {}
        self.in_sight: dict[str, int] = {}

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.at.queues.disconnect()
            self.folder.cleanup()

    @rule(name=people)
    def ask(self, name: str) -> None:
        self._see(name, self.at.next(name))

    @rule(name=people, choice=choices)
    def label_what_is_in_sight(self, name: str, choice: str) -> None:
        if name in self.in_sight:
            self._give(name, self.in_sight[name], choice)

    @rule(name=people, choice=choices)
    def ask_and_label(self, name: str, choice: str) -> None:
        """Nobody else comes between, so the label is taken."""
        self._see(name, self.at.next(name))
        if name in self.in_sight:
            assert self._give(name, self.in_sight[name], choice)

    @rule(name=people, number=st.integers(0, NUM - 1), choice=choices)
    def label_anything(self, name: str, number: int, choice: str) -> None:
        self._give(name, number, choice)

    @rule(name=people)
    def undo(self, name: str) -> None:
        got = self.at.undo(name)
        if not isinstance(got, NothingLeft) and got.before is not None:
            number = self.at.items.index(got.item)
            mine = [key for key in self.said if key[0] == name]
            passed = mine[mine.index((name, number)) + 1 :]
            assert all(self.said[key] == "skip" for key in passed)  # others took their places
            assert got.before.choice == self.said.pop((name, number))
        self._see(name, got)

    @rule(minutes=st.sampled_from([0.5, 6, 11]))
    def time_passes(self, minutes: float) -> None:
        self.at.wait(minutes=minutes)

    @rule()
    def restart(self) -> None:
        self.at.queues.disconnect()
        now = self.at.now
        self.at = desk(Path(self.folder.name), items=self.items, **self.params)
        self.at.now = now
        self.at.hurry()

    @rule(choice=st.sampled_from(["a", "tie"]))
    def all_finish(self, choice: str) -> None:
        """After an hour no lease is live: whoever comes gets all that they have not settled."""
        self.at.wait(minutes=60)
        for name in NAMES:
            while not isinstance(got := self.at.next(name), NothingLeft):
                assert self._give(name, self.at.items.index(got.item), choice)
            assert got.reason == "finished"
        for number in ORDINARY:
            skips = sum(self.said.get((name, number)) == "skip" for name in NAMES)
            assert self._num_labels()[number] == min(self.overlap, len(NAMES) - skips)

    @invariant()
    def the_queue_has_what_was_acknowledged(self) -> None:
        if not hasattr(self, "said"):
            return
        found = self.at.said()
        assert {(name, number): choice for name, number, choice in found} == self.said
        assert len(found) == len(self.said)  # nobody labels an item twice
        assert all(num <= self.overlap for num in self._num_labels().values())
        assert self.at.state().num_labels == sum(self._num_labels().values())
        for name in NAMES:
            mine = sum(key[0] == name for key in self.said)
            assert self.at.queues.progress(self.at.queue_id, self.at.person(name)).mine == mine

    def _num_labels(self) -> Counter[int]:
        return Counter(
            number
            for (_, number), choice in self.said.items()
            if choice != "skip" and number in ORDINARY
        )

    def _see(self, name: str, got: object) -> None:
        self.in_sight.pop(name, None)
        if not isinstance(got, NothingLeft):
            number = self.at.items.index(got.item)
            assert (name, number) not in self.said  # nobody gets what they have settled
            self.in_sight[name] = number

    def _give(self, name: str, number: int, choice: str) -> bool:
        self.at.wait(seconds=1)
        try:
            self.at.give(name, number, choice)
        except LeaseLostError:
            assert choice != "skip"
            assert number in ORDINARY
            return False
        if self.said.get((name, number)) != choice:  # the same again changes nothing
            self.said.pop((name, number), None)
            self.said[name, number] = choice
        return True


TestLabelling = Labelling.TestCase
TestLabelling.settings = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
