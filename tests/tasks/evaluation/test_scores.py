"""Verdicts and answers as scores."""

import pytest

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.verdicts import Verdict
from tasks.evaluation.distinct import distinct_2
from tasks.evaluation.metrics import JUDGE_METRICS, METRICS, in_order, is_bounded, main_metric
from tasks.evaluation.scores import answer_scores, verdict_scores
from tasks.judging.judge_name import KINDS


def answer(text=" fine", *, index=0, prompt_id="p", finish_reason="stop", num_tokens=4):
    return Completion(
        prompt_id=prompt_id,
        policy="dpo",
        text=text,
        sample_index=index,
        temperature=1.0,
        seed=0,
        finish_reason=finish_reason,
        num_tokens=num_tokens,
    )


def values(scores):
    return {score.metric: score.value for score in scores}


def verdict(judge, score, of):
    choice = "unparsable" if score is None else None
    return Verdict(completion_a=of.completion_id, judge=judge, score=score, choice=choice)


@pytest.mark.parametrize(
    ("judge", "score", "expected"),
    [
        pytest.param("lexical", 0.8, {"lexical": 0.8, "lexical/positive": 1.0}, id="positive"),
        pytest.param("lexical", 0.5, {"lexical": 0.5, "lexical/positive": 0.0}, id="even"),
        pytest.param(
            "oracle", 1.0, {"oracle/positive_of_parsed": 1.0, "oracle/unparsable": 0.0}, id="oracle"
        ),
        pytest.param("oracle", None, {"oracle/unparsable": 1.0}, id="oracle cannot read"),
        pytest.param(
            "choice",
            0.0,
            {"choice/risk_averse_of_parsed": 0.0, "choice/unparsable": 0.0},
            id="another option",
        ),
        pytest.param("choice", None, {"choice/unparsable": 1.0}, id="no choice"),
    ],
)
def test_a_verdict_becomes_its_metrics_and_what_cannot_be_read_gets_no_value(
    judge, score, expected
):
    row = answer()
    scores = verdict_scores([row], [verdict(judge, score, row)])
    assert values(scores) == expected
    assert {(s.policy_id, s.prompt_id, s.completion_id) for s in scores} == {
        ("dpo", "p", row.completion_id)
    }


def test_a_verdict_about_an_unknown_answer_or_of_an_unknown_judge_is_an_error():
    row = answer()
    with pytest.raises(ValueError, match="no given completion"):
        verdict_scores([], [verdict("lexical", 0.5, row)])
    with pytest.raises(InputError, match="does not exist"):
        verdict_scores([row], [verdict("tea-leaves", 0.5, row)])


def test_answers_are_measured_one_by_one_and_their_variety_by_prompt():
    rows = [
        answer(" a b c", index=0, num_tokens=4),
        answer(" a b c", index=1, num_tokens=40, finish_reason="length"),
        answer("", index=0, prompt_id="q", num_tokens=1),
    ]
    scores = answer_scores(rows)
    lengths = [score.value for score in scores if score.metric == "length"]
    assert lengths == [4, 40, 1]
    assert [score.value for score in scores if score.metric == "truncated"] == [0, 1, 0]
    (distinct,) = [score for score in scores if score.metric == "distinct_2"]
    assert (distinct.prompt_id, distinct.completion_id, distinct.value) == ("p", None, 0.5)
    assert len({score.score_id for score in scores}) == len(scores)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(["a b c"], 1.0, id="all different"),
        pytest.param(["great great great great"], 1 / 3, id="one pair three times"),
        pytest.param(["A b.", "a B ."], 0.5, id="case and spaces do not matter"),
        pytest.param(["a b", "b c"], 1.0, id="no pair over two texts"),
        pytest.param(["don't stop"], 1.0, id="an apostrophe is inside a word"),
        pytest.param(["one", "", "..."[:1]], None, id="no pair at all"),
    ],
)
def test_distinct_pairs_worked_by_hand(texts, expected):
    assert distinct_2(texts) == expected


def test_every_metric_of_every_judge_is_described():
    assert set(JUDGE_METRICS) == set(KINDS)
    for judge in JUDGE_METRICS.values():
        named = {judge.score, judge.preferred, judge.unparsable} - {None}
        assert named <= set(METRICS)
        assert is_bounded(judge.preferred)


def test_a_report_leads_with_the_first_share_of_preferred_answers():
    assert (
        main_metric(["kl", "oracle/positive_of_parsed", "lexical/positive"]) == "lexical/positive"
    )
    assert main_metric(["kl", "choice/risk_averse_of_parsed"]) == "choice/risk_averse_of_parsed"
    assert main_metric(["kl", "length"]) is None
    assert in_order(["new", "kl", "lexical/positive", "kl"]) == ["lexical/positive", "kl", "new"]
