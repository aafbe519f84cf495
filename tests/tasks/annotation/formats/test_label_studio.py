"""Tasks as Label Studio exports and imports them."""

import copy
import xml.etree.ElementTree as ET

import orjson
import pytest

from storage.tables.labels import HumanLabel
from storage.tables.table import Message
from tasks.annotation.formats.label_studio_config import (
    LABEL_STUDIO_CONFIG,
    LABEL_STUDIO_RANKING_CONFIG,
)
from tasks.annotation.formats.read_comparisons import read_comparisons
from tasks.annotation.formats.write_labels import write_labels
from tests.tasks.annotation.small_items import small_items

TASK = {
    "id": 41,
    "annotations": [
        {
            "id": 7,
            "completed_by": 3,
            "result": [
                {
                    "value": {"selected": "right"},
                    "id": "Yt1mB0sXbd",
                    "from_name": "pw",
                    "to_name": "pw",
                    "type": "pairwise",
                    "origin": "manual",
                }
            ],
            "was_cancelled": False,
            "ground_truth": False,
            "created_at": "2026-11-09T22:16:08.728353Z",
            "updated_at": "2026-11-09T22:16:08.728378Z",
            "draft_created_at": None,
            "lead_time": 4.288,
            "prediction": {},
            "result_count": 0,
            "task": 41,
            "parent_prediction": None,
        }
    ],
    "drafts": [],
    "predictions": [{"result": [{"type": "pairwise", "value": {"selected": "left"}}]}],
    "data": {"prompt": "Why?", "text1": "Because.", "text2": "No idea.", "year": 2026},
    "meta": {},
    "created_at": "2026-11-09T21:52:49.513742Z",
    "project": 83,
}


def read_tasks(tmp_path, *tasks):
    path = tmp_path / "project-83.json"
    path.write_bytes(orjson.dumps(list(tasks)))
    return read_comparisons(path)


def task_with(data=None, **annotation):
    task = copy.deepcopy(TASK)
    task["annotations"][0] |= annotation
    task["data"] = data or task["data"]
    return task


def result(kind, value, name="x", **more):
    return {
        "id": "r1",
        "type": kind,
        "from_name": name,
        "to_name": "prompt",
        "value": value,
        **more,
    }


def test_a_task_becomes_a_comparison_and_its_annotation_a_label(tmp_path):
    read = read_tasks(tmp_path, TASK)
    assert read.refusals == ()
    (item,) = read.items
    assert item.messages == (Message("user", "Why?"),)
    assert [response.text for response in item.responses] == ["Because.", "No idea."]
    assert (item.source, item.origin) == ("project-83", "project-83.json:1")
    assert read.labels == (
        HumanLabel(
            comparison_id=item.item_id,
            prompt_id=item.prompt_id,
            completions=tuple(response.completion_id for response in item.responses),
            annotator="label-studio-3",
            choice="b",
            worst="a",
            shown_order="ab",
            seconds=4.288,
            queue="project-83",
            labelled_at="2026-11-09T22:16:08.728378+00:00",
        ),
    )


def test_a_task_without_annotations_is_a_comparison_to_be_labelled(tmp_path):
    read = read_tasks(tmp_path, {"data": TASK["data"]})
    assert (len(read.items), read.labels, read.refusals) == (1, (), ())


LIST = {
    "prompt": [{"role": "user", "content": "Why?"}],
    "items": [{"id": str(n), "title": f"Answer {n}", "body": f"Text {n}"} for n in (1, 2, 3)],
}
SAID = [
    pytest.param({"result": [result("pairwise", {"selected": "left"})]}, "a", "b", "", id="left"),
    pytest.param({"was_cancelled": True, "result": []}, "skip", None, "", id="cancelled"),
    pytest.param(
        {"result": [result("choices", {"choices": ["Both bad"]})]},
        "both_bad",
        None,
        "",
        id="both bad",
    ),
    pytest.param(
        {
            "result": [
                result("choices", {"choices": ["text2"]}),
                result("choices", {"choices": ["clear"]}),
            ]
        },
        "b",
        "a",
        "",
        id="the name of an answer",
    ),
    pytest.param(
        {
            "result": [
                result("pairwise", {"selected": "left"}),
                result("choices", {"choices": ["rude", "long"]}, "topics"),
                result("textarea", {"text": ["so", "so"]}),
            ]
        },
        *("a", "b", "so\nso"),
        id="a note and something else",
    ),
]


