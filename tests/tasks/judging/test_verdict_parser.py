"""Reading what a judge's reply says."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.judging.verdict_parser import (
    read_aspects,
    read_label,
    read_score,
    read_verdict,
)

VERDICTS = [
    pytest.param('{"verdict": "1"}', "1", "json", id="json"),
    pytest.param('{"verdict": 2}', "2", "json", id="json with a number"),
    pytest.param('{"verdict": 2.0}', "2", "json", id="json with a whole float"),
    pytest.param('{"reason": "x", "verdict": "tie"}', "tie", "json", id="json with a reason"),
    pytest.param('{"verdict": "1", "reason": "x"}', "1", "json", id="json with the reason last"),
    pytest.param('{"Verdict": " TIE "}', "tie", "json", id="json in another case"),
    pytest.param('{"verdict": "[[2]]"}', "2", "json", id="json with a decorated value"),
    pytest.param('{"verdict": "1", "verdict": "1"}', "1", "json", id="json that repeats itself"),
    pytest.param('{"verdict": "1", "sure": {"p": 0.9}}', "1", "json", id="json with more keys"),
    pytest.param(
        '{"reason": "a \\"quote\\" and {", "verdict": "2"}', "2", "json", id="json escapes"
    ),
    pytest.param('{"reason": "back\\\\", "verdict": "2"}', "2", "json", id="json backslash at end"),
    pytest.param('{"reason": "\\ud800", "verdict": "2"}', "2", "json", id="json with a surrogate"),
    pytest.param('```json\n{"verdict": "1"}\n```', "1", "json", id="fenced json"),
    pytest.param('```\n{\n  "verdict": "1"\n}\n```\n', "1", "json", id="fenced json over lines"),
    pytest.param('```{"verdict": "1"}```', "1", "json", id="json in a fence of one line"),
    pytest.param('```json\n{"verdict": "1"}', "1", "json", id="whole json in an open fence"),
    pytest.param(
        '```json\n{"reason": "```py```", "verdict": "2"}\n```', "2", "json", id="fence in a fence"
    ),
    pytest.param('Answer 1 is "fine".\n{"verdict": "2"}', "2", "json", id="json after prose"),
    pytest.param(
        'A 5" pipe.\n\n```json\n{"verdict": "2"}\n```', "2", "json", id="fence after prose"
    ),
    pytest.param('{"verdict": "1"}\n{"verdict": "2"}', "2", "json", id="the last object holds"),
    pytest.param('VERDICT: 1\n{"verdict": "2"}', "2", "json", id="an object after a line holds"),
    pytest.param('<think>VERDICT: 1</think>\n{"verdict": "2"}', "2", "json", id="after thinking"),
    pytest.param(r"C:\dir\ {" + '\n{"verdict": "2"}', "2", "json", id="odd marks before json"),
    pytest.param("VERDICT: 1", "1", "line", id="line"),
    pytest.param("verdict:2", "2", "line", id="line without a space"),
    pytest.param("Verdict: Tie", "tie", "line", id="line in another case"),
    pytest.param("  VERDICT : 1  \n\n", "1", "line", id="line with spaces around"),
    pytest.param("VERDICT: 1.", "1", "line", id="line with a full stop"),
    pytest.param("**VERDICT: 1**", "1", "line", id="bold line"),
    pytest.param("**Verdict:** [[2]]", "2", "line", id="bold key and double brackets"),
    pytest.param("**Verdict**: `2`", "2", "line", id="bold key and backticks"),
    pytest.param("`VERDICT: 2`", "2", "line", id="line in backticks"),
    pytest.param("[VERDICT: 2]", "2", "line", id="line in brackets"),
    pytest.param("### Verdict: **tie**", "tie", "line", id="line as a heading"),
    pytest.param('VERDICT: "1"', "1", "line", id="value in quotes"),
    pytest.param("VERDICT\uff1a1", "1", "line", id="colon of full width"),
    pytest.param("```\nVERDICT: 1\n```", "1", "line", id="whole reply in a fence"),
    pytest.param("```text\nIt is.\nVERDICT: 1\n```", "1", "line", id="prose and line in a fence"),
    pytest.param("Both are fine, the second is right.\n\nVERDICT: 2", "2", "line", id="last line"),
    pytest.param("Fine.\r\nVERDICT: 2\r\n", "2", "line", id="windows line ends"),
    pytest.param("VERDICT: 1\nNo, wait.\nVERDICT: 2", "2", "line", id="the last line holds"),
    pytest.param(
        "VERDICT: 1\n\nIt is shorter.", "1", "line", id="first line before an explanation"
    ),
    pytest.param('It says\n{"verdict": "1"}\nVERDICT: 2', "2", "line", id="a line after an object"),
    pytest.param(
        'It says\n{"verdict": "1\nVERDICT: 2', "2", "line", id="after broken json in prose"
    ),
    pytest.param("<think>VERDICT: 1</think>\nVERDICT: 2", "2", "line", id="line after thinking"),
]
UNREAD = [
    pytest.param("", id="empty"),
    pytest.param(" \n\t", id="white space"),
    pytest.param("1", id="a bare number"),
    pytest.param("tie", id="a bare tie"),
    pytest.param("null", id="json null"),
    pytest.param('"1"', id="json text"),
    pytest.param("{}", id="empty object"),
    pytest.param("}", id="a closing brace"),
    pytest.param("{", id="an opening brace"),
    pytest.param("Answer 1 is better", id="prose"),
    pytest.param("My verdict is 1", id="prose with the key"),
    pytest.param("The verdict: 1", id="a sentence with the key"),
    pytest.param("I choose [[1]]", id="brackets without a key"),
    pytest.param("VERDICT 1", id="line without a colon"),
    pytest.param("VERDICT:\n1", id="value on the next line"),
    pytest.param("VERDICT:", id="line without a value"),
    pytest.param("VERDICT: 3", id="a position that does not exist"),
    pytest.param("VERDICT: 0", id="zero"),
    pytest.param("VERDICT: -1", id="negative"),
    pytest.param("VERDICT: 01", id="leading zero"),
    pytest.param("VERDICT: 1.0", id="float on a line"),
    pytest.param("VERDICT: 1.5", id="half"),
    pytest.param("VERDICT: 1 or 2", id="one or the other"),
    pytest.param("VERDICT: 1/2", id="with a slash"),
    pytest.param("VERDICT: 1, 2", id="with a comma"),
    pytest.param("VERDICT: 12", id="twelve"),
    pytest.param("VERDICT: A", id="a letter"),
    pytest.param("VERDICT: Answer 1", id="a value with a noun"),
    pytest.param("VERDICT: not 1", id="denied"),
    pytest.param("VERDICT: 1 VERDICT: 2", id="two verdicts on a line"),
    pytest.param("VERDICT: 1 VERDICT: 1", id="the same verdict twice on a line"),
    pytest.param("VERDICT: \uff11", id="digit of full width"),
    pytest.param("VERDICT: \u0661", id="arabic digit"),
    pytest.param("VERDICT:\u200b1", id="zero-width space"),
    pytest.param("VERDICT: 1" + " " * 200 + "or 2", id="more after many spaces"),
    pytest.param("VERDICT: 2\nVERDICT: 1 or 2", id="a last line that takes it back"),
    pytest.param("VERDICT: 2\nVERDICT:", id="a last line that breaks off"),
    pytest.param("Hm.\nVERDICT: 1\nso it says, but no.", id="quoted between lines"),
    pytest.param('It says "VERDICT: 1"', id="quoted in a sentence"),
    pytest.param('"VERDICT: 1"', id="quotation marks around the line"),
    pytest.param("Hm.\n> VERDICT: 1", id="block quote"),
    pytest.param("Hm. It says:\n```\nVERDICT: 1\n```", id="quoted in a fence"),
    pytest.param("```\nVERDICT: 1\n```\nis a lie\n```\nVERDICT: 1\n```", id="two fences"),
    pytest.param('It says {"verdict": "1"}', id="json quoted in a sentence"),
    pytest.param('Hm.\n{"verdict": "1"}\nis what it says.', id="json quoted between lines"),
    pytest.param('{"verdict": "1"} {"verdict": "2"}', id="two objects on a line"),
    pytest.param('{"verdict": "1"}, as it says', id="json and more"),
    pytest.param('{"verdict": "1"} it says.\nVERDICT: 2', id="a reply that breaks off its json"),
    pytest.param('[{"verdict": "1"}]', id="json list"),
    pytest.param('{"result": {"verdict": "1"}}', id="nested verdict"),
    pytest.param('{"reason": "VERDICT: 1"}', id="quoted in the reason"),
    pytest.param('{"reason": "{\\"verdict\\": \\"1\\"}"}', id="json quoted in the reason"),
    pytest.param('{"reason": "It says\nVERDICT: 1', id="cut off after a quoted line"),
    pytest.param('```json\n{"reason": "It says\nVERDICT: 1', id="cut off in a fence"),
    pytest.param('{"reason": "x", "verdict": "1', id="cut off in the value"),
    pytest.param('{"reason": "x", "verdict": "1"', id="cut off before the brace"),
    pytest.param('{"verdict": "1", "verdict": "2"}', id="key twice"),
    pytest.param('{"verdict": "1", "VERDICT": "2"}', id="key twice in two cases"),
    pytest.param('{"verdict": 1, "verdict": true}', id="key twice with equal values of two kinds"),
    pytest.param('{"verdict": true}', id="bool"),
    pytest.param('{"verdict": null}', id="null"),
    pytest.param('{"verdict": NaN}', id="nan"),
    pytest.param('{"verdict": "1", "p": Infinity}', id="an infinity elsewhere"),
    pytest.param('{"verdict": 1.5}', id="json half"),
    pytest.param('{"verdict": 1e999}', id="json overflow"),
    pytest.param('{"verdict": ["1"]}', id="verdict in a list"),
    pytest.param('{"verdict": {"value": "1"}}', id="verdict in an object"),
    pytest.param('{"verdict": "1 or 2"}', id="json one or the other"),
    pytest.param('{"verdict": "1|2|tie"}', id="the schema itself"),
    pytest.param("{'verdict': '1'}", id="single quotes"),
    pytest.param('{"verdict": "1",}', id="trailing comma"),
    pytest.param('{verdict: "1"}', id="key without quotes"),
    pytest.param('{"score": 1}', id="another key"),
    pytest.param("SCORE: 1", id="another line"),
    pytest.param("<think>I think\nVERDICT: 1", id="thinking that never ends"),
    pytest.param("\ud800VERDICT: 1", id="surrogate before the key"),
    pytest.param('{"verdict": ' + "9" * 5000 + "}", id="a number of 5000 digits"),
]


@pytest.mark.parametrize(("text", "value", "strategy"), VERDICTS)
def test_a_verdict_in_an_allowed_form_is_read(text, value, strategy):
    read = read_verdict(text, tie=True)
    assert (read and read.value, read and read.strategy) == (value, strategy)


@pytest.mark.parametrize("text", UNREAD)
def test_a_verdict_in_no_allowed_form_is_not_guessed(text):
    assert read_verdict(text, tie=True) is None


@pytest.mark.parametrize("text", ['{"verdict": "tie"}', "VERDICT: tie"])
def test_a_tie_is_read_only_where_the_rubric_allows_one(text):
    assert read_verdict(text, tie=True).value == "tie"
    assert read_verdict(text, tie=False) is None


@pytest.mark.parametrize(
    ("text", "score"),
    [
        pytest.param('{"score": 7}', 7, id="json"),
        pytest.param('{"score": "7"}', 7, id="json text"),
        pytest.param('{"score": 7.0}', 7, id="json whole float"),
        pytest.param('{"reason": "SCORE: 1", "score": 7}', 7, id="json after a quoted score"),
        pytest.param("SCORE: 7", 7, id="line"),
        pytest.param("**Score:** 10", 10, id="bold line"),
        pytest.param("SCORE: 7/10", 7, id="fraction of the highest score"),
        pytest.param("SCORE: 7 / 10", 7, id="fraction with spaces"),
        pytest.param("SCORE: 7.0", 7, id="whole float on a line"),
        pytest.param("SCORE: 7.", 7, id="full stop"),
        pytest.param("SCORE: 7/5", None, id="fraction of another number"),
        pytest.param("SCORE: 7/", None, id="fraction that breaks off"),
        pytest.param("SCORE: /10", None, id="fraction of nothing"),
        pytest.param("SCORE: 7/10/10", None, id="fraction of a fraction"),
        pytest.param("SCORE: .7", None, id="float without a whole part"),
        pytest.param("SCORE: 7.5", None, id="float"),
        pytest.param("SCORE: 7,5", None, id="decimal comma"),
        pytest.param("SCORE: 7-8", None, id="range"),
        pytest.param("SCORE: 7%", None, id="share"),
        pytest.param("SCORE: 0", None, id="below the scale"),
        pytest.param("SCORE: 11", None, id="above the scale"),
        pytest.param("SCORE: -7", None, id="negative"),
        pytest.param("SCORE: 1e1", None, id="exponent"),
        pytest.param("SCORE: seven", None, id="word"),
        pytest.param("SCORE: 07", None, id="leading zero"),
        pytest.param("SCORE: 7 out of 10", None, id="prose after the number"),
        pytest.param("SCORES: 7", None, id="another key"),
        pytest.param('{"score": true}', None, id="bool"),
        pytest.param('{"score": 7.5}', None, id="json float"),
        pytest.param('{"score": 1e300}', None, id="json huge float"),
        pytest.param('{"score": [7]}', None, id="json list"),
        pytest.param('{"score": 7, "score": 8}', None, id="key twice"),
        pytest.param('{"verdict": 7}', None, id="verdict instead"),
    ],
)
def test_a_score_is_read_only_as_an_integer_of_the_scale(text, score):
    read = read_score(text, low=1, high=10)
    assert (read and read.value) == score


def test_the_ends_of_the_scale_belong_to_it():
    scores = [read_score(f"SCORE: {score}", low=-2, high=2) for score in range(-3, 4)]
    assert [read and read.value for read in scores] == [None, -2, -1, 0, 1, 2, None]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param('{"scores": {"help": 4, "Truth": 5}}', (4, 5), id="json"),
        pytest.param('{"reason": "", "scores": {"truth": 5, "help": 4}}', (4, 5), id="order"),
        pytest.param('SCORES: {"help": 4, "truth": "5"}', (4, 5), id="line"),
        pytest.param('Good.\n**SCORES:** `{"help": 4, "truth": 5}`', (4, 5), id="decorated line"),
        pytest.param('SCORES: {\n "help": 4,\n "truth": 5\n}', (4, 5), id="object over lines"),
        pytest.param('SCORES: {"help": 4, "truth": 5}\nAs I said.', (4, 5), id="first line"),
        pytest.param('{"scores": {"help": 4, "truth": 5, "more": "x"}}', (4, 5), id="more aspects"),
        pytest.param('{"scores": {"help": 4}}', None, id="an aspect is missing"),
        pytest.param('{"scores": {"help": 4, "truth": 6}}', None, id="above the scale"),
        pytest.param('{"scores": {"help": 4, "truth": null}}', None, id="null"),
        pytest.param('{"scores": {"help": 4, "truth": true}}', None, id="bool"),
        pytest.param('{"scores": {"help": 4, "truth": 5, "help": 3}}', None, id="key twice"),
        pytest.param('{"scores": [4, 5]}', None, id="list"),
        pytest.param('{"scores": 4}', None, id="one number"),
        pytest.param('{"help": 4, "truth": 5}', None, id="no scores key"),
        pytest.param('It says SCORES: {"help": 4, "truth": 5}', None, id="in a sentence"),
        pytest.param('Hm.\nSCORES: {"help": 4, "truth": 5}\nit says', None, id="between lines"),
        pytest.param('SCORES: {"help": 4, "truth": 5', None, id="cut off"),
        pytest.param('SCORES: {"help": 4} {"truth": 5}', None, id="two objects"),
        pytest.param("SCORES: help 4, truth 5", None, id="words"),
        pytest.param("", None, id="empty"),
    ],
)
def test_aspects_are_read_all_or_none(text, values):
    read = read_aspects(text, aspects=["help", "truth"], low=1, high=5)
    assert (read and read.values) == (values and dict(zip(["help", "truth"], values, strict=True)))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        pytest.param('{"label": "2"}', "2", id="json"),
        pytest.param('{"label": 2}', "2", id="json number"),
        pytest.param('{"label": "Option (b)."}', "Option (b)", id="spelled out"),
        pytest.param("LABEL: 2", "2", id="line"),
        pytest.param("Fine.\n**LABEL:** (B)", "(B)", id="bold line"),
        pytest.param("LABEL: none", "none", id="a word"),
        pytest.param("LABEL: 1 or 2", None, id="one or the other"),
        pytest.param("LABEL: 1/2", None, id="with a slash"),
        pytest.param("LABEL: 100", None, id="three digits"),
        pytest.param("LABEL: option 2 is chosen", None, id="a sentence"),
        pytest.param("LABEL:", None, id="nothing"),
        pytest.param('{"label": ""}', None, id="json nothing"),
        pytest.param('{"label": false}', None, id="bool"),
        pytest.param('{"label": ["2"]}', None, id="list"),
        pytest.param('{"label": "2", "label": "3"}', None, id="key twice"),
        pytest.param("LABEL: option" + " " * 5000 + "2", None, id="very many spaces"),
    ],
)
def test_a_label_is_read_as_spelled(text, label):
    read = read_label(text)
    assert (read and read.value) == label


FORMS = [
    '{{"verdict": "{0}"}}',
    '{{"reason": {1}, "verdict": "{0}"}}',
    '{{"verdict": "{0}", "reason": {1}}}',
    '```json\n{{"reason": {1}, "verdict": "{0}"}}\n```',
    'My view: {2}\n{{"reason": {1}, "verdict": "{0}"}}',
    "VERDICT: {0}",
    "My view: {2}\nVERDICT: {0}",
    "My view: {2}\n**Verdict:** [[{0}]]\n",
    "My view: {2}\n`verdict: {0}`",
]


@given(st.sampled_from(FORMS), st.sampled_from(["1", "2", "tie"]), st.text(), st.booleans())
def test_a_verdict_reads_back_from_every_form_whatever_the_reason_says(form, value, said, ascii_):
    reason = json.dumps(said, ensure_ascii=ascii_)
    read = read_verdict(form.format(value, reason, said), tie=True)
    assert read is not None
    assert read.value == value


@given(st.integers(-9, 9), st.integers(0, 9), st.data())
def test_every_point_of_a_scale_reads_back_and_nothing_else_does(low, size, data):
    score = data.draw(st.integers(low - 2, low + size + 2))
    inside = low <= score <= low + size
    for text in (json.dumps({"score": score}), f"SCORE: {score}", f"SCORE: {score}/{low + size}"):
        read = read_score(text, low=low, high=low + size)
        assert (read and read.value) == (score if inside else None)


@given(
    st.dictionaries(st.sampled_from(["help", "truth", "honesty"]), st.integers(1, 5), min_size=1)
)
def test_aspects_read_back(scores):
    for text in (json.dumps({"scores": scores}), f"Well.\nSCORES: {json.dumps(scores)}"):
        assert read_aspects(text, aspects=[*scores], low=1, high=5).values == scores


ODD = st.one_of(
    st.text(),
    st.text(alphabet=st.characters(categories=["Cs", "Cf", "Nd", "Ps", "Pe"])),
    st.text(alphabet='{}[]":,\\ \n`*#12tieverdctsoalbTIE/.-'),
    st.lists(st.sampled_from(['{"verdict": ', '"1"', "}", "VERDICT: ", "2", "\n", "```", '"', ","]))
    .map("".join),
)  # fmt: skip


@given(ODD)
def test_any_text_is_read_without_an_error_and_gives_an_allowed_value_or_nothing(text):
    read = read_verdict(text, tie=False)
    assert read is None or read.value in {"1", "2"}
    score = read_score(text, low=1, high=10)
    assert score is None or (isinstance(score.value, int) and 1 <= score.value <= 10)
    aspects = read_aspects(text, aspects=["tie"], low=1, high=2)
    assert aspects is None or aspects.values["tie"] in {1, 2}
    label = read_label(text)
    assert label is None or 0 < len(label.value) <= 40


@given(ODD)
def test_what_is_read_without_ties_is_also_read_with_them(text):
    read = read_verdict(text, tie=False)
    if read is not None:
        assert read_verdict(text, tie=True) == read


HALF = 500_000
HUGE = [
    pytest.param('{"a":' * 200_000, id="objects that open"),
    pytest.param('{"a":' * 100_000 + "1" + "}" * 100_000, id="objects that open and close"),
    pytest.param("{\n" * HALF + "}", id="lines of braces"),
    pytest.param("}" * 2 * HALF, id="braces that close"),
    pytest.param('"' * 2 * HALF + "}", id="quotes"),
    pytest.param("\\" * 2 * HALF + "}", id="backslashes"),
    pytest.param('{"verdict": "' + '\\"' * HALF + '"}', id="escaped quotes"),
    pytest.param("VERDICT: " * 100_000, id="keys on one line"),
    pytest.param("VERDICT: 1 or 2\n" * 60_000, id="lines that say nothing"),
    pytest.param("VERDICT:" + " " * 2 * HALF + "1 or 2", id="spaces"),
    pytest.param("```" * 300_000, id="fences"),
    pytest.param("*" * 2 * HALF, id="asterisks"),
    pytest.param("[" * 2 * HALF, id="brackets"),
    pytest.param("LABEL: " + "[(" * HALF, id="brackets in a label"),
    pytest.param("SCORE: " + "9" * 2 * HALF, id="digits"),
    pytest.param('{"score": ' + "9" * 2 * HALF + "}", id="digits in json"),
    pytest.param("\n" * 2 * HALF, id="line ends"),
    pytest.param("<think>" * 150_000, id="thoughts"),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", HUGE)
def test_a_reply_of_a_megabyte_that_says_nothing_is_given_up_in_time(text):
    assert read_verdict(text, tie=True) is None
    assert read_score(text, low=1, high=10) is None
    assert read_aspects(text, aspects=["a"], low=1, high=10) is None
    assert read_label(text) is None


def test_a_verdict_after_a_megabyte_of_prose_is_read():
    prose = 'He said "{no}" \\ and {"verdict": "1"}.\n' * 25_000
    assert read_verdict(f'{prose}{{"verdict": "2"}}', tie=True).value == "2"
    assert read_verdict(f"{prose}VERDICT: 2", tie=True).value == "2"


def test_not_a_number_is_refused_however_it_is_written():
    for value in (math.nan, math.inf, -math.inf):
        assert read_score(json.dumps({"score": value}), low=1, high=10) is None
