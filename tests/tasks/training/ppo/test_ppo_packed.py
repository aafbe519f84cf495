"""Answers behind one copy of their prompt give what padded rows give."""

from dataclasses import replace

import pytest
import torch

from tasks.sampling.encoding import Encoded
from tasks.training.ppo.answer_reader import answer_reader
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.train_ppo import train_ppo
from tasks.training.ppo.value_head import ValueHead
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.run_files import RunFiles
from tests.tasks.training.ppo.ppo_runs import LIKES_E, PARAMS, PROMPTS, changed, values

# prompts of several lengths, answers of several lengths, one prompt with a single answer
ROWS = [
    Encoded(prompt_ids=(5, 6, 7), completion_ids=(8, 9)),
    Encoded(prompt_ids=(5, 6, 7), completion_ids=(10, 11, 12, 13)),
    Encoded(prompt_ids=(5, 6, 7), completion_ids=(8,)),
    Encoded(prompt_ids=(20,), completion_ids=(21, 22, 23)),
    Encoded(prompt_ids=(30, 31), completion_ids=(32, 33)),
    Encoded(prompt_ids=(30, 31), completion_ids=(34, 35, 36)),
]


def readers(loaded):
    packed = answer_reader(loaded, loaded, PARAMS)
    assert packed.path is not None
    return packed, replace(packed, path=None)


def head_of(width):
    head = ValueHead(width)
    torch.nn.init.normal_(head.linear.weight, generator=torch.Generator().manual_seed(0))
    return head


def learned(reader, loaded, head):
    """Return the scores of the rows, and the gradients of a loss over all of them."""
    loaded.model.zero_grad()
    head.zero_grad()
    scores = reader.scores(loaded.model, head, reader.batch(ROWS))
    (scores.logps.square().sum() + scores.values.square().sum()).backward()
    weights = [*loaded.model.parameters(), *head.parameters()]
    return scores, [w.grad.clone() for w in weights if w.grad is not None]


def test_packed_answers_have_the_scores_and_gradients_of_padded_rows(tiny_policy):
    head = head_of(16)
    packed, padded = (learned(reader, tiny_policy, head) for reader in readers(tiny_policy))
    assert torch.allclose(packed[0].logps, padded[0].logps, atol=1e-4)
    assert torch.allclose(packed[0].values, padded[0].values, atol=1e-4)
    assert packed[0].entropy.item() == pytest.approx(padded[0].entropy.item(), abs=1e-4)
    assert len(packed[1]) == len(padded[1])
    for mine, theirs in zip(packed[1], padded[1], strict=True):
        assert (mine - theirs).norm() <= 1e-3 * theirs.norm() + 1e-5


def test_packed_answers_have_them_with_adapters_too(tiny_checkpoint):
    params = PARAMS.model_copy(update={"lora_rank": 2})
    loaded = load_for_training(tiny_checkpoint, params)
    loaded.model.eval()
    packed, padded = (learned(reader, loaded, head_of(16)) for reader in readers(loaded))
    assert torch.allclose(packed[0].logps, padded[0].logps, atol=1e-4)
    assert torch.allclose(packed[0].values, padded[0].values, atol=1e-4)
    assert len(packed[1]) == len(padded[1])
    for mine, theirs in zip(packed[1], padded[1], strict=True):
        assert (mine - theirs).norm() <= 1e-3 * theirs.norm() + 1e-5


def test_reference_log_probabilities_are_those_of_the_policy_that_it_is(tiny_policy):
    for reader in readers(tiny_policy):
        batch = reader.batch(ROWS)
        scores = reader.scores(tiny_policy.model, head_of(16), batch)
        assert torch.equal(reader.logps(tiny_policy.model, batch), scores.logps)


def test_a_shared_prompt_passes_through_the_model_once(tiny_llama):
    """Prompts of 3, 1 and 2 tokens; 15 answer tokens, each with one input of its own."""
    packed, padded = readers(tiny_llama)
    assert packed.batch(ROWS).num_tokens == (2 + 0 + 1) + 15
    assert padded.batch(ROWS).num_tokens == 3 * 3 + 1 + 2 * 2 + 15


@pytest.mark.parametrize(
    "params",
    [PPOParams(temperature=0.7, device="cpu"), PPOParams(entropy_coefficient=0.01, device="cpu")],
    ids=["temperature", "entropy"],
)
def test_what_packed_rows_cannot_give_is_read_row_by_row(tiny_llama, params):
    assert answer_reader(tiny_llama, tiny_llama, params).path is None


def test_a_model_that_cannot_read_packed_rows_is_trained_on_padded_ones(tiny_llama):
    tiny_llama.model.config.sliding_window = 4  # below the longest answer with its prompt
    reader = answer_reader(tiny_llama, tiny_llama, PARAMS)
    assert reader.path is None
    batch = reader.batch(ROWS)
    assert reader.scores(tiny_llama.model, head_of(16), batch).logps.shape == (6, 4)


def test_a_run_at_another_temperature_learns_and_starts_at_ratio_1(tiny_checkpoint, tmp_path):
    params = changed(epochs=1, batch_size=16, temperature=0.7, entropy_coefficient=0.01)
    files = RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    result = train_ppo(PROMPTS, LIKES_E, params, files)
    assert values(result, "val/ratio") == [1.0, 1.0]
    assert values(result, "kl")[-1] > 0