@pytest.mark.parametrize(("annotation", "choice", "worst", "note"), SAID)
def test_what_annotations_say_is_read(tmp_path, annotation, choice, worst, note):
    (label,) = read_tasks(tmp_path, task_with(**annotation)).labels
    assert (label.choice, label.worst, label.note) == (choice, worst, note)


RANKED = [
    pytest.param(["2", "3", "1"], "b", "a", id="a list in order"),
    pytest.param({"best": ["3"], "worst": ["1"], "_": ["2"]}, "c", "a", id="buckets"),
]


@pytest.mark.parametrize(("ranker", "choice", "worst"), RANKED)
def test_rankings_of_three_answers_are_read(tmp_path, ranker, choice, worst):
    read = read_tasks(tmp_path, task_with(LIST, result=[result("ranker", {"ranker": ranker})]))
    assert [response.text for response in read.items[0].responses] == ["Text 1", "Text 2", "Text 3"]
    assert [(label.choice, label.worst) for label in read.labels] == [(choice, worst)]


REFUSED = [
    pytest.param({"result": []}, "the annotation says nothing about which", id="nothing said"),
    pytest.param({"result": "x"}, "result is no list", id="no results"),
    pytest.param({"completed_by": None}, "no value for annotator", id="nobody"),
    pytest.param({"created_at": "x", "updated_at": None}, "labelled_at is no time", id="no time"),
    pytest.param(
        {
            "result": [
                result("pairwise", {"selected": "left"}),
                result("choices", {"choices": ["tie"]}),
            ]
        },
        "the annotation says a, tie at once",
        id="a contradiction",
    ),
    pytest.param(
        {"result": [result("pairwise", {"selected": "none"})]}, "selects 'none'", id="none"
    ),
    pytest.param(
        {"result": [result("pairwise", {"selected": "left"}, to_name="text2,text1")]},
        "whose left is the answer with the higher number",
        id="answers the other way round",
    ),
    pytest.param(
        {"result": [result("ranker", {"ranker": ["text1", "text1"]})]}, "each once", id="twice"
    ),
    pytest.param(
        {"result": [result("ranker", {"ranker": {"best": ["text1", "text2"]}})]},
        "without one answer in 'best'",
        id="two best ones",
    ),
]


@pytest.mark.parametrize(("annotation", "reason"), REFUSED)
def test_annotations_that_are_no_label_are_refused(tmp_path, annotation, reason):
    read = read_tasks(tmp_path, task_with(**annotation))
    assert (len(read.items), read.labels) == (1, ())
    (refusal,) = read.refusals
    assert reason in refusal.reason
    assert orjson.loads(refusal.raw)["id"] == 7


@pytest.mark.parametrize(
    ("completed_by", "annotator"),
    [
        (12, "label-studio-12"),
        ({"id": 12, "email": "ann@example.org", "first_name": "Ann"}, "label-studio-12"),
        ("ann@example.org", "label-studio-438c4c7afe60"),
    ],
    ids=["a number", "a person", "an address"],
)
def test_annotators_are_pseudonyms(tmp_path, completed_by, annotator):
    (label,) = read_tasks(tmp_path, task_with(completed_by=completed_by)).labels
    assert label.annotator == annotator


def label_of(item, choice="b", **said):
    return HumanLabel(
        comparison_id=item.item_id,
        prompt_id=item.prompt_id,
        completions=tuple(response.completion_id for response in item.responses),
        annotator="ann",
        choice=choice,
        **{"worst": "a", "shown_order": "ba", "seconds": 3.5, "queue": "q1"} | said,
        labelled_at="2026-11-21T10:00:00+00:00",
    )


def exported(tmp_path, items, labels):
    write_labels(tmp_path / "out.json", "label-studio", items, labels)
    return orjson.loads((tmp_path / "out.json").read_bytes())


