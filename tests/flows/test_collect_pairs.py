"""Comparisons go to people and come back as pairs, in one process and without a form."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from storage.input_error import InputError
from storage.store import open_store
from storage.tables.negatives import NEGATIVES
from tasks.annotation.params import ComparisonsParams, QueueParams
from tasks.annotation.queue.assignment import Assignment, GivenLabel
from tasks.annotation.queue.queues import Queues, open_queues
from tasks.annotation.task import publish
from tests.fakes.api_server import FakeApi
from tests.fakes.judge_answer import is_judge, prefer_first, write_or_prefer_longer
from tests.flows.small_store import ingested_preferences, run

NOW = "collect.deadline_hours=0"
FROM_QUEUE = ("comparisons.source=queue", NOW)


@pytest.fixture(scope="module")
def ingested(prefect_api: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ingested_preferences(tmp_path_factory.mktemp("people"), 40)


@pytest.fixture
def root(ingested: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(ingested, tmp_path / "data"))


def queues_at(root: Path) -> Queues:
    return open_queues(root / "annotation.sqlite")


def label(root: Path, who: str, choose: Callable[[Assignment], str], most: int = 1_000) -> int:
    """Let `who` label the newest queue; return how many labels were given."""
    queues = queues_at(root)
    queue, person = queues.queue("latest"), queues.annotator(who)
    for given in range(most):
        got = queues.next_item(queue.queue_id, person.annotator_id, datetime.now(UTC))
        if not isinstance(got, Assignment):
            return given
        said = GivenLabel(item_id=got.item.item_id, choice=choose(got))
        queues.give(queue.queue_id, person.annotator_id, said, datetime.now(UTC))
    return most


def as_the_data_set(got: Assignment) -> str:
    return next(letter for letter in got.item.sides if "good" in got.item.side(letter).text)


def published(root: Path, **comparisons: Any) -> int:
    """Publish comparisons as `prefline annotate` does; return how many there are."""
    return publish(str(root), ComparisonsParams(**comparisons), QueueParams()).queue.num_items


def test_people_who_agree_with_a_data_set_make_its_pairs_again_as_theirs(root):
    num_train = published(root)
    assert label(root, "ann", as_the_data_set) == num_train
    made = run("collect-pairs", *FROM_QUEUE, root=root)
    assert made.rows == {
        "comparisons": num_train, "labels": num_train, "pairs": num_train,
        "dispreferred": 0, "outcomes": num_train,
    }  # fmt: skip
    rows = open_store(root).sql(
        "select count(*) n from pairs h join pairs d using (prompt_id, chosen, rejected) "
        "where h.labeler_kind = 'human' and d.labeler_kind = 'dataset' and h.agreement = 1"
    )
    assert rows.to_pylist() == [{"n": num_train}]
    store = open_store(root)
    ancestors = {step.artifact.stage for step in store.lineage(made.outputs["pairs"], "up")}
    assert ancestors == {"curate", "ingest"}
    assert run("collect-pairs", *FROM_QUEUE, root=root).reused


def test_labels_lead_to_texts_and_prompts_by_joins(root):
    published(root)
    label(root, "ann", as_the_data_set, most=3)
    run("collect-pairs", *FROM_QUEUE, root=root)
    rows = open_store(root).sql(
        "select c.texts[instr('abcdefghi', l.choice)] best, p.prompt_id is not null known "
        "from labels l join comparisons c using (comparison_id, queue) "
        "left join prompts p on p.prompt_id = c.prompt_id"
    )
    assert rows.num_rows == 3
    assert all(row["best"].lstrip().startswith("It is a good thing") for row in rows.to_pylist())
    assert all(row["known"] for row in rows.to_pylist())


def test_what_was_collected_before_more_labels_came_is_out_of_use(root):
    published(root)
    label(root, "ann", as_the_data_set, most=2)
    first = run("collect-pairs", *FROM_QUEUE, root=root)
    label(root, "ann", as_the_data_set, most=3)
    second = run("collect-pairs", *FROM_QUEUE, root=root)
    assert (first.rows["pairs"], second.rows["pairs"]) == (2, 5)
    store = open_store(root)
    assert store.sql("select count(*) n from labels").to_pylist() == [{"n": 5}]
    assert store.get(first.outputs["labels"]).superseded
    by_skill = run("collect-pairs", *FROM_QUEUE, "collect.aggregation=dawid-skene", root=root)
    assert store.get(second.outputs["pairs"]).superseded
    again = run("collect-pairs", *FROM_QUEUE, root=root)
    assert again.outputs == second.outputs
    assert not store.get(second.outputs["pairs"]).superseded, "back in use"
    assert store.get(by_skill.outputs["labels"]).superseded
    assert store.sql("select count(*) n from labels").to_pylist() == [{"n": 5}]


def test_two_bad_answers_are_dispreferred_and_become_negatives(root):
    num_items = published(root)
    label(root, "ann", lambda _: "both_bad", most=2)
    label(root, "ann", as_the_data_set, most=num_items - 3)
    label(root, "ann", lambda _: "tie", most=1)
    made = run("collect-pairs", *FROM_QUEUE, root=root)
    assert (made.rows["pairs"], made.rows["dispreferred"]) == (num_items - 3, 4)
    statuses = open_store(root).sql("select status, count(*) n from outcomes group by all")
    assert {row["status"]: row["n"] for row in statuses.to_pylist()} == {
        "paired": num_items - 3, "both-bad": 2, "tied": 1,
    }  # fmt: skip
    sft = ("model=scratch:nano", "params.max_steps=1", "params.device=cpu")
    run("train-sft", *sft, root=root)
    drawn = ("params.num_samples=1", "params.max_tokens=4", "params.device=cpu")
    negated = run("negatives", f"pairs={made.outputs['pairs']}", *drawn, root=root)
    rows = open_store(root).rows(NEGATIVES, open_store(root).get(negated.outputs["negatives"]))
    assert len(rows) == num_items - 3 + 4


def test_undecided_verdicts_go_to_people_by_one_parameter(root):
    def biased(body: dict[str, Any]) -> Any:
        return prefer_first(body) if is_judge(body) else write_or_prefer_longer(body)

    with FakeApi(answer=biased) as api:
        run(
            "generate-pairs",
            "method=sample-and-judge",
            "num_prompts=6",
            "judging.judge=llm:judge-1",
            "sample_and_judge.num_completions=2",
            f"api.base_url={api.base_url}",
            "ask_people=true",
            root=root,
        )
    queue = queues_at(root).queue("latest")
    assert (queue.num_items, queue.name.split()[0]) == (6, "undecided")

    def longer(got: Assignment) -> str:
        return max(got.item.sides, key=lambda letter: len(got.item.side(letter).text))

    assert label(root, "ann", longer) == 6
    made = run("collect-pairs", *FROM_QUEUE, root=root)
    pairs = open_store(root).sql("select chosen, rejected from pairs where labeler_kind = 'human'")
    assert {tuple(row.values()) for row in pairs.to_pylist()} == {("answer and more.", "answer.")}
    judged = open_store(root).sql(
        "select count(*) n from pairs p join completions c on p.chosen_id = c.completion_id "
        "where p.labeler_kind = 'human'"
    )
    assert judged.to_pylist() == [{"n": made.rows["pairs"]}]


def test_all_answers_to_a_prompt_are_ranked_and_imply_pairs(root, tmp_path):
    path = tmp_path / "three.jsonl"
    path.write_text(json.dumps({"prompt": "Which?", "responses": ["x", "y", "z"]}) + "\n")
    published(root, source="file", file=str(path))
    queues = queues_at(root)
    queue, ann = queues.queue("latest"), queues.annotator("ann")
    got = queues.next_item(queue.queue_id, ann.annotator_id, datetime.now(UTC))
    side = {got.item.side(letter).text: letter for letter in got.item.sides}
    said = GivenLabel(item_id=got.item.item_id, choice=side["z"], worst=side["x"])
    queues.give(queue.queue_id, ann.annotator_id, said, datetime.now(UTC))
    run("collect-pairs", *FROM_QUEUE, root=root)
    rows = open_store(root).sql("select chosen, rejected from pairs where source = 'three'")
    assert {tuple(row.values()) for row in rows.to_pylist()} == {
        ("z", "x"), ("z", "y"), ("y", "x"),
    }  # fmt: skip


def test_rows_of_a_file_that_cannot_be_compared_are_in_quarantine(root, tmp_path):
    path = tmp_path / "rows.jsonl"
    good = json.dumps({"prompt": "Which?", "responses": ["x", "y"]})
    path.write_text(f"{good}\n{json.dumps({'prompt': 'Why?', 'responses': ['x']})}\nnot json\n")
    for _ in range(2):
        published(root, source="file", file=str(path))
    rows = open_store(root).sql(
        "select line, reason from quarantine where file = 'rows.jsonl' order by line"
    )
    assert [row["line"] for row in rows.to_pylist()] == [2, 3]


def test_a_pairs_preferred_answer_is_as_often_side_b_as_side_a(root):
    """Otherwise its kappa with people would be 0 however much they agree."""
    published(root, split="all")
    items = queues_at(root).items(queues_at(root).queue("latest").queue_id)
    assert all("good" in item.side(item.judged).text for item in items)
    num_a = sum(item.judged == "a" for item in items)
    assert len(items) == 40
    assert 8 <= num_a <= 32, "by chance in more than 99.99 % of all cases"


def test_a_queue_that_nobody_labelled_makes_nothing(root):
    with pytest.raises(InputError, match="11 comparisons and no label yet"):
        run("collect-pairs", NOW, root=root)


WRONG = [
    ("no such file", ("comparisons.source=file", "comparisons.file=none.jsonl"), "is no file"),
    ("no such artifact", ("comparisons.reference=ffff",), "ffff"),
    ("more labels than there can be", ("collect.min_labels=12",), "12, but .* only 11 labels"),
    ("no such queue", ("comparisons.source=queue", "comparisons.reference=none"), "none"),
]


@pytest.mark.parametrize(("settings", "message"), [r[1:] for r in WRONG], ids=[r[0] for r in WRONG])
def test_what_is_not_there_is_an_error_that_says_so(root, settings, message):
    with pytest.raises(InputError, match=message):
        run("collect-pairs", *settings, NOW, root=root)
