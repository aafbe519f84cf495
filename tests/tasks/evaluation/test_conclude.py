"""From scores to estimates."""

import random

import numpy as np
import pytest

from storage.tables.scores import Score
from tasks.evaluation.conclude import conclude
from tasks.evaluation.unparsable import too_unparsable


def score(policy, prompt, metric, value, sample=0):
    return Score(
        policy_id=policy,
        prompt_id=prompt,
        completion_id=f"{policy}{prompt}{sample}",
        metric=metric,
        value=value,
    )


def found(rows, policy, metric, baseline=None):
    (row,) = [
        row
        for row in rows
        if (row.policy_id, row.metric, row.baseline_id) == (policy, metric, baseline)
    ]
    return row


SCORES = [
    *(score("sft", p, "length", v) for p, v in zip("abc", (1, 2, 3), strict=True)),
    *(score("dpo", p, "length", v) for p, v in zip("abc", (2, 4, 6), strict=True)),
]


def test_each_policy_gets_its_mean_and_its_difference_to_each_other_baseline():
    rows = conclude(SCORES, policies=["sft", "dpo"], baselines=["sft", "base"])
    assert found(rows, "sft", "length").value == 2
    assert found(rows, "dpo", "length").value == 4
    assert found(rows, "dpo", "length", "sft").value == 2
    assert len(rows) == 3


def test_the_order_of_the_scores_does_not_matter():
    shuffled = random.Random(0).sample(SCORES, k=len(SCORES))
    expected = conclude(SCORES, policies=["sft", "dpo"], baselines=["sft"])
    assert conclude(shuffled, policies=["sft", "dpo"], baselines=["sft"]) == expected


def test_a_mean_over_readable_answers_says_on_how_many_it_stands():
    scores = [
        score("dpo", "a", "oracle/unparsable", 0.0),
        score("dpo", "b", "oracle/unparsable", 1.0),
        score("dpo", "a", "oracle/positive_of_parsed", 1.0),
    ]
    rows = conclude(scores, policies=["dpo"], baselines=[])
    assert found(rows, "dpo", "oracle/unparsable").value == 0.5
    parsed = found(rows, "dpo", "oracle/positive_of_parsed")
    assert (parsed.value, parsed.num_prompts, parsed.num_samples) == (1.0, 1, 1)
    assert parsed.stderr == np.inf


def test_shares_stay_within_zero_and_one():
    scores = [score("dpo", f"p{i}", "lexical/positive", 1.0) for i in range(30)]
    row = conclude(scores, policies=["dpo"], baselines=[])[0]
    assert row.value == row.high == 1
    assert 0.8 < row.low < 0.95


def test_perplexity_is_concluded_from_nats_and_tokens_which_are_no_rows_themselves():
    scores = [
        score(policy, prompt, f"demonstration/{what}", value)
        for policy, rate in (("sft", 2.0), ("dpo", 2.5))
        for prompt, tokens in (("a", 4.0), ("b", 8.0))
        for what, value in (("nats", rate * tokens), ("tokens", tokens))
    ]
    rows = conclude(scores, policies=["sft", "dpo"], baselines=["sft"])
    assert {row.metric for row in rows} == {"perplexity"}
    assert found(rows, "sft", "perplexity").value == pytest.approx(np.exp(2))
    difference = found(rows, "dpo", "perplexity", "sft")
    assert difference.value == pytest.approx(np.exp(2.5) - np.exp(2))


def test_nothing_scored_gives_no_estimates():
    assert conclude([], policies=["sft"], baselines=["sft"]) == []


def test_too_many_unreadable_answers_are_named_with_policy_judge_share_and_bound():
    scores = [score("dpo", f"p{i}", "choice/unparsable", float(i < 6)) for i in range(10)]
    rows = conclude(scores, policies=["dpo"], baselines=["dpo"])
    assert too_unparsable(rows, max_share=0.6, names={}) == []
    (fault,) = too_unparsable(rows, max_share=0.5, names={"dpo": "DPO"})
    assert "DPO: 60.0 % of 10 answers" in fault
    assert "'choice'" in fault
    assert "50.0 %" in fault
