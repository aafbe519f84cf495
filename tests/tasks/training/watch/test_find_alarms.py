"""Alarms on hand-made runs: one fault each, and none on a healthy run of each method."""

import math

import pytest

from storage.tables.completions import Completion
from tasks.training.d2o.params import D2OParams
from tasks.training.dpo.params import DPOParams
from tasks.training.ppo.params import PPOParams
from tasks.training.run.training_result import StepCompletion, StepMetric
from tasks.training.sft.params import SFTParams
from tasks.training.watch.find_alarms import alarms_markdown, find_alarms
from tasks.training.watch.watched_run import Series

DPO = DPOParams(beta=0.1)
D2O = D2OParams(alpha=0.1, beta=0.2, max_kl=10)
PPO = PPOParams()
SFT = SFTParams()
NUM_STEPS = 100


def line(start, end):
    """Return one value for each step, from the one to the other."""
    return [start + (end - start) * step / (NUM_STEPS - 1) for step in range(NUM_STEPS)]


HEALTHY = {
    "dpo": {
        "loss": line(0.69, 0.4),
        "rewards/chosen": line(0.0, -0.2),
        "rewards/rejected": line(0.0, -1.4),
        "rewards/margins": line(0.0, 1.2),
        "rewards/accuracies": line(0.5, 0.85),
        "entropy": line(3.0, 2.7),
        "response_length": line(40, 70),
    },
    "d2o": {
        "loss": line(0.69, 0.35),
        "rewards/chosen": line(0.0, -0.6),
        "rewards/rejected": line(0.0, -2.0),
        "rewards/margins": line(0.0, 1.4),
        "rewards/accuracies": [0.0] + [1.0] * 99,
        "kl": line(0.0, 8.0),
        "entropy": line(3.0, 3.1),
    },
    "ppo": {
        "loss": line(0.01, -0.01),
        "kl": line(0.0, 6.0),
        "objective/scores": line(0.5, 0.8),
        "objective/entropy": line(80, 75),
        "response_length": line(24, 26),
        "objective/unread": [0.0] * NUM_STEPS,
    },
    "sft": {"loss": line(6.9, 3.5), "entropy": line(6.9, 3.4), "eval_loss": line(6.0, 3.6)},
}
PARAMS = {"dpo": DPO, "d2o": D2O, "ppo": PPO, "sft": SFT}


def alarms(method, changed=None, **given):
    metrics = {**HEALTHY[method], **(changed or {})}
    steps = [
        StepMetric(step, metric, value)
        for metric, values in metrics.items()
        for step, value in enumerate(values, start=1)
    ]
    return find_alarms(steps, method, given.pop("params", PARAMS[method]), **given)


def names(*args, **given):
    return [alarm.name for alarm in alarms(*args, **given)]


@pytest.mark.parametrize("method", HEALTHY)
def test_a_healthy_run_is_quiet(method):
    assert alarms(method) == []


@pytest.mark.parametrize(
    ("method", "changed", "expected"),
    [
        pytest.param(
            "dpo",
            {"rewards/chosen": line(0, -2), "rewards/rejected": line(0, -3)},
            "both_logps_falling",
            id="chosen and rejected fall by 20 and 30 nats",
        ),
        pytest.param(
            "d2o",
            {"rewards/chosen": line(0, -4), "rewards/rejected": line(0, -3)},
            "both_logps_falling",
            id="self-samples fall by 20 nats",
        ),
        pytest.param(
            "dpo", {"rewards/accuracies": [0.0] + [1.0] * 99}, "accuracy_at_once", id="too easy"
        ),
        pytest.param("dpo", {"rewards/margins": line(0, 0.03)}, "no_movement", id="dpo stands"),
        pytest.param(
            "d2o",
            {"rewards/margins": line(0, 0.03), "kl": line(0, 0.02)},
            "no_movement",
            id="d2o stands",
        ),
        pytest.param("ppo", {"kl": line(0, 0.05)}, "no_movement", id="ppo stands"),
        pytest.param("dpo", {"loss": line(0.69, 0.0)}, "loss_near_zero", id="dpo loss 0"),
        pytest.param("d2o", {"loss": line(0.69, 0.0)}, "loss_near_zero", id="d2o loss 0"),
        pytest.param(
            "sft", {"loss": line(6.9, 1.0)[:80] + [0.01] * 20}, "loss_near_zero", id="sft loss 0"
        ),
        pytest.param("d2o", {"kl": line(0, 218)}, "kl_explosion", id="kl of gibberish"),
        pytest.param("ppo", {"kl": line(0, 29)}, "kl_explosion", id="great great"),
        pytest.param("dpo", {"entropy": line(3, 1.0)}, "entropy_collapse", id="entropy a token"),
        pytest.param(
            "ppo", {"objective/entropy": line(80, 20)}, "entropy_collapse", id="entropy an answer"
        ),
        pytest.param(
            "ppo",
            {"response_length": line(24, 48), "objective/entropy": line(80, 150)},
            "length_growth",
            id="answers grow",
        ),
        pytest.param(
            "sft", {"eval_loss": [*line(6, 3)[:50], *line(3, 3.8)[50:]]}, "forgetting", id="eval"
        ),
        pytest.param(
            "ppo", {"objective/scores": line(0.5, 0.505)}, "forgetting", id="kl for nothing"
        ),
        pytest.param("ppo", {"objective/unread": line(0, 0.5)}, "reward_unread", id="unread"),
    ],
)
def test_each_fault_gives_its_alarm_alone(method, changed, expected):
    assert names(method, changed) == [expected]


