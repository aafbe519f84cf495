"""How many labels a run waits for, at its start and when somebody extends the wait."""

from datetime import UTC, datetime

import pytest

from flows.label_wait import labels_to_wait_for
from tasks.annotation.params import CollectParams, QueueParams
from tasks.annotation.queue.queue_state import QueueState

ASKED = [
    # min_labels of the run, of the wait that is on, labels that are in, asked for more -> wanted
    ("all of them", 0, None, 0, None, 20),
    ("as many as the run says", 5, None, 0, None, 5),
    ("labels that are in already count", 5, None, 9, None, 5),
    ("more than are asked for now", 5, 5, 2, 3, 8),
    ("a look at the clock changes nothing", 5, 8, 8, 0, 8),
    ("more after a wait that was extended before", 2, None, 6, 3, 9),
    ("more after a deadline", 10, None, 4, 2, 12),
    ("more hours alone ask for what is missing", 2, None, 6, 0, 20),
    ("never more than the queue takes", 5, None, 19, 7, 20),
]


@pytest.mark.parametrize(
    ("of_run", "of_wait", "are_in", "more", "wanted"),
    [row[1:] for row in ASKED],
    ids=[row[0] for row in ASKED],
)
def test_the_labels_that_a_wait_asks_for(of_run, of_wait, are_in, more, wanted):
    state = QueueState(
        queue_id="q",
        name="queue",
        origin="file",
        params=QueueParams(overlap=2),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        is_open=True,
        num_items=10,
        num_gold=0,
        num_labels=are_in,
        num_wanted=20,
        min_labels=of_wait,
    )
    assert labels_to_wait_for(state, CollectParams(min_labels=of_run), more) == wanted
