"""Records as Argilla 1 and 2 write them."""

import ast

import orjson
import pytest

from storage.tables.labels import HumanLabel
from storage.tables.table import Message
from tasks.annotation.formats.argilla_settings import ARGILLA_SETTINGS
from tasks.annotation.formats.read_comparisons import read_comparisons
from tasks.annotation.formats.write_labels import write_labels
from tests.tasks.annotation.small_items import small_items

ANN, BO = "5a2bb2f6-4a1c-4b1e-9c0e-8f5a4b0e2f11", "c5b3a2de-0d43-4f4e-8f59-0d9e1f7f6a22"
FIELDS = {"instruction": "Why?", "response-1": "Because.", "response-2": "No idea."}


def record(fields=None, **more):
    """Return a record as `rg.Dataset.records.to_list()` writes it."""
    return {
        "id": "rec-1",
        "fields": fields or FIELDS,
        "metadata": {"source_file": "a.txt"},
        "suggestions": {"preference": {"value": "response-1", "score": None, "agent": None}},
        "responses": {},
        "vectors": {},
        "_server_id": "1d4e1c6e-91a5-4a24-8dd9-0f3d0e6c2b33",
    } | more


def first(fields=None, status="submitted", **values):
    """Return a record of Argilla 1 with one response."""
    said = {question: {"value": value} for question, value in values.items()}
    return {
        "fields": fields or FIELDS,
        "metadata": {},
        "responses": [{"user_id": ANN, "values": said, "status": status}],
        "suggestions": [],
        "vectors": {},
        "external_id": None,
    }


def read_records(tmp_path, *records):
    path = tmp_path / "feedback.json"
    path.write_bytes(orjson.dumps(list(records)))
    return read_comparisons(path)


def test_a_record_becomes_a_comparison_and_each_user_a_label(tmp_path):
    responses = {
        "preference": [
            {"value": "response-2", "user_id": ANN},
            {"value": "tie", "user_id": BO},
        ],
        "why": [{"value": "it is honest", "user_id": ANN}],
        "quality": [{"value": 1, "user_id": ANN}, {"value": 2, "user_id": BO}],
    }
    read = read_records(tmp_path, record(responses=responses))
    assert read.refusals == ()
    (item,) = read.items
    assert item.messages == (Message("user", "Why?"),)
    assert [response.text for response in item.responses] == ["Because.", "No idea."]
    ann, bo = read.labels
    assert (ann.annotator, ann.choice, ann.worst, ann.note) == (
        f"argilla-{ANN}",
        "b",
        "a",
        "it is honest",
    )
    assert (bo.annotator, bo.choice, bo.worst, bo.note) == (f"argilla-{BO}", "tie", None, "")
    assert ann.labelled_at == "1970-01-01T00:00:00+00:00"  # Argilla 2 exports no time


CHAT = {
    "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
    **{f"response_{n}": f"Text {n}" for n in (1, 2, 3)},
}
ORDER = ["response_3", "response_1", "response_2"]
RANKED = [
    pytest.param(
        record(CHAT, responses={"rank": [{"value": ORDER, "user_id": ANN}]}), id="Argilla 2"
    ),
    pytest.param(
        first(CHAT, rank=[{"value": name, "rank": place} for place, name in enumerate(ORDER, 1)]),
        id="Argilla 1",
    ),
    pytest.param(
        first(CHAT, rank=[{"value": ORDER[n], "rank": n + 1} for n in (2, 0, 1)]), id="in disorder"
    ),
]


@pytest.mark.parametrize("ranking", RANKED)
def test_a_ranking_names_best_and_worst(tmp_path, ranking):
    read = read_records(tmp_path, ranking)
    assert read.items[0].messages == (Message("system", "Be brief."), Message("user", "Why?"))
    assert [(label.choice, label.worst) for label in read.labels] == [("c", "b")]


def test_two_answers_on_the_first_rank_are_a_tie(tmp_path):
    ranks = [{"value": "response_1", "rank": 1}, {"value": "response_2", "rank": 1}]
    ranks.append({"value": "response_3", "rank": 3})
    (label,) = read_records(tmp_path, first(CHAT, rank=ranks)).labels
    assert (label.choice, label.worst) == ("tie", None)


def test_a_discarded_response_is_a_skip(tmp_path):
    (label,) = read_records(tmp_path, first(status="discarded")).labels
    assert (label.choice, label.annotator) == ("skip", f"argilla-{ANN}")


def test_of_several_questions_the_one_called_better_counts(tmp_path):
    said = {"better": "response-1", "harmless": "response-2", "strength": "slight"}
    (label,) = read_records(tmp_path, first(**said)).labels
    assert (label.choice, label.strength, label.note) == ("a", "slight", "")


