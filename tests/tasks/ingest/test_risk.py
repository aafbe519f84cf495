"""Choice situations from rows with one option each and from rows with one situation each."""

import math
from collections import Counter
from pathlib import Path

import orjson
import pytest

from storage.tables.examples import Example
from storage.tables.prompts import Prompt
from storage.tables.quarantine import Refusal
from tasks.ingest.params import IngestParams
from tasks.ingest.read_source import read_source
from tasks.ingest.record import Record
from tasks.ingest.risk import risk_rows
from tasks.ingest.risk_prompt import lotteries_in, option_lines
from tasks.ingest.risk_utility import Cara, Linear
from tasks.ingest.risk_values import labels_of, lotteries_of, text_of
from tasks.judging.choice_labels import choice_key

REAL = Path(__file__).parents[3] / "../shared/data/risk"
OPTIONS = REAL / "strict_disagreements_with_prompts_and_bad_formats.json.gz"
TABLE = REAL / "2026_03_22_low_stakes_training_set_600_situations_with_CoTs_lin_only.csv.gz"
EVALUATION = REAL / "2026_03_22_medium_stakes_val_set_500_Rebels.csv.gz"
needs_real = pytest.mark.skipif(
    not OPTIONS.exists(), reason="the real risk files are not beside the checkout"
)
PROMPT = """Which one?

(a). 100% chance of $30
(b). 50% chance of $200, 50% chance of -$100
(c). 100% chance of $1

Pick."""
"""Expected are 30, 50 and 1; of b exp(-0.01 w) has mean (0.135 + 2.718) / 2, so it is worth -35.5."""
BLURRED = PROMPT.replace("100% chance of $1", "perhaps $1")
PRIZES = ([30.0], [200.0, -100.0], [1.0])
PERCENTS = ([100], [50, 50], [100])


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


def listed(prizes=PRIZES, percents=PERCENTS, linear_best=(1,)):
    return orjson.dumps(
        [
            {
                "prizes": prize,
                "probabilities_percent": percent,
                "is_best_linear": index in linear_best,
                "is_best_cara": index == 0,
            }
            for index, (prize, percent) in enumerate(zip(prizes, percents, strict=True))
        ]
    ).decode()


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
        "options_json": listed(),
    } | changes


def evaluation(index, **changes):
    return {
        "situation_id": "5",
        "option_index": str(index),
        "num_options": "3",
        "option_type": ("Cooperate", "Rebel", "Cooperate")[index],
        "prizes_display": str(PRIZES[index]),
        "probs_percent": str(PERCENTS[index]),
        "prompt_text": PROMPT,
        "CARA_correct_labels": '["a"]',
        "linear_correct_labels": '["b"]',
    } | changes


def evaluations(**changes):
    return [evaluation(index, **changes) for index in range(3)]


def ingest(rows, **params):
    """Return the outcomes of rows; none is lost and none is made up."""
    records = [
        Record(file="rows", line=line, raw="", values=values)
        for line, values in enumerate(rows, start=1)
    ]
    outcomes = list(risk_rows(records, IngestParams(source="risk", path="rows", **params)))
    if not params.get("sample_size"):
        accounted = sum(1 if isinstance(row, Refusal) else row.num_rows for row in outcomes)
        assert accounted == len(rows)
    return outcomes


def reasons(outcomes):
    return [row.reason for row in outcomes if isinstance(row, Refusal)]


def kept(outcomes):
    return [row for row in outcomes if isinstance(row, Example)]


def test_rows_with_one_option_each_become_one_situation():
    (example,) = ingest([option(), option(option_index=1, bad_correct_answers='["Option a"]')])
    assert (example.chosen, example.rejected) == (" a", " b")
    assert example.messages[0].role == "user"
    assert example.messages[0].content == PROMPT
    assert (example.origin, example.more_origins) == ("rows:1", ("rows:2",))
    assert example.demonstrations == ()
    assert orjson.loads(example.meta) == {
        "situation_id": "7",
        "chosen_labels": ["a", "A", "(a)", "Option a"],
        "rejected_labels": ["b", "B", "(b)"],
        "num_options": 3,
        "cara_labels": ["a"],
        "linear_labels": ["b"],
        "labels_recomputed": True,
    }


