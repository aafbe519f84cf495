"""One token from each row of logits, by the inverse of the cumulative distribution."""

import hashlib

import torch
from jaxtyping import Float, Int
from torch import Tensor


def uniforms(seed: int, prompt_id: str, sample_index: int, count: int) -> Float[Tensor, " count"]:
    """Return the `count` numbers in [0, 1) that one completion is drawn with.

    They depend on nothing but the seed, the prompt and the index of the sample, so a completion
    stays the same whatever else is in its batch.
    """
    key = f"{seed}:{prompt_id}:{sample_index}".encode()
    generator = torch.Generator().manual_seed(
        int.from_bytes(hashlib.sha256(key).digest()[:8], "big")
    )
    return torch.rand(count, generator=generator, dtype=torch.float64)


def draw(
    logits: Float[Tensor, "batch vocab"],
    uniform: Float[Tensor, " batch"],
    *,
    temperature: float,
    top_p: float,
) -> Int[Tensor, " batch"]:
    """Return the first token whose cumulative probability exceeds `uniform`.

    Uniform numbers give tokens with the probabilities softmax(logits / temperature), cut to the
    nucleus of `top_p`. Temperature 0 takes the most likely token, the first of equals. A token of
    probability 0 is never drawn.
    """
    if temperature == 0:
        return logits.argmax(dim=-1)
    probabilities = (logits.float() / temperature).softmax(dim=-1)
    if top_p < 1:
        probabilities = _nucleus(probabilities, top_p)
    # mps has no float64; elsewhere it keeps 50,000 small terms from drifting
    dtype = torch.float32 if logits.device.type == "mps" else torch.float64
    cumulative = probabilities.cumsum(dim=-1, dtype=dtype)
    threshold = uniform.to(cumulative).unsqueeze(-1) * cumulative[:, -1:]
    index = torch.searchsorted(cumulative, threshold, right=True).squeeze(-1)
    return index.clamp(max=logits.shape[-1] - 1)


def _nucleus(
    probabilities: Float[Tensor, "batch vocab"], top_p: float
) -> Float[Tensor, "batch vocab"]:
    """Return `probabilities` with 0 outside the smallest set that reaches `top_p`, unnormalised.

    Holtzman et al., arXiv 1904.09751.
    """
    ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(dim=-1) - ordered
    return torch.zeros_like(probabilities).scatter(
        -1, order, ordered.masked_fill(before >= top_p, 0.0)
    )
