"""What a report holds against itself."""

import pytest

from storage.tables.estimates import Estimate
from storage.tables.policies import Policy
from tasks.evaluation.report_data import ReportData
from tasks.evaluation.weaknesses import weaknesses
from tasks.judging.judge_card import JudgeCard


def policy(method, **changes):
    return Policy(
        method=method,
        base_model="scratch:tiny",
        checkpoint=method,
        weights_sha256=method,
        params="{}",
        **changes,
    )


SFT = policy("sft")


def estimate(of, metric, value, low=None, high=None, *, baseline=None, num_prompts=256):
    return Estimate(
        policy_id=of.policy_id,
        baseline_id=baseline and baseline.policy_id,
        metric=metric,
        value=value,
        low=value if low is None else low,
        high=value if high is None else high,
        stderr=0.02,
        num_prompts=num_prompts,
        num_samples=num_prompts,
    )


def said(*estimates, dpo=None, judges=()):
    dpo = dpo or policy("dpo")
    return " ".join(
        weaknesses(
            ReportData(
                source="imdb",
                model="scratch:tiny",
                seed=0,
                created_at="now",
                policies=[SFT, dpo],
                reference_id=SFT.policy_id,
                estimates=estimates,
                judges=judges,
            )
        )
    )


DPO = policy("dpo")


@pytest.mark.parametrize(
    ("estimates", "sentence"),
    [
        pytest.param(
            [estimate(DPO, "lexical/positive", 0.7, num_prompts=40)],
            "stands on only 40 prompts",
            id="small n",
        ),
        pytest.param(
            [estimate(DPO, "choice/unparsable", 0.2)],
            "could not read all answers (DPO 20.0 %)",
            id="unreadable",
        ),
        pytest.param([estimate(DPO, "kl", 31.0)], "KL of 31.0 nats", id="large KL"),
        pytest.param(
            [estimate(DPO, "perplexity", 2.0, 1.0, 3.0, baseline=SFT)],
            "perplexity on held-out demonstrations rose",
            id="forgetting",
        ),
        pytest.param(
            [
                estimate(SFT, "length", 10.0),
                estimate(DPO, "length", 4.0, 3.0, 5.0, baseline=SFT),
            ],
            "answers changed in length",
            id="length",
        ),
        pytest.param(
            [estimate(DPO, "distinct_2", -0.2, -0.3, -0.1, baseline=SFT)],
            "became less varied",
            id="repetition",
        ),
        pytest.param(
            [estimate(DPO, "truncated", 0.9)], "more than half of the answers were cut", id="cut"
        ),
        pytest.param([estimate(DPO, "length", 9.0)], "KL was not measured", id="no KL"),
        pytest.param(
            [
                estimate(DPO, "lexical/positive", 0.1, 0.06, 0.14, baseline=SFT),
                estimate(DPO, "lexical/positive", 0.7),
            ],
            "a gain below about 5.6 points",  # (1.96 + 0.8416) * 2 points
            id="power",
        ),
    ],
)
def test_each_weakness_is_said_with_its_figure(estimates, sentence):
    assert sentence in said(*estimates)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"stop_reason": "kl_budget", "num_steps": 9}, "stopped by its KL budget after 9 steps"),
        ({"stop_reason": "diverged", "num_steps": 9}, "training diverged"),
        ({"num_rows": 90, "num_dropped": 10}, "10 of 100 training rows"),
    ],
)
def test_what_happened_in_training_is_said(changes, sentence):
    assert sentence in said(dpo=policy("dpo", **changes))


def test_a_weak_judge_is_said_with_its_accuracy_and_a_good_one_is_not():
    weak = JudgeCard(name="lexical", what="words", accuracy=0.55, num_held_out=2304)
    assert "right on 55.0 % of 2,304 held-out texts" in said(judges=[weak])
    assert "about 10 % of a true difference" in said(judges=[weak])
    good = JudgeCard(name="lexical", what="words", accuracy=0.97, num_held_out=2304)
    assert "Judge lexical" not in said(judges=[good])


def test_that_one_training_run_stands_for_a_method_is_always_said():
    assert "One training run each" in said()
