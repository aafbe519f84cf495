import math

import pytest
import torch
from scipy.stats import entropy

from tasks.sampling.encoding import Encoded
from tasks.sampling.logps import collate, per_token_logps, sequence_kls, sequence_logps
from tasks.sampling.model import load_model

ROWS = [
    Encoded(prompt_ids=(0, 40, 41, 42, 43), completion_ids=(50, 51, 1)),
    Encoded(prompt_ids=(0, 60), completion_ids=(70, 71, 72, 73, 74, 1)),
    Encoded(prompt_ids=(0,), completion_ids=(1,)),
    Encoded(prompt_ids=(0, 9, 9, 9), completion_ids=(9, 9)),
]


def recount(model, row):
    """Return the log-probability of every completion token, each from a forward of its own."""
    logps = []
    for position, token in enumerate(row.completion_ids):
        context = torch.tensor([row.prompt_ids + row.completion_ids[:position]])
        with torch.no_grad():
            logits = model(input_ids=context).logits[0, -1].double()
        logps.append(float(logits[token] - logits.logsumexp(0)))
    return logps


def test_logps_are_those_of_one_token_at_a_time(tiny_policy):
    batch = collate(ROWS, pad_token_id=2)
    with torch.no_grad():
        logps = per_token_logps(tiny_policy.model, batch)
    for row, got in zip(ROWS, logps.tolist(), strict=True):
        length = len(row.completion_ids)
        assert got[:length] == pytest.approx(recount(tiny_policy.model, row), abs=1e-4)
        assert got[length:] == [0.0] * (len(got) - length)


def test_sequence_logps_are_sums_in_the_order_of_the_rows(tiny_policy):
    expected = [sum(recount(tiny_policy.model, row)) for row in ROWS]
    for batch_size in (1, 3, 100):
        got = sequence_logps(tiny_policy, ROWS, batch_size=batch_size)
        assert got == pytest.approx(expected, abs=1e-4)


def test_probabilities_of_all_next_tokens_sum_to_one(tiny_llama):
    """A completion of one token: its probabilities over the vocabulary are a distribution."""
    size = tiny_llama.model.config.vocab_size
    rows = [Encoded(prompt_ids=(0, 50), completion_ids=(token,)) for token in range(size)]
    total = sum(math.exp(logp) for logp in sequence_logps(tiny_llama, rows, batch_size=128))
    assert total == pytest.approx(1.0, abs=1e-5)


def test_what_pads_a_row_does_not_matter(tiny_llama):
    first = sequence_logps(tiny_llama, ROWS)
    tiny_llama.tokenizer.pad_token = tiny_llama.tokenizer.eos_token
    assert sequence_logps(tiny_llama, ROWS) == pytest.approx(first, abs=1e-5)


def test_gradients_flow_through_per_token_logps_and_not_through_sequence_logps(tiny_llama):
    assert per_token_logps(tiny_llama.model, collate(ROWS, pad_token_id=2)).requires_grad
    sequence_logps(tiny_llama, ROWS)
    assert all(parameter.grad is None for parameter in tiny_llama.model.parameters())


def test_no_rows_give_no_logps(tiny_llama):
    assert sequence_logps(tiny_llama, []) == []


def test_a_row_without_completion_tokens_is_refused():
    with pytest.raises(ValueError, match="drop empty ones"):
        collate([Encoded(prompt_ids=(0,), completion_ids=())], pad_token_id=2)


def test_a_policy_has_no_divergence_from_itself(tiny_policy):
    kls = sequence_kls(tiny_policy, tiny_policy, ROWS)
    assert [(kl.sampled, kl.exact) for kl in kls] == [(0.0, 0.0)] * len(ROWS)


def test_exact_kl_is_scipys_relative_entropy(tiny_checkpoint, other_checkpoint):
    """For one token the sum is the KL of two categorical distributions."""
    policy, reference = load_model(tiny_checkpoint), load_model(other_checkpoint)
    prompt = (0, 50, 60)
    with torch.no_grad():
        p, q = (
            loaded.model(input_ids=torch.tensor([prompt])).logits[0, -1].double().softmax(0)
            for loaded in (policy, reference)
        )
    row = Encoded(prompt_ids=prompt, completion_ids=(70,))
    [kl] = sequence_kls(policy, reference, [row])
    assert kl.exact == pytest.approx(entropy(p, q), rel=1e-4)
    assert kl.sampled == pytest.approx(math.log(p[70] / q[70]), abs=1e-4)


def test_sampled_kl_of_single_completions_is_not_clamped(tiny_checkpoint, other_checkpoint):
    """Averaged with the policy's probabilities it is the exact KL, so some are below 0."""
    policy, reference = load_model(tiny_checkpoint), load_model(other_checkpoint)
    size = policy.model.config.vocab_size
    rows = [Encoded(prompt_ids=(0, 50), completion_ids=(token,)) for token in range(size)]
    kls = sequence_kls(policy, reference, rows, batch_size=128)
    weights = [math.exp(logp) for logp in sequence_logps(policy, rows, batch_size=128)]
    mean = sum(weight * kl.sampled for weight, kl in zip(weights, kls, strict=True))
    assert mean == pytest.approx(kls[0].exact, rel=1e-4)
    assert min(kl.sampled for kl in kls) < 0


def test_a_kl_between_different_vocabularies_is_refused(tiny_llama):
    from transformers import LlamaConfig, LlamaForCausalLM

    from tasks.sampling.model import LoadedModel

    config = LlamaConfig(
        vocab_size=90,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
    )
    other = LoadedModel(LlamaForCausalLM(config), tiny_llama.tokenizer, tiny_llama.device)
    with pytest.raises(ValueError, match="same tokenizer"):
        sequence_kls(tiny_llama, other, ROWS[:1])
