import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from jinja2 import DictLoader, Environment
from starlette.testclient import TestClient

from storage.tables.table import Message
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.page.page_settings import PageSettings
from tasks.annotation.page.page_state import PageState
from tasks.annotation.params import QueueParams
from tests.fakes.annotation_page import AnnotationPage, comparison, comparisons
from tests.tasks.annotation.page.page_desk import Desk

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def label(item: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"item_id": item["item_id"], "choice": 1, "seconds": 2.0} | fields


def label_all(client: TestClient, api: str, choice: Any = 1) -> list[dict[str, Any]]:
    """The screens that somebody saw who labelled everything in the same way."""
    screens = [client.get(f"{api}/next").json()]
    while (item := screens[-1]["item"]) is not None:
        worst = {"worst": 2} if len(item["responses"]) > 2 and choice == 1 else {}
        reply = client.post(f"{api}/label", json=label(item, choice=choice) | worst)
        assert reply.status_code == 200, reply.text
        screens.append(reply.json()["screen"])
    return screens


def side_shown_first(desk: Desk, item: dict[str, Any]) -> str:
    """The letter of the answer at position 1, found by its text."""
    known: ComparisonItem = desk.queues.item(desk.queue.queue_id, item["item_id"])
    first = item["responses"][0]["html"]
    return next(letter for letter in known.sides if known.side(letter).text in first)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def test_a_position_is_kept_as_the_letter_that_stood_there(desk: Desk) -> None:
    client = desk.client(desk.ann)
    for strength in ("slight", None):
        item = client.get(f"{desk.api}/next").json()["item"]
        first = side_shown_first(desk, item)
        said = label(item, strength=strength, note="a note", seconds=0.0)
        reply = client.post(f"{desk.api}/label", json=said)
        assert reply.json()["saved"] is True
        assert reply.json()["screen"]["item"]["item_id"] != item["item_id"]
        kept = desk.queues.labels(desk.queue.queue_id)[-1]
        assert (kept.choice, kept.shown_order[0], kept.annotator) == (first, first, "ann")
        assert (kept.strength, kept.note) == (strength, "a note")


def test_best_and_worst_of_three_are_kept(desk: Desk) -> None:
    queue = desk.queues.publish(
        "three", [comparison(1, "one", "two", "three")], QueueParams(), origin="x"
    )
    client = desk.client(desk.ann)
    api = f"/api/q/{queue.queue_id}"
    item = client.get(f"{api}/next").json()["item"]
    assert [response["position"] for response in item["responses"]] == [1, 2, 3]
    client.post(f"{api}/label", json=label(item, choice=3, worst=2))
    (kept,) = desk.queues.labels(queue.queue_id)
    assert (kept.choice, kept.worst) == (kept.shown_order[2], kept.shown_order[1])
    before = client.post(f"{api}/undo", json={}).json()["item"]["before"]
    assert (before["choice"], before["worst"]) == (3, 2)


def test_undo_brings_the_comparison_back_with_what_was_said(desk: Desk) -> None:
    client = desk.client(desk.ann)
    shown = client.get(f"{desk.api}/next").json()["item"]
    assert shown["before"] is None
    client.post(f"{desk.api}/label", json=label(shown, choice=2, strength="clear", note="n"))
    back = client.post(f"{desk.api}/undo", json={}).json()["item"]
    said = {name: back["before"][name] for name in ("choice", "strength", "note")}
    assert said == {"choice": 2, "strength": "clear", "note": "n"}
    assert back["responses"] == shown["responses"]
    assert desk.queues.labels(desk.queue.queue_id) == []
    client.post(f"{desk.api}/label", json=label(back, choice="tie"))
    assert [kept.choice for kept in desk.queues.labels(desk.queue.queue_id)] == ["tie"]


def test_a_screen_says_how_far_everybody_is_and_what_to_do(desk: Desk) -> None:
    screen = desk.client(desk.ann).get(f"{desk.api}/next").json()
    assert set(screen) == {"item", "why_empty", "progress", "instructions_html"}
    assert screen["instructions_html"] == "<p>Choose the <em>better</em> one.</p>\n"
    assert screen["why_empty"] is None
    assert screen["item"]["messages"][0]["role"] == "user"
    assert screen["item"]["messages"][0]["html"].startswith("<p>Question ")
    assert screen["progress"] == {
        "mine": 0,
        "num_labels": 0,
        "num_wanted": 10,
        "per_hour": None,
        "median_seconds": None,
        "can_undo": False,
    }


