from pathlib import Path

import pytest

from tasks.annotation.params import QueueParams
from tasks.annotation.queue.queues import Queues, open_queues
from tests.fakes.annotation_page import comparison, comparisons
from tests.tasks.annotation.page.page_desk import Desk


@pytest.fixture
def queues(tmp_path: Path) -> Queues:
    return open_queues(tmp_path / "queues.sqlite")


@pytest.fixture
def desk(queues: Queues) -> Desk:
    gold = comparison(100, gold="a")
    three = comparison(101, "one", "two", "three")
    queue = queues.publish(
        "demo",
        [*comparisons(4), gold, three],
        QueueParams(overlap=2, gold_every=2, instructions="Choose the *better* one."),
        origin="verdicts/SECRET-origin",
    )
    people = {"ann": "annotator", "bob": "annotator", "root": "admin"}
    tokens = {name: queues.invite(name, role).token for name, role in people.items()}  # type: ignore[arg-type]
    return Desk(queues=queues, queue=queue, **tokens)