def test_an_export_has_what_its_configuration_names(tmp_path):
    items = small_items(1)
    label = label_of(items[0], strength="slight", note="b is kinder")
    (task,) = exported(tmp_path, items, [label])
    config = ET.fromstring(LABEL_STUDIO_CONFIG)
    wanted = {tag.get("value")[1:] for tag in config.iter() if tag.get("value", "").startswith("$")}
    assert wanted == set(task["data"]) == {"prompt", "response_1", "response_2"}
    assert task["data"]["prompt"] == [{"role": "user", "content": "Question 0?"}]
    names = {tag.get("name"): tag for tag in config.iter() if tag.get("name")}
    results = task["annotations"][0]["result"]
    assert {one["from_name"] for one in results} == {"better", "strength", "note"} <= set(names)
    assert {one["to_name"] for one in results} <= set(names)
    assert names["better"].get("toName") == "response_1,response_2"
    assert [one["value"] for one in results] == [
        {"selected": "right"},
        {"choices": ["slight"]},
        {"text": ["b is kinder"]},
    ]
    options = {tag.get("value") for tag in config.iter("Choice")}
    assert options == {"tie", "both_bad", "skip", "slight", "clear"}
    assert len({one["id"] for one in results}) == 3


def test_three_answers_are_exported_as_a_list_to_sort(tmp_path):
    items = small_items(2, num_responses=3)[:1] + small_items(2)[1:]
    labels = [label_of(items[0], "c", shown_order="cab"), label_of(items[1])]
    tasks = exported(tmp_path, items, labels)
    config = ET.fromstring(LABEL_STUDIO_RANKING_CONFIG)
    assert [tag.get("name") for tag in config.iter("Bucket")] == ["best", "worst"]
    assert [set(task["data"]) for task in tasks] == [{"prompt", "answers"}] * 2
    rankings = [task["annotations"][0]["result"][0]["value"]["ranker"] for task in tasks]
    assert rankings == [
        {"best": ["response_3"], "worst": ["response_1"], "_": ["response_2"]},
        {"best": ["response_2"], "worst": ["response_1"], "_": []},
    ]


def test_an_export_shows_no_model_and_no_gold_to_who_labels(tmp_path):
    (task,) = exported(tmp_path, small_items(1, num_gold=1), [])
    assert "gold" not in orjson.dumps(task["data"]).decode()
    assert task["meta"]["prefline"]["gold"] == 1


def came_back(tmp_path, task):
    """Return what is read of a task as Label Studio exports it after an import."""
    task = copy.deepcopy(task)
    for annotation in task["annotations"]:
        annotation.pop("created_username")
        annotation |= {"completed_by": 1, "lead_time": 1.0, "updated_at": "2026-11-22T00:00:00Z"}
    return read_tasks(tmp_path, task)


def test_labels_that_went_through_label_studio_are_still_those_of_who_gave_them(tmp_path):
    items = small_items(1)
    label = label_of(items[0], strength="clear")
    read = came_back(tmp_path, exported(tmp_path, items, [label])[0])
    assert (read.items, read.labels) == (tuple(items), (label,))


def test_a_label_that_was_changed_in_label_studio_is_that_of_who_changed_it(tmp_path):
    items = small_items(1)
    (task,) = exported(tmp_path, items, [label_of(items[0])])
    task["annotations"][0]["result"][0]["value"]["selected"] = "left"
    (label,) = came_back(tmp_path, task).labels
    assert (label.annotator, label.choice, label.worst) == ("label-studio-1", "a", "b")
    assert (label.seconds, label.labelled_at) == (1.0, "2026-11-22T00:00:00.000000+00:00")


def test_a_text_that_was_changed_outside_costs_the_ids_and_so_the_row(tmp_path):
    items = small_items(1)
    (task,) = exported(tmp_path, items, [label_of(items[0])])
    task["data"]["response_1"] += "!"
    read = read_tasks(tmp_path, task)
    assert (read.items, read.labels) == ((), ())
    assert [row.reason for row in read.refusals] == [
        "texts differ from those that were exported; the labels are of others"
    ]
