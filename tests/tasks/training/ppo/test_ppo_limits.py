"""Where PPO stops before its end, and what it says then."""

import pytest
import torch

from tasks.training.ppo.train_ppo import train_ppo
from tasks.training.run.run_files import RunFiles
from tests.tasks.training.ppo.ppo_runs import (
    LIKES_E,
    PROMPTS,
    TextJudge,
    changed,
    values,
    weights,
)


def trained(start, out, judge=LIKES_E, **changes):
    return train_ppo(PROMPTS, judge, changed(**changes), RunFiles(start=start, out=out))


def assert_is_start(start, out):
    before = weights(start)
    for name, tensor in weights(out).items():
        assert torch.equal(tensor, before[name])


def test_a_gradient_beyond_the_bound_is_not_followed(tiny_checkpoint, tmp_path):
    result = trained(tiny_checkpoint, tmp_path / "out", stop_grad_norm=1e-6)
    assert (result.stop_reason, result.num_steps) == ("diverged", 0)
    assert "the gradient of step 1 has norm" in result.stop_detail
    assert "beyond stop_grad_norm (1e-06)" in result.stop_detail
    assert_is_start(tiny_checkpoint, tmp_path / "out")


def test_a_kl_beyond_its_stop_is_divergence_and_within_it_a_spent_budget(tiny_checkpoint, tmp_path):
    wild = {"learning_rate": 1e-2, "kl_coefficient": 0.0, "max_kl": 1e-9}
    spent = trained(tiny_checkpoint, tmp_path / "budget", **wild, kl_stop=0.0)
    diverged = trained(tiny_checkpoint, tmp_path / "stop", **wild, kl_stop=1e-9)
    kl = f"{values(spent, 'kl')[-1]:.4g}"
    assert spent.stop_reason == "kl_budget"
    assert spent.stop_detail == (
        f"the KL after step 4 is {kl} nats an answer, beyond max_kl (1e-09)"
    )
    assert diverged.stop_reason == "diverged"
    assert diverged.stop_detail == (
        f"the KL after step 4 is {kl} nats an answer, beyond kl_stop (1e-09)"
    )
    assert_is_start(tiny_checkpoint, tmp_path / "stop")


def test_a_reward_that_is_no_number_diverges(tiny_checkpoint, tmp_path):
    judge = TextJudge(lambda _: float("nan"))
    result = trained(tiny_checkpoint, tmp_path / "out", judge, whiten_advantages=False)
    assert result.stop_reason == "diverged"
    assert result.stop_detail == "the gradient of step 1 has norm nan"
    assert_is_start(tiny_checkpoint, tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "steps", "per_step"),
    [
        ({}, [0, 4, 8], 16),
        ({"keep_rollouts": False}, [], 0),
        ({"keep_rollouts": False, "sample_every": 8, "sample_prompts": 2}, [0, 8], 8),
        ({"keep_rollouts": False, "sample_every": 3, "sample_prompts": 9}, [0, 4, 8], 16),
    ],
    ids=["all", "none", "every 8 steps", "every 3 steps"],
)
def test_answers_are_kept_with_the_step_they_were_given_after(
    tiny_checkpoint, tmp_path, changes, steps, per_step
):
    """4 prompts with 4 answers each before the steps, and after each of two iterations of 4."""
    result = trained(tiny_checkpoint, tmp_path / "out", **changes)
    kept = [row.step for row in result.completions]
    assert kept == [step for step in steps for _ in range(per_step)]
    assert len({(row.step, row.completion.completion_id) for row in result.completions}) == len(
        kept
    )
    if not changes:
        said = [LIKES_E.say(row.completion.text) for row in result.completions if row.step == 4]
        assert sum(said) / 16 == pytest.approx(values(result, "objective/scores")[1])