def test_rows_that_disagree_are_all_refused_wherever_they_stand():
    other = option(situation_id=8, prompt_text=PROMPT + " Please.")
    outcomes = ingest([option(), other, option(correct_label="c")])
    refusals = [(row.line, row.reason) for row in outcomes if isinstance(row, Refusal)]
    assert refusals == [
        (1, "rows of the situation disagree on its labels"),
        (3, "rows of the situation disagree on its labels"),
    ]


def test_an_id_over_two_prompts_names_two_situations():
    mirrored = PROMPT.replace("30", "0")  # one dollar for sure is then the best sure prize
    outcomes = ingest([option(), option(prompt_text=mirrored, correct_label="c")])
    assert [example.chosen for example in kept(outcomes)] == [" a", " c"]


def test_a_situation_under_two_ids_says_the_same_twice():
    first, second = ingest([option(), option(option_index=1), option(situation_id=8)])
    assert first.example_id == second.example_id
    assert (first.num_rows, second.num_rows) == (2, 1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"incorrect_label": "a"}, "both agents choose the same option"),
        ({"correct_label": "a,c"}, "tie: several options are risk-averse best"),
        ({"incorrect_label": ["b", "c"]}, "tie: several options are risk-neutral best"),
        ({"correct_label": "c"}, "the risk-averse label is not the recomputed one"),
        ({"incorrect_label": "c"}, "the risk-neutral label is not the recomputed one"),
        ({"correct_label": "d"}, "label is none of the options"),
        ({"correct_label": "the first"}, "label is none of the options"),
        ({"correct_label": None}, "no label"),
        ({"incorrect_label": " "}, "no label"),
        ({"situation_id": None}, "no situation_id"),
        ({"prompt_text": " "}, "empty prompt"),
        ({"prompt_text": 5}, "column prompt_text is no text"),
        ({"prompt_text": None}, "no value in column prompt_text"),
        ({"bad_correct_answers": "\ud800"}, "invalid UTF-8"),
        (
            {"prompt_text": PROMPT.replace("$1\n", "$30\n")},
            "tie: several options are risk-averse best",
        ),
        (
            {"prompt_text": PROMPT.replace("50% chance of -$100", "50% chance of $200")},
            "the risk-averse label is not the recomputed one",
        ),
    ],
)
def test_an_option_row_without_a_preference_is_refused(changes, reason):
    other = option(situation_id=1, prompt_text=f"{PROMPT} Now.")
    assert reasons(ingest([other, option() | changes])) == [reason]


@pytest.mark.parametrize("label", ["a", "a.", "(a)", "(a).", " a "])
def test_a_label_in_any_style_gives_the_bare_label(label):
    (example,) = ingest([option(correct_label=label)])
    assert example.chosen == " a"


def test_labels_that_the_text_cannot_confirm_are_believed_and_marked():
    for text, correct in ((BLURRED, "c"), ("a or b or c?", "c")):
        (example,) = ingest([option(prompt_text=text, correct_label=correct)])
        meta = orjson.loads(example.meta)
        assert (meta["labels_recomputed"], meta["num_options"]) == (False, 3)


def test_cells_of_a_workbook_mean_what_those_of_a_csv_mean():
    text = PROMPT.translate(str.maketrans("abc", "123", "")).replace("ch1n3e", "chance")
    numbered = {"prompt_text": text, "correct_label": 1.0, "incorrect_label": 2}
    (example,) = ingest([option(**numbered, situation_id=7.0)])
    assert (example.chosen, example.rejected) == (" 1", " 2")
    assert orjson.loads(example.meta)["situation_id"] == "7"
    typed = {"num_options": 3.0, "chosen_ok": True, "chosen_attempts": 2, "chosen_failures": 1}
    assert [e.meta for e in ingest([situation(**typed)])] == [e.meta for e in ingest([situation()])]


