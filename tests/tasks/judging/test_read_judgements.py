"""Verdicts made elsewhere: what is read, and what is refused with which words."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from storage.input_error import InputError
from tasks.judging.read_judgements import read_judgements

LLMBAR = Path(__file__).parents[3] / "../shared/data/llmbar/judgements_sample.jsonl.gz"
ROW = {
    "dataset": "LLMBar/Natural",
    "evaluator": "GPT-4",
    "strategy": "CoT",
    "index": 7,
    "label": 2,
    "winner_original": "1",
    "winner_swapped": "2",
}


def written(tmp_path, *rows, name="judgements.jsonl"):
    path = tmp_path / name
    path.write_text(
        "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)
    )
    return str(path)


def without(key):
    return {name: value for name, value in ROW.items() if name != key}


def test_a_row_becomes_a_comparison(tmp_path):
    (row,) = read_judgements(written(tmp_path, ROW | {"completion_original": "Output (a)"}))
    assert (row.judge, row.comparison_id) == ("GPT-4/CoT", "LLMBar/Natural/7")
    assert (row.prompt_id, row.first, row.second, row.label) == ("LLMBar/Natural/7", "a", "b", "b")
    assert (row.length_a, row.length_b) == (None, None)


@pytest.mark.parametrize(
    ("value", "side"),
    [
        pytest.param("1", "a", id="text 1"),
        pytest.param(1, "a", id="number 1"),
        pytest.param("2", "b", id="text 2"),
        pytest.param(2, "b", id="number 2"),
        pytest.param("tie", "tie", id="tie"),
        pytest.param(None, None, id="null"),
    ],
)
@pytest.mark.parametrize(
    ("key", "field"),
    [("winner_original", "first"), ("winner_swapped", "second"), ("label", "label")],
)
def test_every_spelling_of_a_side_is_read(tmp_path, key, field, value, side):
    (row,) = read_judgements(written(tmp_path, ROW | {key: value}))
    assert getattr(row, field) == side


def test_a_packed_file_and_blank_lines_are_read_alike(tmp_path):
    plain = written(tmp_path, ROW, "", ROW | {"index": "eight"}, "  ")
    packed = tmp_path / "packed.jsonl"
    packed.write_bytes(gzip.compress(Path(plain).read_bytes()))
    assert read_judgements(str(packed)) == read_judgements(plain)
    assert len(read_judgements(plain)) == 2


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param(ROW | {"winner_original": "3"}, "winner_original '3', but 1, 2", id="a third"),
        pytest.param(ROW | {"winner_swapped": "a"}, "winner_swapped 'a'", id="a letter"),
        pytest.param(ROW | {"winner_swapped": True}, "winner_swapped True", id="truth"),
        pytest.param(ROW | {"winner_swapped": 1.0}, "winner_swapped 1.0", id="a fraction"),
        pytest.param(ROW | {"winner_swapped": ["1"]}, "winner_swapped ['1']", id="a list"),
        pytest.param(ROW | {"label": 0}, "label 0, but 1, 2", id="labels from 0"),
        pytest.param(ROW | {"label": ""}, "label '', but", id="an empty label"),
        pytest.param(ROW | {"evaluator": None}, "evaluator None, but a name", id="nobody"),
        pytest.param(ROW | {"strategy": " "}, "strategy ' ', but a name", id="a blank name"),
        pytest.param(ROW | {"dataset": 3}, "dataset 3, but a name", id="a number as name"),
        pytest.param(ROW | {"index": None}, "index None, but a whole number", id="no index"),
        pytest.param(ROW | {"index": False}, "index False, but", id="truth as index"),
        pytest.param(ROW | {"index": 1.5}, "index 1.5, but", id="a fraction as index"),
        pytest.param(
            without("winner_swapped"), "no 'winner_swapped', only 'dataset'", id="one key"
        ),
        pytest.param(without("label"), "no 'label', only", id="no label key"),
        pytest.param({}, "no 'dataset', 'evaluator'", id="no key"),
        pytest.param("[1, 2]", "is [1, 2], but an object", id="a list a line"),
        pytest.param("null", "is None, but an object", id="null a line"),
        pytest.param("{'index': 1}", "is not JSON", id="no JSON"),
        pytest.param('{"index": 1', "is not JSON", id="half a line"),
        pytest.param(ROW | {"label": "x" * 500}, "label 'xxxx", id="a long value"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_value(tmp_path, row, message):
    path = written(tmp_path, ROW, row)
    with pytest.raises(InputError, match=re.escape(message)) as raised:
        read_judgements(path)
    assert str(raised.value).startswith(f"{path}, line 2")
    assert len(str(raised.value)) < len(path) + 330


def test_one_comparison_twice_is_refused_with_both_lines(tmp_path):
    other = ROW | {"strategy": "Vanilla"}
    path = written(tmp_path, ROW, other, ROW | {"winner_original": "2"})
    with pytest.raises(InputError, match=r"line 3: judge 'GPT-4/CoT' has judged .* on line 1"):
        read_judgements(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "holds no row", id="empty"),
        pytest.param(b"\n \n", "holds no row", id="blank"),
        pytest.param(gzip.compress(json.dumps(ROW).encode())[:-9], "broken gzip", id="cut gzip"),
        pytest.param(b"\x1f\x8bnothing", "broken gzip", id="gzip in name only"),
        pytest.param(b'{"dataset": "\xff"}\n', "line 1 is not JSON", id="no UTF-8"),
    ],
)
def test_a_file_without_readable_rows_is_refused(tmp_path, content, message):
    path = tmp_path / "judgements.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_judgements(str(path))


def test_a_file_that_is_not_there_or_a_directory_is_refused(tmp_path):
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(InputError, match=r"cannot be read .*give the path of a \.jsonl"):
            read_judgements(str(path))


def test_the_winners_of_llmbar_are_in_the_original_frame_in_both_orders():
    """Where a reply ends in `Output (x) is better.`, or is no more than `Output (x)`."""
    if not LLMBAR.exists():
        pytest.skip("no shared/data/llmbar beside the checkout")
    ends = re.compile(r"(?:\AOutput \((a|b)\)|Output \((a|b)\) is better\.?)\Z")
    original, swapped = Counter(), Counter()
    with gzip.open(LLMBAR, "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    for line, row in zip(lines, read_judgements(str(LLMBAR)), strict=True):
        for seen, key, side in (
            (original, "completion_original", row.first),
            (swapped, "completion_swapped", row.second),
        ):
            if shown := ends.search(line[key].strip()):
                seen[shown[1] or shown[2], side] += 1
    assert set(original) == {("a", "a"), ("b", "b")}
    assert set(swapped) == {("a", "b"), ("b", "a")}
    assert original.total() > 1000
    assert swapped.total() > 1000
