import pytest
import torch
from scipy.stats import chisquare

from tasks.sampling.draw import draw, uniforms

LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0, -2.0, 0.5])


def counts_of(temperature, top_p, number=20_000):
    numbers = uniforms(5, "prompt", 0, number)
    tokens = draw(LOGITS.expand(number, -1), numbers, temperature=temperature, top_p=top_p)
    return torch.bincount(tokens, minlength=len(LOGITS)).tolist()


@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_tokens_come_with_their_softmax_probabilities(temperature):
    """Chi-square against softmax(logits / temperature); the seed is fixed, so p is too."""
    observed = counts_of(temperature, 1.0)
    expected = (LOGITS.double() / temperature).softmax(0) * 20_000
    assert chisquare(observed, expected.tolist()).pvalue > 0.01


def test_top_p_keeps_the_smallest_set_that_reaches_it():
    """Softmax is about .57 .21 .077 .028 .010 .127 here, so 0.8 needs tokens 0, 1 and 5."""
    observed = counts_of(1.0, 0.8)
    kept = LOGITS[[0, 1, 5]].double().softmax(0) * 20_000
    assert [observed[2], observed[3], observed[4]] == [0, 0, 0]
    assert chisquare([observed[0], observed[1], observed[5]], kept.tolist()).pvalue > 0.01


def test_a_tiny_top_p_is_greedy():
    assert counts_of(1.0, 1e-6)[0] == 20_000


def test_temperature_zero_takes_the_first_of_the_most_likely():
    logits = torch.tensor([[0.0, 3.0, 3.0], [1.0, 0.0, 0.0]])
    tokens = draw(logits, torch.tensor([0.99, 0.99]), temperature=0, top_p=1.0)
    assert tokens.tolist() == [1, 0]


@pytest.mark.parametrize("uniform", [0.0, 0.25, 0.5, 0.999999999])
def test_a_token_of_probability_zero_is_never_drawn(uniform):
    logits = torch.tensor([[float("-inf"), 0.0, float("-inf"), 0.0, float("-inf")]])
    number = torch.tensor([uniform], dtype=torch.float64)
    [token] = draw(logits, number, temperature=1.0, top_p=1.0).tolist()
    assert token == (1 if uniform < 0.5 else 3)


def test_uniform_numbers_depend_on_seed_prompt_and_sample_only():
    first = uniforms(1, "a", 0, 8)
    assert torch.equal(first, uniforms(1, "a", 0, 8))
    assert torch.equal(first[:3], uniforms(1, "a", 0, 3))
    for other in (uniforms(2, "a", 0, 8), uniforms(1, "b", 0, 8), uniforms(1, "a", 1, 8)):
        assert not torch.equal(first, other)