def test_a_kl_within_a_budget_that_the_user_raised_is_no_alarm():
    wide = D2OParams(max_kl=60)
    assert names("d2o", {"kl": line(0, 50)}, params=wide) == []
    assert names("d2o", {"kl": line(0, 61)}, params=wide) == ["kl_explosion"]


def test_the_advice_names_the_values_that_it_wants_changed():
    params = DPOParams(beta=0.25, learning_rate=3e-3)
    (alarm,) = alarms("dpo", {"rewards/margins": line(0, 0.01)}, params=params)
    assert "learning_rate (0.003)" in alarm.advice
    assert "beta (0.25)" in alarm.advice
    assert (alarm.step, alarm.name) == (100, "no_movement")


def test_the_highest_kl_is_told_with_its_step():
    """A peak at step 40 that went away again is an alarm all the same."""
    kl = [1.0] * 39 + [40.0] + [8.0] * 60
    (alarm,) = alarms("d2o", {"kl": kl})
    assert (alarm.step, alarm.value) == (40, 40.0)


def test_answers_on_the_way_show_growth_where_the_data_sets_the_length():
    """Response length of DPO is that of its pairs; 10 and 12 tokens before, 20 and 14 after."""

    def answers(lengths):
        return [
            StepCompletion(step, completion(index, length))
            for step, pair in lengths.items()
            for index, length in enumerate(pair)
        ]

    grown = alarms("dpo", completions=answers({0: (10, 12), 50: (11, 12), 100: (20, 14)}))
    assert [(alarm.name, alarm.value) for alarm in grown] == [("length_growth", 34 / 22)]
    assert alarms("dpo", completions=answers({0: (10, 12), 100: (16, 16)})) == []
    assert alarms("dpo", completions=answers({0: (10, 12)})) == []


def completion(index, length):
    return Completion(
        prompt_id=f"p{index}",
        policy="",
        text="x",
        sample_index=0,
        temperature=1.0,
        seed=0,
        finish_reason="stop",
        num_tokens=length,
    )


def test_a_few_steps_and_values_that_are_not_finite_are_no_reason_to_fail():
    assert find_alarms([], "dpo", DPO) == []
    rows = [StepMetric(1, "loss", math.nan), StepMetric(1, "rewards/margins", math.inf)]
    assert find_alarms(rows, "d2o", D2O) == []
    assert find_alarms([StepMetric(1, "rewards/margins", 0.0)], "dpo", DPO) == []


def test_losses_with_another_zero_are_not_judged_by_this_one():
    """IPO's loss is a squared distance from its target and may well reach 0."""
    ipo = DPOParams(loss_type="ipo", engine="trl")
    assert names("dpo", {"loss": line(25, 0.0)}, params=ipo) == []


def test_alarms_do_not_depend_on_the_order_of_the_rows():
    metrics = {**HEALTHY["d2o"], "kl": line(0, 90), "loss": line(0.69, 0)}
    rows = [
        StepMetric(step, metric, value)
        for metric, values in metrics.items()
        for step, value in enumerate(values, start=1)
    ]
    assert find_alarms(rows, "d2o", D2O) == find_alarms(rows[::-1], "d2o", D2O)


def test_markdown_has_one_line_for_each_alarm():
    found = alarms("d2o", {"kl": line(0, 218), "loss": line(0.69, 0)})
    lines = alarms_markdown(found).splitlines()
    assert len(lines) == len(found) == 2
    assert lines[0].startswith("- **kl_explosion** (step 100, 218): KL to the reference")


def test_a_window_is_a_tenth_of_the_run():
    """Values 1 to 100: the first ten have the mean 5.5, the last ten 95.5."""
    series = Series(tuple(range(1, 101)), tuple(float(v) for v in range(1, 101)))
    assert (series.start, series.end, series.end_step) == (5.5, 95.5, 100)


def test_scatter_is_told_from_a_trend():
    """Neighbours differ by 2: variance 2, and two means of 3 values differ with sqrt(2 * 2 / 3)."""
    series = Series(tuple(range(10)), (1.0, -1.0) * 5)
    assert series.stderr == pytest.approx(math.sqrt(4 / 3))
    assert Series((1,), (3.0,)).stderr == 0
