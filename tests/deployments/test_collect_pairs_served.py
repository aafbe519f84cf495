"""A run of `collect-pairs` that waits for people: suspended, woken by labels, decided in a form."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from storage.store import open_store
from storage.tables.dispreferred import DISPREFERRED
from storage.tables.labels import LABELS
from storage.tables.pairs import PAIRS
from tasks.annotation.queue.assignment import Assignment, GivenLabel
from tasks.annotation.queue.queues import Queues, open_queues
from tests.fakes.prefline_server import Server, until

NUM_ROWS = 6


def comparisons(folder: Path, name: str) -> Path:
    path = folder / f"{name}.jsonl"
    rows = [
        {"prompt": f"{name} {i}?", "responses": [f"good {i}", f"poor {i}"]} for i in range(NUM_ROWS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def started(server: Server, path: Path, **collect: Any) -> str:
    deployment = server.deployment("collect-pairs")
    given = {
        "comparisons": {"source": "file", "file": str(path), "name": path.stem},
        "collect": collect,
        "page": server.page,
    }
    run = server.post(f"/deployments/{deployment['id']}/create_flow_run", {"parameters": given})
    return str(run["id"])


def run_of(server: Server, run: str) -> dict[str, Any]:
    return json.loads(server.get(f"/api/flow_runs/{run}"))


def suspended(server: Server, run: str, turn: int) -> str:
    """Return the text above the form of the turn."""

    def waits() -> bool:
        found = run_of(server, run)
        if found["state"]["type"] in {"FAILED", "CRASHED"}:
            pytest.fail(found["state"]["message"])
        return (
            found["state"]["name"] == "Suspended"
            and len(found["empirical_policy"]["pause_keys"]) == turn
        )

    until(waits, seconds=90)
    keyset = run_of(server, run)["state"]["state_details"]["run_input_keyset"]
    above = f"/api/flow_runs/{run}/input/{keyset['description']}"
    return json.loads(until(lambda: server.get(above), seconds=10))  # it comes after the state


def decided(server: Server, run: str, decision: str, **given: Any) -> dict[str, Any]:
    said = {"decision": decision, "reason": "", "more_hours": 0, "more_labels": 0, **given}
    return server.post(f"/flow_runs/{run}/resume", {"run_input": said})


def ended(server: Server, run: str) -> dict[str, Any]:
    def state() -> dict[str, Any] | None:
        found = run_of(server, run)["state"]
        return found if found["type"] in {"COMPLETED", "FAILED", "CRASHED"} else None

    return until(state, seconds=90)


def label(queues: Queues, name: str, choose: Callable[[str], str], most: int = NUM_ROWS) -> None:
    """Let somebody label up to `most` comparisons; `choose` gets the text of side a."""
    queue, person = queues.queue(name), queues.annotator("ann")
    for _ in range(most):
        now = datetime.now(UTC)
        got = queues.next_item(queue.queue_id, person.annotator_id, now)
        if not isinstance(got, Assignment):
            return
        said = choose(got.item.responses[0].text)
        given = GivenLabel(item_id=got.item.item_id, choice=said)
        queues.give(queue.queue_id, person.annotator_id, given, now)


def good(text: str) -> str:
    return "a" if text.startswith("good") else "b"


def bad_for_the_first(text: str) -> str:
    return "both_bad" if text in {"good 0", "poor 0"} else good(text)


def test_labels_wake_the_run_which_waits_for_more_until_it_is_approved(server, tmp_path):
    run = started(server, comparisons(tmp_path, "released"), min_labels=2)
    asked = suspended(server, run, 1)
    queues = open_queues(server.root / "annotation.sqlite")
    queue = queues.queue("released")
    assert f"{server.page}/q/{queue.queue_id}" in asked
    assert "0 of 2 labels" in asked
    label(queues, "released", bad_for_the_first, most=2)
    assert "2 of 2 labels" in suspended(server, run, 2)  # the page woke it
    decided(server, run, "extend", more_hours=1, more_labels=4)
    assert "2 of 6 labels" in suspended(server, run, 3)
    label(queues, "released", bad_for_the_first)
    asked = suspended(server, run, 4)
    assert "5 pairs and 2 dispreferred answers from 1 annotator." in asked
    decided(server, run, "reject", more_hours=24)
    asked = suspended(server, run, 5)
    assert "A rejection needs a reason." in asked
    assert "waiting for your decision" in asked, "it asks again, and waits for no more labels"
    decided(server, run, "approve")
    assert ended(server, run)["name"] == "Completed"
    store = open_store(server.root, create=False)
    (pairs,) = [row for row in store.artifacts("pairs") if row.flow_run_id == run]
    rows = store.rows(PAIRS, pairs)
    assert {(row.chosen[:4], row.rejected[:4], row.labeler_kind) for row in rows} == {
        ("good", "poor", "human")
    }
    disliked = store.rows(DISPREFERRED, store.get(pairs.outputs["dispreferred"]))
    assert {row.rejected for row in disliked} == {"good 0", "poor 0"}


def test_a_rejection_needs_a_reason_and_keeps_the_labels_without_pairs(server, tmp_path):
    run = started(server, comparisons(tmp_path, "rejected"))
    suspended(server, run, 1)
    assert decided(server, run, "maybe")["status"] == "REJECT"  # no decision of the form
    label(open_queues(server.root / "annotation.sqlite"), "rejected", good, most=2)
    decided(server, run, "reject")
    assert "A rejection needs a reason." in suspended(server, run, 2)
    decided(server, run, "reject", reason="the question was unclear")
    state = ended(server, run)
    assert (state["type"], state["name"]) == ("COMPLETED", "Rejected")
    assert "the question was unclear" in state["message"]
    store = open_store(server.root, create=False)
    (labels,) = [row for row in store.artifacts("labels") if row.flow_run_id == run]
    assert len(store.rows(LABELS, labels)) == 2
    assert not [row for row in store.artifacts("pairs") if row.flow_run_id == run]


def test_a_deadline_releases_what_is_there_where_nobody_is_to_approve(server, tmp_path):
    run = started(server, comparisons(tmp_path, "late"), review=False, deadline_hours=0.003)
    suspended(server, run, 1)
    label(open_queues(server.root / "annotation.sqlite"), "late", good, most=1)
    assert ended(server, run)["name"] == "Completed"
    (pairs,) = [r for r in open_store(server.root).artifacts("pairs") if r.flow_run_id == run]
    assert pairs.rows == 1
