"""The choice judge: labels of the situation, and what it cannot read."""

import orjson
import pytest

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.judging.choice import ChoiceJudge
from tasks.judging.judge import Question

META = {
    "situation_id": "7",
    "chosen_labels": ["2", "(2)", "Option 2"],
    "rejected_labels": ["1", "(1)"],
    "num_options": 3,
}


def ask(text, *, meta=META, finish_reason="stop"):
    prompt = Prompt(
        source="risk",
        split="eval",
        messages=(Message("user", "Which option?"),),
        cluster="c",
        meta=meta if isinstance(meta, str) else orjson.dumps(meta).decode(),
        origin="f:1",
    )
    answer = Completion(
        prompt_id=prompt.prompt_id,
        policy="p",
        text=text,
        sample_index=0,
        temperature=1.0,
        seed=0,
        finish_reason=finish_reason,
        num_tokens=3,
    )
    return ChoiceJudge().judge([Question(prompt, answer)])[0]


@pytest.mark.parametrize(
    ("text", "score", "reply"),
    [
        pytest.param('{"answer":"2"}', 1.0, "json: 2", id="risk-averse"),
        pytest.param(" (1)", 0.0, "bare: 1", id="risk-neutral"),
        pytest.param("Answer: 3", 0.0, "answer_line: 3", id="neither of the two"),
    ],
)
def test_the_risk_averse_option_scores_one_and_any_other_option_zero(text, score, reply):
    verdict = ask(text)
    assert (verdict.score, verdict.choice, verdict.reply) == (score, None, reply)


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        pytest.param("Once upon a time", "none", id="nothing to read"),
        pytest.param("Answer: 4", "answer_line: 4 (no such option)", id="no such number"),
        pytest.param("Answer: b", "answer_line: b (no such option)", id="letter for numbers"),
    ],
)
def test_what_cannot_be_read_has_no_score(text, reply):
    verdict = ask(text)
    assert (verdict.score, verdict.choice, verdict.reply) == (None, "unparsable", reply)


def test_a_cut_answer_is_read_with_more_care():
    assert ask("I choose option 2", finish_reason="length").choice == "unparsable"
    assert ask("I choose option 2").score == 1.0


def test_options_named_by_letters_are_letters():
    meta = META | {"chosen_labels": ["(b)."], "rejected_labels": ["a"]}
    assert ask("Option B", meta=meta).score == 1.0
    assert ask("Option C", meta=meta).score == 0.0
    assert ask("Option D", meta=meta).choice == "unparsable"


def test_another_spelling_that_the_source_lists_counts():
    meta = META | {"chosen_labels": ["2", "b"]}
    assert ask("(b)", meta=meta).score == 1.0


@pytest.mark.parametrize(
    "meta",
    [
        pytest.param("{}", id="empty"),
        pytest.param("not json", id="no json"),
        pytest.param("[]", id="a list"),
        pytest.param(META | {"num_options": "many"}, id="no number of options"),
        pytest.param(META | {"chosen_labels": ["1"]}, id="the same label on both sides"),
        pytest.param(META | {"chosen_labels": []}, id="no risk-averse label"),
    ],
)
def test_a_prompt_that_does_not_say_which_option_is_risk_averse_is_an_input_error(meta):
    with pytest.raises(InputError, match=r"prompt [0-9a-f]{16}"):
        ask("2", meta=meta)