def test_when_all_is_labelled_the_screen_says_so(desk: Desk) -> None:
    client = desk.client(desk.ann)
    screens = label_all(client, desk.api)
    assert len(screens) == 7  # five comparisons, a gold item and the end
    assert (screens[-1]["item"], screens[-1]["why_empty"]) == (None, "finished")
    assert screens[-1]["progress"]["mine"] == 6
    desk.queues.close(desk.queue.queue_id)
    assert client.get(f"{desk.api}/next").json()["why_empty"] == "closed"


def test_nothing_that_an_annotator_gets_tells_the_answers_apart(desk: Desk) -> None:
    client = desk.client(desk.ann)
    desk.queues.publish("other", comparisons(2), QueueParams(), origin="pairs/SECRET-pairs")
    screens = label_all(client, desk.api, choice="both_bad")
    screens.append(client.post(f"{desk.api}/undo", json={}).json())
    refused = client.post(f"{desk.api}/label", json=label(screens[0]["item"], choice=9))
    screens.append(refused.json())
    assert refused.status_code == 422
    for screen in screens:
        assert "SECRET" not in json.dumps(screen)
        assert not set(strings(screen)) & set("abcdefghi")
        item = screen.get("item") or {"responses": []}
        assert all(set(response) == {"position", "html"} for response in item["responses"])
        assert set(item) <= {
            *("item_id", "messages", "responses"),
            *("min_seconds", "elapsed_seconds", "before"),
        }
    for path in (
        "/queues",
        f"/q/{desk.queue.queue_id}",
        "/join",
        f"/q/{desk.queue.queue_id}/admin",
    ):
        for headers in ({}, HTML):
            assert "SECRET" not in client.get(path, headers=headers).text


def test_a_label_whose_reply_was_lost_may_come_again_after_a_restart(desk: Desk) -> None:
    item = desk.client(desk.ann).get(f"{desk.api}/next").json()["item"]
    first = side_shown_first(desk, item)
    for _ in range(3):  # each client has a page of its own, which knows only the file
        reply = desk.client(desk.ann).post(f"{desk.api}/label", json=label(item))
        assert reply.status_code == 200
        assert reply.json()["screen"]["item"]["item_id"] != item["item_id"]
    assert [kept.choice for kept in desk.queues.labels(desk.queue.queue_id)] == [first]


def test_what_others_have_labelled_meanwhile_is_refused_in_words(desk: Desk) -> None:
    queue = desk.queues.publish("one", comparisons(1), QueueParams(lease_minutes=1e-6), origin="x")
    api = f"/api/q/{queue.queue_id}"
    late, quick = desk.client(desk.ann), desk.client(desk.bob)
    item = late.get(f"{api}/next").json()["item"]
    label_all(quick, api)
    for client in (late, desk.client(desk.ann)):  # with and without the screen in memory
        reply = client.post(f"{api}/label", json=label(item))
        assert reply.status_code == 409
        assert "somebody else" in reply.json()["error"] or "not saved" in reply.json()["error"]
    assert len(desk.queues.labels(queue.queue_id)) == 1


def test_choosing_before_the_reading_time_is_over_is_too_early(desk: Desk) -> None:
    params = QueueParams(min_reading_seconds=30)
    queue = desk.queues.publish("slow", comparisons(1), params, origin="x")
    api = f"/api/q/{queue.queue_id}"
    client = desk.client(desk.ann)
    item = client.get(f"{api}/next").json()["item"]
    assert item["min_seconds"] == 30
    reply = client.post(f"{api}/label", json=label(item))
    assert reply.status_code == 425
    assert "seconds" in reply.json()["error"]


def test_a_closed_queue_takes_no_labels_until_it_is_opened_again(desk: Desk) -> None:
    client, root = desk.client(desk.ann), desk.client(desk.root)
    item = client.get(f"{desk.api}/next").json()["item"]
    assert root.post(f"{desk.api}/close", json={}).json() == {"saved": True}
    for page in (client, desk.client(desk.ann)):
        reply = page.post(f"{desk.api}/label", json=label(item))
        assert reply.status_code == 409
        assert "closed" in reply.json()["error"]
    assert root.post(f"{desk.api}/reopen", json={}).json() == {"saved": True}
    assert client.post(f"{desk.api}/label", json=label(item)).status_code == 200


def test_a_queue_is_not_opened_again_beside_another_of_its_name(desk: Desk) -> None:
    root = desk.client(desk.root)
    root.post(f"{desk.api}/close", json={})
    desk.queues.publish("demo", comparisons(9), QueueParams(), origin="x")
    reply = root.post(f"{desk.api}/reopen", json={})
    assert reply.status_code == 409
    assert "demo" in reply.json()["error"]