def test_a_situation_row_gives_bare_labels_or_reasoned_answers():
    (bare,) = ingest([situation()])
    (reasoned,) = ingest([situation()], risk_answers="reasoned")
    assert (bare.chosen, bare.rejected) == (" a", " b")
    assert reasoned.chosen == ' <think>safe</think>\n\n{"answer":"a"}'
    assert reasoned.meta == bare.meta
    assert orjson.loads(bare.meta)["labels_recomputed"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chosen_ok": "FALSE"}, "the chosen answer failed its check"),
        (
            {"chosen_attempts": "4", "chosen_failures": "4"},
            "the chosen answer failed its check",
        ),
        ({"linear_correct_labels": '["b", "a"]'}, "tie: several options are risk-neutral best"),
        (
            {"options_json": listed(linear_best=(0, 1))},
            "tie: several options are risk-neutral best",
        ),
        (
            {"options_json": listed(prizes=([30.0], [200.0, -100.0], [50.0]))},
            "the risk-averse label is not the recomputed one",
        ),
        (
            {"options_json": listed(prizes=([30.0], [150.0, -100.0], [1.0]))},
            "the risk-neutral label is not the recomputed one",
        ),
        (
            {"options_json": listed(prizes=([30.0], [200.0], [1.0]))},
            "prizes and probabilities differ in number",
        ),
        (
            {"options_json": listed(percents=([100], [50, 40], [100]))},
            "probabilities do not sum to 100 %",
        ),
        (
            {"options_json": listed(prizes=([30.0], ["200", "-100"], [1.0]))},
            "prizes or probabilities are no numbers",
        ),
        (
            {"options_json": listed(PRIZES[:2], PERCENTS[:2])},
            "the number of options is not that in the prompt",
        ),
        ({"num_options": "4"}, "the number of options is not that in the prompt"),
        ({"options_json": '[{"prizes": '}, "options_json cannot be read"),
        ({"options_json": "[1, 2, 3]"}, "options_json cannot be read"),
        ({"rejected_expected": "a"}, "the rejected label is not the risk-neutral one"),
        (
            {"rejected_expected": "a", "linear_correct_labels": '["a"]', "options_json": ""},
            "both agents choose the same option",
        ),
        ({"CARA_correct_labels": '["c"]'}, "the chosen label is not the risk-averse one"),
        ({"rejected_expected": "c"}, "the rejected label is not the risk-neutral one"),
        ({"chosen_expected": ""}, "no label"),
        ({"num_options": "many"}, "num_options is no number"),
        ({"prompt_text": ""}, "empty prompt"),
    ],
)
def test_a_situation_row_without_a_preference_is_refused(changes, reason):
    assert reasons(ingest([situation(situation_id="1"), situation(**changes)])) == [reason]


def test_a_reasoned_answer_that_is_missing_is_refused_only_where_it_is_wanted():
    rows = [situation(chosen_full="")]
    assert reasons(ingest(rows)) == []
    assert reasons(ingest(rows, risk_answers="reasoned")) == ["no reasoned answer"]
    bare_only = [option(), *evaluations()]
    assert set(reasons(ingest(bare_only, risk_answers="reasoned"))) == {"no reasoned answer"}


def test_evaluation_rows_become_one_situation_with_the_types_of_its_options():
    first, second, third = evaluations()
    (example,) = ingest([third, first, second])
    assert (example.chosen, example.rejected, example.num_rows) == (" a", " b", 3)
    assert orjson.loads(example.meta) == {
        "situation_id": "5",
        "chosen_labels": ["a"],
        "rejected_labels": ["b"],
        "num_options": 3,
        "cara_labels": ["a"],
        "linear_labels": ["b"],
        "option_types": {"Cooperate": ["a", "c"], "Rebel": ["b"]},
        "labels_recomputed": True,
    }


