import math

import pytest
import torch
from jaxtyping import TypeCheckError

from tasks.training.losses.dpo import PairLogps, dpo_loss


def random_logps(seed):
    generator = torch.Generator().manual_seed(seed)
    chosen, rejected = -50 * torch.rand(2, 16, generator=generator)
    return PairLogps(chosen=chosen.requires_grad_(), rejected=rejected.requires_grad_())


def test_equal_models_have_loss_ln_2_and_a_gradient_that_is_not_zero():
    """-log sigmoid(0) = ln 2; its derivative by the chosen log-probability is -beta / 2."""
    policy = random_logps(0)
    reference = PairLogps(chosen=policy.chosen.detach(), rejected=policy.rejected.detach())
    losses = dpo_loss(policy, reference, beta=0.1).losses
    assert losses.tolist() == pytest.approx([math.log(2)] * 16)
    losses.sum().backward()
    assert policy.chosen.grad.tolist() == pytest.approx([-0.05] * 16)
    assert policy.rejected.grad.tolist() == pytest.approx([0.05] * 16)


def test_loss_of_a_pair_worked_by_hand():
    """The ratio h = (-1 - -2) - (-5 - -3) = 3; beta h = 1.5; loss = log(1 + e^-1.5) = 0.20141."""
    policy = PairLogps(chosen=torch.tensor([-1.0]), rejected=torch.tensor([-5.0]))
    reference = PairLogps(chosen=torch.tensor([-2.0]), rejected=torch.tensor([-3.0]))
    result = dpo_loss(policy, reference, beta=0.5)
    assert result.losses.item() == pytest.approx(math.log1p(math.exp(-1.5)), rel=1e-6)
    assert result.chosen_rewards.item() == pytest.approx(0.5)
    assert result.rejected_rewards.item() == pytest.approx(-1.0)


def test_label_smoothing_mixes_the_loss_with_that_of_the_swapped_pair():
    policy, reference = random_logps(1), random_logps(2)
    plain = dpo_loss(policy, reference, beta=0.1).losses
    swapped = dpo_loss(
        PairLogps(chosen=policy.rejected, rejected=policy.chosen),
        PairLogps(chosen=reference.rejected, rejected=reference.chosen),
        beta=0.1,
    ).losses
    smoothed = dpo_loss(policy, reference, beta=0.1, label_smoothing=0.2).losses
    assert torch.allclose(smoothed, 0.8 * plain + 0.2 * swapped)


def test_shifting_both_models_by_the_same_amount_changes_nothing():
    policy, reference = random_logps(3), random_logps(4)
    shifted = dpo_loss(
        PairLogps(chosen=policy.chosen + 7, rejected=policy.rejected - 3),
        PairLogps(chosen=reference.chosen + 7, rejected=reference.rejected - 3),
        beta=0.1,
    )
    expected = dpo_loss(policy, reference, beta=0.1).losses
    assert torch.allclose(shifted.losses, expected, atol=1e-5)


def test_rewards_carry_no_gradient():
    result = dpo_loss(random_logps(5), random_logps(6), beta=0.1)
    assert result.losses.requires_grad
    assert not result.chosen_rewards.requires_grad
    assert not result.rejected_rewards.requires_grad


def test_answers_of_different_numbers_of_pairs_are_refused():
    """The hook of the tests checks the shapes in the annotations."""
    with pytest.raises(TypeCheckError):
        PairLogps(chosen=torch.zeros(3), rejected=torch.zeros(4))
