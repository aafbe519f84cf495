import math

import pytest
import torch
from datasets import Dataset
from trl.trainer.dpo_config import DPOConfig

from tasks.training.dpo.encode_pairs import encode_pair
from tasks.training.dpo.encoded_dpo_trainer import EncodedDPOTrainer
from tasks.training.dpo.params import DPOLoss, DPOParams
from tasks.training.losses.dpo import PairLengths, PairLogps, ScoredPairs
from tasks.training.losses.pair_losses import PAIR_LOSSES, chosen_nll, pair_loss

SMOOTHED = {"exo_pair", "robust", "aot", "aot_unpaired"}
OF_THE_BATCH = {"aot", "aot_unpaired", "sft"}


class Answers(torch.nn.Module):
    """Stands where the policy stands in TRL's loss and answers with given log-probabilities."""

    def __init__(self, logps):
        super().__init__()
        self.logps = torch.nn.Parameter(logps)

    def forward(self, **_):
        zeros = torch.zeros_like(self.logps)
        output = torch.nn.Module()
        output.log_probs, output.entropy, output.mean_logits = self.logps, zeros, zeros
        output.is_top1 = zeros.bool()
        return output


@pytest.fixture
def trl(tiny_llama, pairs, tmp_path):
    """Return TRL's trainer over pairs of answers of different lengths."""
    params = DPOParams(max_prompt_tokens=16, max_tokens=64)
    rows = [encode_pair(pair, tiny_llama.tokenizer, params) for pair in pairs]
    for index, row in enumerate(rows):
        row["rejected_ids"] = row["rejected_ids"][index:]
    return EncodedDPOTrainer(
        model=tiny_llama.model,
        args=DPOConfig(
            output_dir=str(tmp_path),
            max_length=None,
            precompute_ref_log_probs=True,
            activation_checkpointing=False,
            bf16=False,
            use_cpu=True,
            report_to="none",
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tiny_llama.tokenizer,
    )


@pytest.mark.parametrize("beta", [0.1, 0.5])
@pytest.mark.parametrize("smoothing", [0.01, 0.3])
def test_every_loss_is_trls_on_the_same_log_probabilities(trl, beta, smoothing):
    """TRL's own `_compute_loss` on random per-token log-probabilities, values and gradients."""
    inputs = trl.data_collator([trl.train_dataset[index] for index in range(8)])
    generator = torch.Generator().manual_seed(0)
    mask = inputs["completion_mask"][:, 1:]
    logps = -3 * torch.rand(mask.shape, generator=generator) * mask
    noise = 8 * torch.randn(16, generator=generator)
    chosen_ref, rejected_ref = (logps.sum(dim=1) + noise).chunk(2)
    inputs["ref_chosen_logps"], inputs["ref_rejected_logps"] = chosen_ref, rejected_ref
    lengths = PairLengths(*mask.sum(dim=1).chunk(2))
    assert len(set(lengths.rejected.tolist())) > 4
    trl.beta, trl.label_smoothing = beta, smoothing
    for loss_type in DPOLoss.__args__:
        theirs, ours = Answers(logps.clone()), logps.clone().requires_grad_()
        trl.loss_types = [loss_type]
        expected = trl._compute_loss(theirs, dict(inputs), return_outputs=False)
        expected.backward()
        scored = ScoredPairs(
            policy=PairLogps(*ours.sum(dim=1).chunk(2)),
            reference=PairLogps(chosen=chosen_ref, rejected=rejected_ref),
            lengths=lengths,
        )
        smooth = smoothing if loss_type in SMOOTHED else 0.0
        loss = pair_loss(loss_type, scored, beta=beta, label_smoothing=smooth).losses.mean()
        loss.backward()
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-6), loss_type
        error = ((ours.grad - theirs.logps.grad) * mask).abs().max()  # of the answers' tokens
        assert error <= 1e-5 * theirs.logps.grad.abs().max() + 1e-7, loss_type
        assert theirs.logps.grad.abs().max() > 0, loss_type


def random_pairs(seed, num_pairs=6):
    generator = torch.Generator().manual_seed(seed)
    logps = -30 * torch.rand(4, num_pairs, generator=generator)
    lengths = torch.randint(1, 20, (2, num_pairs), generator=generator)
    return ScoredPairs(
        policy=PairLogps(*logps[:2]),
        reference=PairLogps(*logps[2:]),
        lengths=PairLengths(*lengths),
    )