def test_evaluation_rows_that_repeat_are_part_of_the_situation():
    (example,) = ingest([*evaluations(), evaluation(1)])
    assert example.num_rows == 4


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (evaluations()[:2], "rows of some options are missing"),
        (evaluations(num_options="")[1:], "rows of some options are missing"),
        (
            [*evaluations(), evaluation(1, prizes_display="[9.0, -100.0]")],
            "rows of the situation disagree on an option",
        ),
        (
            [*evaluations()[:2], evaluation(2, linear_correct_labels='["a"]')],
            "rows of the situation disagree on its labels",
        ),
        (
            evaluations(CARA_correct_labels='["a", "b"]'),
            "tie: several options are risk-averse best",
        ),
        (evaluations(CARA_correct_labels='["b"]'), "both agents choose the same option"),
        (
            [*evaluations()[:2], evaluation(2, probs_percent="[90]")],
            "probabilities do not sum to 100 %",
        ),
        (
            [*evaluations()[:2], evaluation(2, prizes_display="a lot")],
            "prizes or probabilities are no numbers",
        ),
    ],
)
def test_evaluation_rows_without_a_preference_are_all_refused(rows, reason):
    assert reasons(ingest(rows)) == [reason] * len(rows)


def test_a_row_of_no_shape_and_a_row_that_could_not_be_read_are_refused():
    broken = Record(file="rows", line=1, raw="", values={}, fault="invalid JSON")
    shapeless = Record(file="rows", line=2, raw="", values={"prompt_text": PROMPT})
    params = IngestParams(source="risk", path="rows")
    assert reasons(risk_rows([broken, shapeless], params)) == ["invalid JSON", "no label"]


def many():
    rows = [option(situation_id=i, prompt_text=f"{PROMPT} {i}") for i in range(30)]
    return [*rows, option(correct_label="d"), *rows[:5]]


def test_a_sample_is_of_different_situations_in_the_order_of_the_file():
    outcomes = ingest(many(), sample_size=10, seed=1)
    drawn = [orjson.loads(example.meta)["situation_id"] for example in kept(outcomes)]
    assert len(set(drawn)) == 10
    assert [int(i) for i in dict.fromkeys(drawn)] == sorted({int(i) for i in drawn})
    assert reasons(outcomes) == ["label is none of the options"]
    assert outcomes == ingest(many(), sample_size=10, seed=1)
    assert outcomes != ingest(many(), sample_size=10, seed=2)


def test_a_sample_larger_than_the_file_is_the_file():
    assert ingest(many(), sample_size=1000) == ingest(many())


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        pytest.param('["2", "(2)", "2"]', ("2", "(2)"), id="JSON list"),
        pytest.param(["2", 3], ("2", "3"), id="list"),
        pytest.param("a, A ,(a)", ("a", "A", "(a)"), id="commas"),
        pytest.param("['a', 'A']", ("a", "A"), id="Python list"),
        pytest.param("2", ("2",), id="one label"),
        pytest.param(2, ("2",), id="a number"),
        pytest.param(2.0, ("2",), id="a number of a workbook"),
        pytest.param("", (), id="empty"),
        pytest.param(None, (), id="nothing"),
    ],
)
def test_labels_are_read_however_they_are_listed(value, labels):
    assert labels_of(value) == labels


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "TRUE"), (2.0, "2"), (2.5, "2.5"), (" x ", "x"), (float("inf"), "inf")],
)
def test_cells_are_read_as_a_csv_would_hold_them(value, text):
    assert text_of(value) == text


@pytest.fixture
def real():
    def read(path, **params):
        rows = read_source(IngestParams(source="risk", path=str(path), **params))
        return [row for _, row in rows], rows.counts

    return read