REFUSED = [
    pytest.param(first(), "the response says nothing about which", id="no answers"),
    pytest.param(first(quality=1), "the response says nothing about which", id="a rating"),
    pytest.param(first(label="1"), "the response says nothing about which", id="a rating as text"),
    pytest.param(first(status="draft", better="response-1"), "a draft", id="a draft"),
    pytest.param(
        first(helpful="response-1", harmless="response-1"),
        "helpful, harmless each say which answer is best",
        id="two questions",
    ),
    pytest.param(
        first(CHAT, better=["response_1", "response_1"]), "each once", id="one name twice"
    ),
    pytest.param(
        record(responses={"better": [{"value": "response-1", "user_id": None}]}),
        "no value for annotator",
        id="nobody",
    ),
    pytest.param(record(responses={"better": ["response-1"]}), "no JSON object", id="a bare value"),
]


@pytest.mark.parametrize(("made", "reason"), REFUSED)
def test_responses_that_are_no_label_are_refused(tmp_path, made, reason):
    read = read_records(tmp_path, made)
    assert (len(read.items), read.labels) == (1, ())
    assert [reason in row.reason for row in read.refusals] == [True]


def test_a_record_that_is_no_comparison_is_refused(tmp_path):
    read = read_records(tmp_path, record({"text": "Hello"}), record())
    assert len(read.items) == 1
    assert [row.reason for row in read.refusals] == ["no value for prompt"]


def test_keys_that_an_export_leaves_null_are_no_fault(tmp_path):
    read = read_records(tmp_path, record(metadata=None, responses=None, suggestions=None))
    assert (len(read.items), read.labels, read.refusals) == (1, (), ())


def label_of(item, annotator, **said):
    return HumanLabel(
        comparison_id=item.item_id,
        prompt_id=item.prompt_id,
        completions=tuple(response.completion_id for response in item.responses),
        annotator=annotator,
        **{"choice": "a", "worst": "b", "shown_order": "ba"} | said,
        seconds=2.0,
        queue="q1",
        labelled_at="2026-11-21T10:00:00+00:00",
    )


def exported(tmp_path, items, labels):
    write_labels(tmp_path / "out.json", "argilla", items, labels)
    return orjson.loads((tmp_path / "out.json").read_bytes())


def test_an_export_has_the_fields_and_questions_of_its_settings(tmp_path):
    items = small_items(1, num_responses=3)
    label = label_of(items[0], "ann", worst="c", shown_order="cab", strength="clear", note="why")
    (made,) = exported(tmp_path, items, [label])
    assert set(made) == set(record())
    assert made["fields"] == {
        "prompt": [{"role": "user", "content": "Question 0?"}],
        **{f"response_{n}": f"Answer {n} to question 0." for n in (1, 2, 3)},
    }
    values = {question: given[0]["value"] for question, given in made["responses"].items()}
    assert values == {
        "better": "response_1",
        "worst": "response_3",
        "strength": "clear",
        "note": "why",
    }
    assert len({given[0]["user_id"] for given in made["responses"].values()}) == 1
    assert [type(value) for value in made["metadata"].values()] == [str]


def test_the_settings_are_python():
    calls = [node for node in ast.walk(ast.parse(ARGILLA_SETTINGS)) if isinstance(node, ast.Call)]
    named = {node.func.attr for node in calls if isinstance(node.func, ast.Attribute)}
    assert {"ChatField", "TextField", "LabelQuestion", "TextQuestion", "Settings"} <= named


def test_two_labels_by_one_person_are_two_responses(tmp_path):
    items = small_items(1)
    labels = [
        label_of(items[0], "ann"),
        label_of(items[0], "ann", is_adjudication=True, choice="tie", worst=None),
    ]
    (made,) = exported(tmp_path, items, labels)
    assert len({given["user_id"] for given in made["responses"]["better"]}) == 2
    assert read_records(tmp_path, made).labels == tuple(labels)


def test_a_response_that_was_changed_in_argilla_is_that_of_its_user(tmp_path):
    items = small_items(1)
    (made,) = exported(tmp_path, items, [label_of(items[0], "ann"), label_of(items[0], "bo")])
    changed = made["responses"]["better"][0]
    changed["value"] = "both_bad"
    del made["responses"]["worst"][0]
    labels = read_records(tmp_path, made).labels
    assert [(label.annotator, label.choice) for label in labels] == [
        (f"argilla-{changed['user_id']}", "both_bad"),
        ("bo", "a"),
    ]
