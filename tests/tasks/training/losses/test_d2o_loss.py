import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from tasks.training.losses.d2o import DispreferenceLogps, d2o_loss
from tasks.training.losses.dpo import PairLogps, dpo_loss


def random_logps(seed, batch=6, samples=4):
    generator = torch.Generator().manual_seed(seed)
    return DispreferenceLogps(
        anchors=(-40 * torch.rand(batch, samples, generator=generator)).requires_grad_(),
        negative=(-40 * torch.rand(batch, generator=generator)).requires_grad_(),
    )


def all_of(logps):
    return torch.ones(logps.anchors.shape, dtype=torch.bool)


def test_a_row_worked_by_hand():
    """Ratios of the three samples 1, 2, 6: mean 3. Negative ratio -2.

    The argument is 0.1 * 3 - 0.2 * -2 = 0.7; averaged over K twice it would be 0.5.
    """
    policy = DispreferenceLogps(
        anchors=torch.tensor([[-1.0, -2.0, -3.0]]), negative=torch.tensor([-9.0])
    )
    reference = DispreferenceLogps(
        anchors=torch.tensor([[-2.0, -4.0, -9.0]]), negative=torch.tensor([-7.0])
    )
    result = d2o_loss(policy, reference, all_of(policy), alpha=0.2, beta=0.1)
    assert result.positive_term.item() == pytest.approx(0.3)
    assert result.negative_term.item() == pytest.approx(-0.4)
    assert result.margins.item() == pytest.approx(0.7)
    assert result.losses.item() == pytest.approx(math.log1p(math.exp(-0.7)), rel=1e-6)
    assert result.forward_kl.item() == pytest.approx(-3.0)


@pytest.mark.parametrize("beta", [0.05, 0.1, 1.0])
def test_with_one_sample_and_equal_weights_it_is_dpo(beta):
    policy, reference = random_logps(0, samples=1), random_logps(1, samples=1)
    d2o = d2o_loss(policy, reference, all_of(policy), alpha=beta, beta=beta)
    dpo = dpo_loss(
        PairLogps(chosen=policy.anchors[:, 0], rejected=policy.negative),
        PairLogps(chosen=reference.anchors[:, 0], rejected=reference.negative),
        beta=beta,
    )
    assert torch.allclose(d2o.losses, dpo.losses, atol=1e-6)
    assert torch.allclose(d2o.positive_term, dpo.chosen_rewards, atol=1e-6)
    assert torch.allclose(d2o.negative_term, dpo.rejected_rewards, atol=1e-6)


def test_equal_models_have_loss_ln_2_and_a_gradient_shared_by_the_samples():
    """By a sample: -sigmoid(0) * beta / K = -0.5 * 0.2 / 4; by the negative: alpha / 2."""
    policy = random_logps(2)
    reference = DispreferenceLogps(policy.anchors.detach(), policy.negative.detach())
    losses = d2o_loss(policy, reference, all_of(policy), alpha=0.1, beta=0.2).losses
    assert losses.tolist() == pytest.approx([math.log(2)] * 6)
    losses.sum().backward()
    assert policy.anchors.grad.flatten().tolist() == pytest.approx([-0.025] * 24)
    assert policy.negative.grad.tolist() == pytest.approx([0.05] * 6)


@given(st.permutations(range(4)))
def test_the_order_of_the_samples_does_not_matter(order):
    policy, reference = random_logps(3), random_logps(4)
    shuffled = [
        DispreferenceLogps(logps.anchors[:, list(order)], logps.negative)
        for logps in (policy, reference)
    ]
    expected = d2o_loss(policy, reference, all_of(policy), alpha=0.1, beta=0.1).losses
    got = d2o_loss(*shuffled, all_of(policy), alpha=0.1, beta=0.1).losses
    assert torch.allclose(got, expected, atol=1e-6)


def test_repeating_every_sample_changes_nothing():
    """A mean over K does not know how often each sample is counted; a sum would."""
    policy, reference = random_logps(5), random_logps(6)
    twice = [
        DispreferenceLogps(logps.anchors.repeat(1, 2), logps.negative)
        for logps in (policy, reference)
    ]
    expected = d2o_loss(policy, reference, all_of(policy), alpha=0.1, beta=0.1).losses
    got = d2o_loss(*twice, all_of(twice[0]), alpha=0.1, beta=0.1).losses
    assert torch.allclose(got, expected, atol=1e-6)


def test_columns_without_a_sample_do_not_count():
    policy, reference = random_logps(7), random_logps(8)
    mask = all_of(policy)
    mask[:, 2:] = False
    few = [
        DispreferenceLogps(logps.anchors[:, :2], logps.negative) for logps in (policy, reference)
    ]
    expected = d2o_loss(*few, all_of(few[0]), alpha=0.1, beta=0.1)
    got = d2o_loss(policy, reference, mask, alpha=0.1, beta=0.1)
    assert torch.allclose(got.losses, expected.losses)
    got.losses.sum().backward()
    assert torch.all(policy.anchors.grad[:, 2:] == 0)


def test_without_samples_only_the_negative_is_pushed_away():
    """The argument is -alpha times the negative's log-ratio: -0.5 * (-3 - -1) = 1."""
    policy = DispreferenceLogps(anchors=torch.zeros(1, 0), negative=torch.tensor([-3.0]))
    reference = DispreferenceLogps(anchors=torch.zeros(1, 0), negative=torch.tensor([-1.0]))
    result = d2o_loss(policy, reference, torch.zeros(1, 0, dtype=torch.bool), alpha=0.5, beta=0.1)
    assert result.losses.item() == pytest.approx(math.log1p(math.exp(-1)), rel=1e-6)


def test_beyond_the_cutoff_there_is_a_loss_and_no_gradient():
    """Margins are 0.1 * ratio: 1.0 for the first row, 3.0 for the second; the cutoff is 2."""
    policy = DispreferenceLogps(
        anchors=torch.tensor([[10.0], [30.0]], requires_grad=True), negative=torch.zeros(2)
    )
    reference = DispreferenceLogps(anchors=torch.zeros(2, 1), negative=torch.zeros(2))
    mask = torch.ones(2, 1, dtype=torch.bool)
    result = d2o_loss(policy, reference, mask, alpha=0.1, beta=0.1, margin_cutoff=2.0)
    free = d2o_loss(policy, reference, mask, alpha=0.1, beta=0.1)
    assert torch.equal(result.losses, free.losses)
    result.losses.sum().backward()
    assert policy.anchors.grad[0, 0] < 0
    assert policy.anchors.grad[1, 0] == 0


def test_samples_and_negatives_of_different_batches_are_refused():
    """The hook of the tests checks the shapes in the annotations."""
    with pytest.raises(TypeCheckError):
        DispreferenceLogps(anchors=torch.zeros(3, 2), negative=torch.zeros(4))
