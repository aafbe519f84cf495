"""Choice situations from rows with one option each and from rows with one situation each."""

import csv
from pathlib import Path

import orjson
import pytest

from storage.tables.demonstrations import Demonstration
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt
from storage.tables.quarantine import Refusal
from tasks.ingest.params import IngestParams
from tasks.ingest.read_source import read_source
from tasks.ingest.risk_situation import labels_of, options_in

REAL = Path(__file__).parents[3] / "../shared/data/risk"
OPTIONS = REAL / "strict_disagreements_with_prompts_and_bad_formats.json.gz"
TABLE = REAL / "2026_03_22_low_stakes_training_set_600_situations_with_CoTs_lin_only.csv.gz"
needs_real = pytest.mark.skipif(
    not OPTIONS.exists(), reason="the real risk files are not beside the checkout"
)
PROMPT = "Which one?\n\n(a). $5\n(b). 0.5 chance of $20\n(c). $1\n\nPick."


def option(**changes):
    return {
        "situation_id": 7,
        "prompt_text": PROMPT,
        "correct_label": "a",
        "incorrect_label": "b",
        "bad_correct_answers": '["A", "(a)", "(a)"]',
        "bad_incorrect_answers": "B, (b)",
        "option_index": 0,
    } | changes


def situation(**changes):
    return {
        "situation_id": "9",
        "num_options": "3",
        "prompt_text": PROMPT,
        "chosen_full": '<think>safe</think>\n\n{"answer":"a"}',
        "rejected_full": '<think>more</think>\n\n{"answer":"b"}',
        "CARA_correct_labels": '["a"]',
        "linear_correct_labels": '["b"]',
        "chosen_expected": "a",
        "chosen_ok": "TRUE",
        "rejected_expected": "b",
        "chosen_attempts": "2",
        "chosen_failures": "1",
        "options_json": '[{"is_best_linear": false}, {"is_best_linear": true}]',
    } | changes


@pytest.fixture
def ingest(tmp_path):
    def read(rows, **params):
        if "num_options" in rows[0]:
            path = tmp_path / "rows.csv"
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        else:
            path = tmp_path / "rows.json"
            path.write_bytes(orjson.dumps(rows))
        return read_source(IngestParams(source="risk", path=str(path), **params))

    return read


def of(kind, rows):
    return [row for row in rows if isinstance(row, kind)]


def test_rows_with_one_option_each_become_one_situation(ingest):
    read = ingest([option(), option(option_index=1, bad_correct_answers='["Option a"]')])
    prompt, demonstration, pair = read
    assert (pair.chosen, pair.rejected) == (" a", " b")
    assert demonstration.completion == " a"
    assert prompt.messages[0].role == "user"
    assert orjson.loads(prompt.meta) == {
        "situation_id": "7",
        "chosen_labels": ["a", "A", "(a)", "Option a"],
        "rejected_labels": ["b", "B", "(b)"],
        "num_options": 3,
    }
    assert read.counts.rows_kept == read.counts.rows_read == 2


def test_rows_that_disagree_are_all_refused_wherever_they_stand(ingest):
    other = option(situation_id=8, prompt_text=PROMPT + " Please.")
    read = ingest([option(), other, option(correct_label="c")])
    refusals = of(Refusal, read)
    assert [(r.line, r.reason) for r in refusals] == [
        (1, "rows of the situation disagree on its labels"),
        (3, "rows of the situation disagree on its labels"),
    ]
    assert read.counts.rows_kept == 1


def test_an_id_over_two_prompts_names_two_situations(ingest):
    read = ingest([option(), option(prompt_text=PROMPT + " Please.", correct_label="c")])
    assert [pair.chosen for pair in of(PreferencePair, read)] == [" a", " c"]


def test_a_situation_under_two_ids_is_a_duplicate(ingest):
    read = ingest([option(), option(option_index=1), option(situation_id=8)])
    assert len(of(PreferencePair, read)) == 1
    assert (read.counts.rows_kept, read.counts.duplicates) == (2, 1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"incorrect_label": "a"}, "tie: the chosen label is also rejected"),
        ({"correct_label": "d"}, "label is none of the options"),
        ({"correct_label": None}, "no label"),
        ({"prompt_text": " "}, "empty prompt"),
        ({"prompt_text": 5}, "column prompt_text is no text"),
    ],
)
def test_an_option_row_without_a_preference_is_refused(ingest, changes, reason):
    read = ingest([option(situation_id=1, prompt_text=f"{PROMPT} Now."), option(**changes)])
    assert [r.reason for r in of(Refusal, read)] == [reason]