def test_every_loss_of_the_parameters_has_a_formula():
    assert set(PAIR_LOSSES) == set(DPOLoss.__args__)


@pytest.mark.parametrize(
    ("loss_type", "expected"),
    [
        ("sigmoid", math.log1p(math.exp(-1.5))),  # r+ = 1, r- = -2, h = 3, beta 0.5
        ("hinge", 0.0),
        ("ipo", (1 / 2 + 2 / 4 - 1) ** 2),
        ("sigmoid_norm", math.log1p(math.exp(-0.5))),
        ("bco_pair", math.log1p(math.exp(-0.5)) + math.log1p(math.exp(-1.0))),
        ("sppo_hard", (1 - 1) ** 2 + (-2 + 1) ** 2),
        ("apo_zero", 1 - 1 / (1 + math.exp(-0.5)) + 1 / (1 + math.exp(1.0))),
        ("apo_down", 1 / (1 + math.exp(-0.5)) + 1 - 1 / (1 + math.exp(-1.5))),
        ("sft", 3.0 / 2),
    ],
)
def test_losses_of_a_pair_worked_by_hand(loss_type, expected):
    """The chosen answer has 2 tokens and log-ratio 1, the rejected one 4 tokens and -2."""
    pair = ScoredPairs(
        policy=PairLogps(chosen=torch.tensor([-3.0]), rejected=torch.tensor([-9.0])),
        reference=PairLogps(chosen=torch.tensor([-4.0]), rejected=torch.tensor([-7.0])),
        lengths=PairLengths(chosen=torch.tensor([2]), rejected=torch.tensor([4])),
    )
    result = pair_loss(loss_type, pair, beta=0.5)
    assert result.losses.tolist() == pytest.approx([expected], abs=1e-6)
    assert (result.chosen_rewards.item(), result.rejected_rewards.item()) == (0.5, -1.0)


@pytest.mark.parametrize("loss_type", sorted(set(PAIR_LOSSES) - OF_THE_BATCH))
def test_the_loss_of_a_pair_does_not_depend_on_the_others(loss_type):
    pairs = random_pairs(1)
    whole = pair_loss(loss_type, pairs, beta=0.2, label_smoothing=0.1).losses
    for index in range(6):
        one = slice(index, index + 1)
        alone = ScoredPairs(
            policy=PairLogps(pairs.policy.chosen[one], pairs.policy.rejected[one]),
            reference=PairLogps(pairs.reference.chosen[one], pairs.reference.rejected[one]),
            lengths=PairLengths(pairs.lengths.chosen[one], pairs.lengths.rejected[one]),
        )
        loss = pair_loss(loss_type, alone, beta=0.2, label_smoothing=0.1).losses
        assert loss.item() == pytest.approx(whole[index].item(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("loss_type", sorted(set(PAIR_LOSSES) - {"sft", "ipo", "sigmoid_norm"}))
def test_normalising_by_length_is_dividing_every_log_probability_by_it(loss_type):
    pairs = random_pairs(2)
    divided = ScoredPairs(
        policy=PairLogps(
            pairs.policy.chosen / pairs.lengths.chosen,
            pairs.policy.rejected / pairs.lengths.rejected,
        ),
        reference=PairLogps(
            pairs.reference.chosen / pairs.lengths.chosen,
            pairs.reference.rejected / pairs.lengths.rejected,
        ),
        lengths=pairs.lengths,
    )
    ours = pair_loss(loss_type, pairs, beta=0.7, label_smoothing=0.1, length_normalised=True)
    expected = pair_loss(loss_type, divided, beta=0.7, label_smoothing=0.1)
    assert torch.allclose(ours.losses, expected.losses)
    plain = pair_loss(loss_type, pairs, beta=0.7, label_smoothing=0.1)
    assert torch.equal(ours.chosen_rewards, plain.chosen_rewards)
    assert not torch.allclose(ours.losses, plain.losses)


def test_every_token_has_the_same_weight_in_the_sft_term():
    """Two answers of -2 and -6 nats with 1 and 3 tokens: 8 nats over 4 tokens."""
    zeros = torch.zeros(2)
    pairs = ScoredPairs(
        policy=PairLogps(chosen=torch.tensor([-2.0, -6.0]), rejected=zeros),
        reference=PairLogps(chosen=zeros, rejected=zeros),
        lengths=PairLengths(chosen=torch.tensor([1, 3]), rejected=torch.tensor([1, 1])),
    )
    assert chosen_nll(pairs).item() == 2.0
