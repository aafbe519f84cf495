"""The pieces of PPO, on numbers worked by hand and against plain loops."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from tasks.training.losses.advantages import gae, token_rewards
from tasks.training.losses.kl_controller import next_kl_coefficient
from tasks.training.losses.masked import masked_mean, whiten
from tasks.training.losses.ppo import clipped_policy_loss, clipped_value_loss

LENGTHS = (5, 1, 3, 4)


def noise(seed, batch=4, tokens=5):
    return torch.randn(batch, tokens, generator=torch.Generator().manual_seed(seed)).double()


def lengths_mask(lengths=LENGTHS, tokens=5):
    return torch.arange(tokens) < torch.tensor(lengths).unsqueeze(1)


def gae_by_definition(rewards, values, gamma, lam):
    """Return eq. 16 of one answer as the sum that it stands for, without a recursion."""
    length = len(rewards)
    after = [*values[1:], 0.0]
    deltas = [rewards[t] + gamma * after[t] - values[t] for t in range(length)]
    return [
        sum((gamma * lam) ** k * deltas[t + k] for k in range(length - t)) for t in range(length)
    ]


def test_advantages_of_two_tokens_worked_by_hand():
    """Values 0.5 and 0.2, a reward of 1 at the end, gamma 0.9, lambda 0.5.

    delta_2 = 1 - 0.2 = 0.8 and delta_1 = 0.9 * 0.2 - 0.5 = -0.32, so A_1 = -0.32 + 0.45 * 0.8.
    """
    found = gae(
        torch.tensor([[0.0, 1.0]]),
        torch.tensor([[0.5, 0.2]]),
        torch.ones(1, 2, dtype=torch.bool),
        gamma=0.9,
        lam=0.5,
    )
    assert found.advantages.tolist()[0] == pytest.approx([0.04, 0.8])
    assert found.returns.tolist()[0] == pytest.approx([0.54, 1.0])


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 0.95), (0.9, 0.5), (1.0, 0.0), (0.0, 1.0)])
def test_advantages_are_the_sum_of_the_definition_for_every_length(gamma, lam):
    rewards, values = noise(0), noise(1)
    found = gae(rewards, values, lengths_mask(), gamma=gamma, lam=lam)
    for row, length in enumerate(LENGTHS):
        expected = gae_by_definition(
            rewards[row, :length].tolist(), values[row, :length].tolist(), gamma, lam
        )
        assert found.advantages[row, :length].tolist() == pytest.approx(expected)
        assert found.advantages[row, length:].tolist() == [0.0] * (5 - length)
        assert found.returns[row, length:].tolist() == [0.0] * (5 - length)


@given(st.integers(0, 1000), st.floats(-100, 100))
def test_what_stands_in_the_padding_changes_no_advantage(seed, junk):
    rewards, values, mask = noise(seed), noise(seed + 1), lengths_mask()
    expected = gae(rewards, values, mask, gamma=0.9, lam=0.8)
    found = gae(
        rewards.masked_fill(~mask, junk), values.masked_fill(~mask, junk), mask, gamma=0.9, lam=0.8
    )
    assert torch.equal(found.advantages, expected.advantages)
    assert torch.equal(found.returns, expected.returns)


def test_lambda_1_gives_returns_that_do_not_depend_on_the_values():
    """Then A_t + V_t is the plain sum of what is still to be earned."""
    rewards, mask = noise(2), lengths_mask()
    found = gae(rewards, noise(3), mask, gamma=1.0, lam=1.0)
    to_go = rewards.masked_fill(~mask, 0.0).flip(1).cumsum(1).flip(1).masked_fill(~mask, 0.0)
    assert torch.allclose(found.returns, to_go)


def test_exact_values_leave_no_advantage_whatever_lambda():
    rewards, mask = noise(4).masked_fill(~lengths_mask(), 0.0), lengths_mask()
    to_go = rewards.flip(1).cumsum(1).flip(1)
    found = gae(rewards, to_go, mask, gamma=1.0, lam=0.7)
    assert torch.allclose(found.advantages, torch.zeros(4, 5).double(), atol=1e-12)


def test_each_token_pays_its_divergence_and_the_last_one_earns_the_score():
    """Log-ratios 1, -2 and 3 at a price of 0.1; the score of 5 comes on top of the last penalty."""
    logps = torch.tensor([[-1.0, -3.0, -1.0, 9.0], [-2.0, 0.0, 0.0, 0.0]])
    ref_logps = torch.tensor([[-2.0, -1.0, -4.0, 7.0], [-2.0, 0.0, 5.0, 0.0]])
    mask = lengths_mask((3, 1), tokens=4)
    earned = token_rewards(torch.tensor([5.0, -1.0]), logps, ref_logps, mask, kl_coefficient=0.1)
    assert earned[0].tolist() == pytest.approx([-0.1, 0.2, 4.7, 0.0])
    assert earned[1].tolist() == pytest.approx([-1.0, 0.0, 0.0, 0.0])


def test_the_kl_penalty_reaches_the_gradient_through_the_advantages():
    """With no score at all, a token that the policy likes more than the reference is pushed down."""
    mask = lengths_mask((2,), tokens=2)
    logps = torch.tensor([[-1.0, -1.0]], requires_grad=True)
    earned = token_rewards(
        torch.zeros(1),
        logps.detach(),
        torch.tensor([[-1.0, -3.0]]),
        mask,
        kl_coefficient=0.5,
    )
    found = gae(earned, torch.zeros(1, 2), mask, gamma=1.0, lam=0.0)
    loss = clipped_policy_loss(logps, logps.detach(), found.advantages, clip=0.2)
    masked_mean(loss.losses, mask).backward()
    assert logps.grad.tolist()[0] == pytest.approx([0.0, 0.5])  # -A / 2 tokens, A = -0.5 * 2


def test_whitened_values_have_mean_0_and_variance_1_over_the_mask_alone():
    values, mask = noise(5) * 3 + 7, lengths_mask()
    whitened = whiten(values, mask)
    kept = whitened[mask]
    assert kept.mean().item() == pytest.approx(0.0, abs=1e-9)
    assert kept.var(correction=0).item() == pytest.approx(1.0, rel=1e-6)
    assert torch.all(whitened[~mask] == 0)


def test_whitening_worked_by_hand():
    """1, 3 and 8: mean 4, variance (9 + 1 + 16) / 3; the 100 lies outside."""
    mask = torch.tensor([[True, True], [True, False]])
    values = torch.tensor([[1.0, 3.0], [8.0, 100.0]])
    deviation = math.sqrt(26 / 3)
    shifted, kept = whiten(values, mask), whiten(values, mask, shift_mean=False)
    assert shifted.flatten().tolist() == pytest.approx(
        [-3 / deviation, -1 / deviation, 4 / deviation, 0.0]
    )
    assert kept.flatten().tolist() == pytest.approx(
        [4 - 3 / deviation, 4 - 1 / deviation, 4 + 4 / deviation, 0.0]
    )


@given(st.floats(0.5, 50), st.floats(-20, 20))
def test_whitening_does_not_know_the_unit_of_its_values(scale, shift):
    values, mask = noise(6), lengths_mask()
    found = whiten(values * scale + shift, mask)
    assert torch.allclose(found, whiten(values, mask), atol=1e-5)


@pytest.mark.parametrize("lengths", [(1,), (3,)])
def test_values_that_are_all_alike_become_0_and_not_nan(lengths):
    mask = lengths_mask(lengths, tokens=3)
    assert whiten(torch.full((1, 3), 2.5), mask).tolist() == [[0.0, 0.0, 0.0]]


def test_the_mean_of_nothing_is_0():
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    assert masked_mean(torch.ones(2, 3), nothing).item() == 0.0


def surrogate_by_definition(ratio, advantage, clip):
    """Return minus eq. 7 for one token, and its derivative by the log-probability."""
    cut = min(max(ratio, 1 - clip), 1 + clip)
    if ratio * advantage <= cut * advantage:
        return -ratio * advantage, -ratio * advantage  # d ratio / d logp = ratio
    return -cut * advantage, 0.0


@pytest.mark.parametrize("ratio", [0.5, 0.79, 0.9, 1.0, 1.1, 1.21, 2.0])
@pytest.mark.parametrize("advantage", [-2.0, 1.5])
def test_loss_and_gradient_of_a_token_are_those_of_equation_7(ratio, advantage):
    logps = torch.tensor([[math.log(ratio)]], dtype=torch.double, requires_grad=True)
    old = torch.zeros(1, 1).double()
    found = clipped_policy_loss(logps, old, torch.tensor([[advantage]]).double(), clip=0.2)
    found.losses.sum().backward()
    loss, gradient = surrogate_by_definition(ratio, advantage, 0.2)
    assert found.losses.item() == pytest.approx(loss)
    assert logps.grad.item() == pytest.approx(gradient)
    assert found.clipped.item() is (gradient == 0.0)


def test_equal_policies_give_the_policy_gradient():
    """Ratio 1: the gradient by each log-probability is minus its advantage, nothing is clipped."""
    logps = noise(7).requires_grad_()
    advantages = noise(8)
    found = clipped_policy_loss(logps, logps.detach(), advantages, clip=0.2)
    found.losses.sum().backward()
    assert torch.allclose(logps.grad, -advantages)
    assert not found.clipped.any()


@given(st.integers(0, 1000))
def test_the_same_shift_of_both_log_probabilities_changes_no_loss(seed):
    logps, old, advantages = noise(seed), noise(seed + 1), noise(seed + 2)
    found = clipped_policy_loss(logps + 3, old + 3, advantages, clip=0.2)
    expected = clipped_policy_loss(logps, old, advantages, clip=0.2)
    assert torch.allclose(found.losses, expected.losses)


@pytest.mark.parametrize(
    ("value", "target", "loss", "gradient"),
    [
        (1.1, 2.0, 0.5 * 0.9**2, -0.9),  # near the old value of 1: the plain squared error
        (1.5, 2.0, 0.5 * 0.8**2, 0.0),  # counted as 1.2, which is further off: no gradient
        (1.5, 1.0, 0.5 * 0.5**2, 0.5),  # 1.2 would be nearer than it is: the worse one counts
        (0.4, 0.0, 0.5 * 0.8**2, 0.0),
        (0.4, 1.0, 0.5 * 0.6**2, -0.6),
    ],
)
def test_value_losses_worked_by_hand(value, target, loss, gradient):
    values = torch.tensor([[value]], requires_grad=True)
    found = clipped_value_loss(values, torch.ones(1, 1), torch.tensor([[target]]), clip=0.2)
    found.losses.sum().backward()
    assert found.losses.item() == pytest.approx(loss, rel=1e-5)
    assert values.grad.item() == pytest.approx(gradient, abs=1e-5)


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        (6.0, 0.1),  # on target
        (6.6, 0.1 * 1.01),  # 10% beyond
        (60.0, 0.1 * 1.02),  # the error is cut at 20%
        (5.4, 0.1 * 0.99),
        (0.0, 0.1 * 0.98),
        (-1.0, 0.1 * 0.98),  # an estimate can lie below 0
    ],
)
def test_the_kl_coefficient_follows_the_error_up_to_a_fifth(kl, expected):
    found = next_kl_coefficient(0.1, kl, target=6.0, gain=0.1)
    assert found == pytest.approx(expected)


def test_the_controller_drives_a_policy_to_its_target():
    """A policy whose KL is 1 / coefficient settles where the coefficient is 1 / target."""
    coefficient = 1.0
    for _ in range(400):
        coefficient = next_kl_coefficient(coefficient, 1 / coefficient, target=4.0, gain=0.1)
    assert 1 / coefficient == pytest.approx(4.0, rel=0.01)


def test_a_score_too_many_is_refused():
    """The hook of the tests checks the shapes in the annotations."""
    with pytest.raises(TypeCheckError):
        token_rewards(torch.zeros(3), noise(0), noise(1), lengths_mask(), kl_coefficient=0.1)