def test_an_adjudication_settles_a_conflict_at_once(desk: Desk) -> None:
    root = desk.client(desk.root)
    label_all(desk.client(desk.ann), desk.api, choice="tie")
    label_all(desk.client(desk.bob), desk.api, choice="both_bad")
    page = root.get(f"/q/{desk.queue.queue_id}/admin").text
    item = desk.queues.items(desk.queue.queue_id)[0]
    assert f'data-item="{item.item_id}"' in page
    said = {"item_id": item.item_id, "choice": "b", "worst": None, "note": "settled"}
    assert root.post(f"{desk.api}/adjudicate", json=said).json() == {"saved": True}
    kept = desk.queues.labels(desk.queue.queue_id)[-1]
    assert (kept.choice, kept.note, kept.is_adjudication) == ("b", "settled", True)
    page = root.get(f"/q/{desk.queue.queue_id}/admin").text  # not the figures of before
    assert f'data-item="{item.item_id}"' not in page


@pytest.mark.parametrize("call", ["adjudicate", "close", "reopen"])
def test_only_admins_settle_close_and_open(desk: Desk, call: str) -> None:
    said = {"item_id": "x", "choice": "a", "note": ""} if call == "adjudicate" else {}
    assert desk.client(desk.ann).post(f"{desk.api}/{call}", json=said).status_code == 403
    assert desk.client(None).post(f"{desk.api}/{call}", json=said).status_code == 401
    assert desk.queues.queue(desk.queue.queue_id).is_open


def test_only_admins_see_the_figures(desk: Desk) -> None:
    path = f"/q/{desk.queue.queue_id}/admin"
    assert desk.client(desk.root).get(path).status_code == 200
    refused = desk.client(desk.ann).get(path, headers=HTML)
    assert refused.status_code == 403
    assert "Only admins" in refused.text
    assert refused.headers["content-type"].startswith("text/html")


def test_only_who_has_a_session_is_offered_to_end_it(desk: Desk) -> None:
    assert "Sign out" in desk.client(desk.ann).get("/queues").text
    local = PageSettings(local_annotator="me")
    with AnnotationPage(desk.queues, local) as page, page.client() as browser:
        assert "Sign out" not in browser.get("/queues").text


def test_the_start_leads_to_the_one_open_queue(desk: Desk) -> None:
    client = desk.client(desk.ann)
    desk.queues.close(
        desk.queues.publish("old", comparisons(1), QueueParams(), origin="x").queue_id
    )
    reply = client.get("/")
    assert (reply.status_code, reply.headers["location"]) == (303, f"/q/{desk.queue.queue_id}")
    desk.queues.publish("new", comparisons(2), QueueParams(), origin="x")
    assert client.get("/").headers["location"] == "/queues"
    reply = client.get("/queues")
    assert reply.status_code == 200
    assert all(name in reply.text for name in ("demo", "new", "old"))


def test_without_a_token_there_is_nothing_but_the_way_to_sign_in(desk: Desk) -> None:
    client = desk.client(None)
    for path in ("/queues", f"/q/{desk.queue.queue_id}", f"{desk.api}/next", "/q/unknown"):
        reply = client.get(path)
        assert reply.status_code == 401
        assert "Open the link" in reply.json()["error"]
    assert client.get("/join").status_code == 200
    assert client.get("/static/page.css").status_code == 200


def test_a_browser_gets_errors_as_a_page_and_a_script_as_json(desk: Desk) -> None:
    client = desk.client(desk.ann)
    page = client.get("/q/unknown", headers=HTML)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such queue." in page.text
    reply = client.get("/api/q/unknown/next", headers=HTML)
    assert reply.json() == {"error": "There is no such queue."}


def test_names_are_escaped_on_every_page(desk: Desk) -> None:
    evil = "<script>alert(1)</script>"
    queue = desk.queues.publish(evil, [comparison(1, judge=evil)], QueueParams(), origin=evil)
    desk.queues.publish("other", comparisons(1), QueueParams(), origin="x")
    token = desk.queues.invite(evil, "admin").token
    client = desk.client(token)
    api = f"/api/q/{queue.queue_id}"
    label_all(client, api, choice="tie")
    for path in ("/queues", f"/q/{queue.queue_id}", f"/q/{queue.queue_id}/admin"):
        text = client.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


