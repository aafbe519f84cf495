"""Writing an export to its place."""

from dataclasses import replace

import orjson
import pytest

from storage.input_error import InputError
from storage.tables.labels import HumanLabel
from tasks.annotation.formats.read_comparisons import read_comparisons
from tasks.annotation.formats.write_labels import write_labels
from tests.tasks.annotation.small_items import small_items

KINDS = ["jsonl", "csv", "label-studio", "argilla"]


def label_of(item):
    return HumanLabel(
        comparison_id=item.item_id,
        prompt_id=item.prompt_id,
        completions=tuple(response.completion_id for response in item.responses),
        annotator="ann",
        choice="a",
        worst="b",
        shown_order="ab",
        seconds=1.0,
        queue="q1",
        labelled_at="2026-11-21T10:00:00+00:00",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_replaces_what_is_there_and_leaves_nothing_else(tmp_path, kind):
    path = tmp_path / "new" / "labels"
    for count in (3, 1):
        items = small_items(count)
        write_labels(path, kind, items, [label_of(items[0])])
        assert list(read_comparisons(path).items) == items
    assert [child.name for child in path.parent.iterdir()] == ["labels"]


def test_a_label_of_another_comparison_is_no_part_of_an_export(tmp_path):
    items = small_items(2)
    with pytest.raises(InputError, match=r"'ann' is of comparison .* not among the 1"):
        write_labels(tmp_path / "x.jsonl", "jsonl", items[:1], [label_of(items[1])])
    other = replace(label_of(items[0]), completions=("x", "y"))
    with pytest.raises(InputError, match="'ann' is of comparison"):
        write_labels(tmp_path / "x.jsonl", "jsonl", items[:1], [other])
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "x.jsonl", tmp_path):
        with pytest.raises(InputError, match="cannot be written"):
            write_labels(path, "jsonl", small_items(1), [])
    assert [child.name for child in tmp_path.iterdir()] == ["file"]


def test_jsonl_says_it_in_the_words_in_which_it_is_read(tmp_path):
    item = replace(small_items(1)[0], gold="b", judge="llm:gpt", judged="tie")
    write_labels(tmp_path / "x.jsonl", "jsonl", [item], [label_of(item)])
    row = orjson.loads((tmp_path / "x.jsonl").read_bytes())
    assert row["prompt"] == "Question 0?"
    assert row["responses"] == ["Answer 1 to question 0.", "Answer 2 to question 0."]
    assert (row["gold"], row["judge"], row["judged"]) == (2, "llm:gpt", "tie")
    assert (row["labels"][0]["choice"], row["labels"][0]["shown_order"]) == (1, "12")


def test_a_long_text_survives_in_every_format(tmp_path):
    item = small_items(1)[0]
    long = replace(item.responses[0], text='"=x,\n' * 250_000)
    item = replace(item, responses=(long, item.responses[1]))
    for kind in KINDS:
        write_labels(tmp_path / kind, kind, [item], [label_of(item)])
        assert read_comparisons(tmp_path / kind).items == (item,)