def test_a_situation_row_gives_bare_labels_or_reasoned_answers(ingest):
    (bare,) = of(PreferencePair, ingest([situation()]))
    (reasoned,) = of(PreferencePair, ingest([situation()], risk_answers="reasoned"))
    assert (bare.chosen, bare.rejected) == (" a", " b")
    assert reasoned.chosen == ' <think>safe</think>\n\n{"answer":"a"}'
    assert reasoned.prompt_id == bare.prompt_id


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chosen_ok": "FALSE"}, "the chosen answer failed its check"),
        (
            {"chosen_attempts": "4", "chosen_failures": "4"},
            "the chosen answer failed its check",
        ),
        ({"linear_correct_labels": '["a", "b"]'}, "tie: the chosen label is also rejected"),
        (
            {"options_json": '[{"is_best_linear": true}, {"is_best_linear": true}]'},
            "tie: the chosen label is also rejected",
        ),
        ({"rejected_expected": "a"}, "tie: the chosen label is also rejected"),
        ({"CARA_correct_labels": '["c"]'}, "the chosen label is not the risk-averse one"),
        ({"rejected_expected": "c"}, "the rejected label is not the risk-neutral one"),
        ({"chosen_expected": ""}, "no label"),
        ({"num_options": "many"}, "num_options is no number"),
        ({"prompt_text": ""}, "empty prompt"),
    ],
)
def test_a_situation_row_without_a_preference_is_refused(ingest, changes, reason):
    read = ingest([situation(), situation(prompt_text="Another?") | changes])
    assert [r.reason for r in of(Refusal, read)] == [reason]


def test_a_reasoned_answer_that_is_missing_is_refused_only_where_it_is_wanted(ingest):
    rows = [situation(chosen_full="")]
    assert of(Refusal, ingest(rows)) == []
    refusals = of(Refusal, ingest(rows, risk_answers="reasoned"))
    assert [r.reason for r in refusals] == ["no reasoned answer"]


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        pytest.param('["2", "(2)", "2"]', ("2", "(2)"), id="JSON list"),
        pytest.param(["2", 3], ("2", "3"), id="list"),
        pytest.param("a, A ,(a)", ("a", "A", "(a)"), id="commas"),
        pytest.param("['a', 'A']", ("a", "A"), id="Python list"),
        pytest.param("2", ("2",), id="one label"),
        pytest.param(2, ("2",), id="a number"),
        pytest.param("", (), id="empty"),
        pytest.param(None, (), id="nothing"),
    ],
)
def test_labels_are_read_however_they_are_listed(value, labels):
    assert labels_of(value) == labels


@pytest.mark.parametrize("style", ["{}", "{}.", "({})", "({})."])
def test_options_are_read_in_every_style_of_the_data(style):
    lines = "\n".join(f"{style.format(label)} $5" for label in ("1", "2", "3"))
    assert options_in(f"A scenario.\n\n{lines}\n\nIf you were in it?") == ("1", "2", "3")


@needs_real
def test_the_real_option_rows_are_709_situations_of_which_21_repeat():
    read = read_source(IngestParams(source="risk", path=str(OPTIONS)))
    rows = list(read)
    assert read.counts.rows_read == 1418
    assert read.counts.rows_kept == 2 * (709 - 21)
    assert read.counts.duplicates == 2 * 21
    assert len(of(Prompt, rows)) == len(of(PreferencePair, rows)) == 688
    assert len(of(Demonstration, rows)) == 688


@needs_real
def test_the_two_known_faults_of_the_real_table_are_refused():
    read = read_source(IngestParams(source="risk", path=str(TABLE)))
    refusals = {r.raw.split(",", 1)[0]: r.reason for r in of(Refusal, read)}
    assert refusals == {
        "89656": "the chosen answer failed its check",
        "5056": "tie: the chosen label is also rejected",
    }
    assert read.counts.rows_kept == 598