def test_hostile_answers_and_notes_are_escaped_where_conflicts_are_settled(desk: Desk) -> None:
    evil = "<img src=x onerror=alert(1)>\u202e\x00"
    items = [comparison(1, evil, "other")]
    queue = desk.queues.publish("evil", items, QueueParams(overlap=2), origin="x")
    api = f"/api/q/{queue.queue_id}"
    for token, choice in ((desk.ann, 1), (desk.bob, "tie")):
        client = desk.client(token)
        item = client.get(f"{api}/next").json()["item"]
        assert "<img" not in json.dumps(item)
        client.post(f"{api}/label", json=label(item, choice=choice, note=evil))
    text = desk.client(desk.root).get(f"/q/{queue.queue_id}/admin").text
    assert "Conflict 1" in text
    assert "<img" not in text


def test_the_person_at_this_machine_labels_without_a_token_and_is_admin(desk: Desk) -> None:
    settings = PageSettings(local_annotator="ann")
    client = local(desk, settings)
    assert client.get(f"{desk.api}/next").status_code == 200
    assert client.get(f"/q/{desk.queue.queue_id}/admin").status_code == 200
    client.cookies.set("prefline_session", "from another day")
    assert client.get(f"{desk.api}/next").status_code == 200
    label_all(client, desk.api)
    assert {kept.annotator for kept in desk.queues.labels(desk.queue.queue_id)} == {"ann"}


def local(desk: Desk, settings: PageSettings, address: str = "127.0.0.1") -> TestClient:
    app = desk.client(None, settings).app
    return TestClient(
        app, base_url="http://localhost:8000", headers={"X-Prefline": "1"}, client=(address, 5000)
    )


def test_nobody_else_is_taken_for_the_person_at_this_machine(desk: Desk) -> None:
    settings = PageSettings(local_annotator="ann", hosts=("localhost", "page.example"))
    assert local(desk, settings).get(f"{desk.api}/next").status_code == 200
    assert local(desk, settings, "10.0.0.7").get(f"{desk.api}/next").status_code == 401
    for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
        reply = local(desk, settings).get(f"{desk.api}/next", headers={header: "127.0.0.1"})
        assert reply.status_code == 401
    reply = local(desk, settings).get(f"{desk.api}/next", headers={"Host": "page.example"})
    assert reply.status_code == 401


def test_no_page_for_annotators_can_tell_where_comparisons_come_from(desk: Desk) -> None:
    desk.queues.publish("other", comparisons(1), QueueParams(), origin="SECRET-origin")
    pages = {
        "annotate.html.jinja": "{{ queue.origin }}",
        "queues.html.jinja": "{% for queue in queues %}{{ queue.origin }}{% endfor %}",
    }
    for token, is_told in ((desk.ann, False), (desk.root, True)):
        client = desk.client(token)
        state: PageState = client.app.state.page  # type: ignore[attr-defined]
        templates = Environment(loader=DictLoader(pages), autoescape=True)
        client.app.state.page = replace(state, templates=templates)  # type: ignore[attr-defined]
        for path in ("/queues", f"/q/{desk.queue.queue_id}"):
            assert ("SECRET" in client.get(path).text) is is_told


def test_what_continues_a_plain_text_is_shown_as_it_is_written(desk: Desk) -> None:
    messages = (Message("text", "# A story\n* "),)
    items = [comparison(1, "*once*", "*twice*", messages=messages)]
    queue = desk.queues.publish("text", items, QueueParams(), origin="x")
    item = desk.client(desk.ann).get(f"/api/q/{queue.queue_id}/next").json()["item"]
    assert item["messages"] == [
        {"role": "text", "html": '<pre class="plain">\n# A story\n* </pre>'}
    ]
    assert {response["html"] for response in item["responses"]} == {
        '<pre class="plain">\n*once*</pre>',
        '<pre class="plain">\n*twice*</pre>',
    }


def test_a_failing_page_says_so_with_its_headers_and_without_the_fault(desk: Desk) -> None:
    client = desk.client(desk.ann)
    state: PageState = client.app.state.page  # type: ignore[attr-defined]
    client.app.state.page = replace(state, templates=None)  # type: ignore[attr-defined, type-var]
    quiet = TestClient(client.app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    reply = quiet.get("/join")
    assert reply.status_code == 500
    assert reply.json() == {"error": "Something went wrong on the server. Try again in a moment."}
    assert "default-src 'self'" in reply.headers["content-security-policy"]


def test_a_file_that_cannot_be_read_is_a_fault_that_may_pass(desk: Desk) -> None:
    desk.queues.path.unlink()
    reply = desk.client(desk.ann).get(f"{desk.api}/next")
    assert reply.status_code == 503
    assert str(desk.queues.path) not in reply.text
