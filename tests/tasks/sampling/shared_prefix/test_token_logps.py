import pytest
import torch
from torch.nn.functional import log_softmax

from tasks.sampling.shared_prefix import token_logps as module
from tasks.sampling.shared_prefix.token_logps import token_logps


def full(hidden, head, targets):
    """Return the same by torch's log_softmax over all logits."""
    return log_softmax(head(hidden).float(), dim=-1).gather(-1, targets[:, None])[:, 0]


class Scaled(torch.nn.Linear):
    """A head of a kind of its own, as an adapter's would be."""

    def forward(self, hidden):
        return 2 * super().forward(hidden)


def saved_bytes(call):
    """Return the bytes that a forward keeps for its backward, each storage once."""
    sizes = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = call()
    assert result.requires_grad
    return sum(sizes.values())


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kind", [torch.nn.Linear, Scaled])
@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_values_and_gradients_are_those_of_log_softmax(monkeypatch, kind, bias, chunk):
    monkeypatch.setattr(module, "CHUNK_LOGITS", 13 * chunk)
    torch.manual_seed(0)
    head = kind(5, 13, bias=bias)
    targets = torch.randint(13, (10,))
    weights = torch.randn(10)
    results = []
    for function in (token_logps, full):
        hidden = torch.randn(10, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
        head.zero_grad()
        logps = function(hidden, head, targets)
        (logps * weights).sum().backward()
        results.append((logps, hidden.grad, *(p.grad.clone() for p in head.parameters())))
    for ours, theirs in zip(*results, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_the_gradient_is_the_slope(monkeypatch):
    """Finite differences in float32's reach: a step of 1e-2 in one direction."""
    monkeypatch.setattr(module, "CHUNK_LOGITS", 14)
    torch.manual_seed(0)
    head = torch.nn.Linear(3, 7)
    targets = torch.randint(7, (5,))
    hidden, direction = torch.randn(2, 5, 3)
    hidden.requires_grad_()
    token_logps(hidden, head, targets).sum().backward()
    with torch.no_grad():
        ahead, behind = (
            token_logps(hidden + step * direction, head, targets).double().sum()
            for step in (1e-2, -1e-2)
        )
    slope = (hidden.grad * direction).sum().item()
    assert slope == pytest.approx((ahead - behind).item() / 2e-2, rel=1e-3)


def test_autocast_multiplies_in_its_precision():
    torch.manual_seed(0)
    head, hidden, targets = torch.nn.Linear(64, 50), torch.randn(20, 64), torch.randint(50, (20,))
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = token_logps(hidden, head, targets), full(hidden, head, targets)
    assert ours.dtype == torch.float32
    assert torch.allclose(ours, theirs, atol=1e-2)
    assert not torch.allclose(ours, full(hidden, head, targets), atol=1e-5)
    ours.sum().backward()
    assert head.weight.grad.dtype == torch.float32


def test_a_frozen_head_gets_no_gradient_and_passes_one_on():
    head = torch.nn.Linear(4, 9).requires_grad_(False)
    hidden = torch.randn(3, 4, requires_grad=True)
    token_logps(hidden, head, torch.tensor([1, 2, 3])).sum().backward()
    assert head.weight.grad is None
    assert hidden.grad.abs().sum() > 0


def test_what_is_kept_is_less_than_a_tenth_of_the_logits_at_a_vocabulary_of_50257():
    """512 tokens: 98 MiB of logits, held twice by log_softmax's graph, against 32 MiB in a chunk."""
    head, targets = torch.nn.Linear(64, 50257, bias=False), torch.arange(512)
    hidden = torch.randn(512, 64, requires_grad=True)
    weights = head.weight.numel() * 4  # a parameter is there anyway
    logits = 512 * 50257 * 4
    theirs = saved_bytes(lambda: full(hidden, head, targets)) - weights
    ours = saved_bytes(lambda: token_logps(hidden, head, targets)) - weights
    assert theirs >= logits
    assert ours < logits / 10
    assert module.CHUNK_LOGITS * 4 == 32 * 2**20