@needs_real
def test_the_real_option_rows_are_709_situations_of_which_21_repeat(real):
    """The text of each prompt confirms both labels."""
    rows, counts = real(OPTIONS)
    assert (counts.rows_read, counts.rows_kept, counts.duplicates) == (1418, 2 * 688, 2 * 21)
    assert counts.refused == {}
    assert all(orjson.loads(row.meta)["labels_recomputed"] for row in rows)


@needs_real
def test_the_two_known_faults_of_the_real_table_are_refused(real):
    rows, counts = real(TABLE)
    refusals = {row.raw.split(",", 1)[0]: row.reason for row in rows if isinstance(row, Refusal)}
    assert refusals == {
        "89656": "the chosen answer failed its check",
        "5056": "tie: several options are risk-neutral best",
    }
    assert counts.rows_kept == 598


@needs_real
def test_the_real_evaluation_rows_lose_the_situations_without_a_strict_disagreement(real):
    """Counted in its columns: 22 situations have two risk-averse best labels, 1 two risk-neutral.

    Of the others 29 have the same label for both. The situations have 68, 5 and 70 rows.
    """
    rows, counts = real(EVALUATION)
    assert counts.refused == {
        "tie: several options are risk-averse best": 68,
        "tie: several options are risk-neutral best": 5,
        "both agents choose the same option": 70,
    }
    assert counts.rows_kept == 1356 - 143
    assert len(kept(rows)) == 500 - 52


@needs_real
@pytest.mark.parametrize("path", [OPTIONS, TABLE, EVALUATION], ids=["options", "table", "eval"])
def test_the_judge_understands_every_real_situation(real, path):
    for example in kept(real(path)[0]):
        prompt = Prompt(
            source="risk",
            split="eval",
            messages=example.messages,
            meta=example.meta,
            cluster="",
            origin=example.origin,
        )
        key = choice_key(prompt)
        assert example.chosen.strip() in key.chosen <= key.options
        assert example.rejected.strip() in key.rejected <= key.options


@needs_real
def test_the_text_of_real_prompts_gives_the_numbers_that_the_table_lists():
    """Every verbal probability and every way to write a number, in 600 situations."""
    read = read_source(IngestParams(source="risk", path=str(TABLE)))
    checked = Counter()
    for record in read.records:
        options = orjson.loads(record.values["options_json"])
        stated = lotteries_of((o["prizes"], o["probabilities_percent"]) for o in options)
        parsed = lotteries_in(option_lines(record.values["prompt_text"]))
        assert [lottery.prizes for lottery in parsed] == [lottery.prizes for lottery in stated]
        for ours, theirs, option in zip(parsed, stated, options, strict=True):
            assert ours.percents == pytest.approx(theirs.percents)
            shown = float(option["EU_linear_display_3sf"])
            assert Linear().certainty_equivalent(ours) == pytest.approx(shown, rel=6e-3, abs=0.06)
            checked[record.values["use_verbal_probs"]] += 1
    assert set(checked) == {"TRUE", "FALSE"}
    assert checked.total() == 1761


@needs_real
def test_real_utilities_that_overflow_are_those_of_the_file():
    """The file shows E[u] = 1 - exp(-0.01 worth) to three digits, and cuts exponents at 700."""
    read = read_source(IngestParams(source="risk", path=str(EVALUATION)))
    shown, ours = [], []
    for record in read.records:
        row = record.values
        (lottery,) = lotteries_of([(row["prizes_display"], row["probs_percent"])])
        if min(lottery.prizes) > -70_000:
            worth = Cara(0.01).certainty_equivalent(lottery)
            ours.append(1 - math.exp(-0.01 * worth))
            shown.append(float(row["EU_cara_display_3sf"]))
    assert len(ours) > 900
    assert ours == pytest.approx(shown, rel=6e-3, abs=6e-3)
