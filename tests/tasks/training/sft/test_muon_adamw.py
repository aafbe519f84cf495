import copy

import pytest
import torch

from tasks.training.sft.muon_adamw import MuonAdamW, is_hidden_matrix


def optimizer_of(model):
    return MuonAdamW(model, muon_learning_rate=0.02, adamw_learning_rate=0.01, weight_decay=0.0)


def test_every_parameter_is_in_one_group(tiny_policy):
    groups = optimizer_of(tiny_policy.model).param_groups
    ids = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(ids) == sorted(id(parameter) for parameter in tiny_policy.model.parameters())


def test_embeddings_head_and_vectors_are_not_hidden_matrices(tiny_policy):
    for name, parameter in tiny_policy.model.named_parameters():
        expected = parameter.ndim == 2 and any(part in name for part in ("attn", "mlp"))
        assert is_hidden_matrix(name, parameter) == expected, name


def test_a_schedule_scales_both_learning_rates(tiny_llama):
    optimizer = optimizer_of(tiny_llama.model)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    optimizer.step()
    schedule.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.01, 0.005]


def test_a_restored_optimizer_goes_on_as_the_first(tiny_checkpoint):
    from tasks.sampling.model import load_model

    def step(loaded, optimizer):
        loaded.model(input_ids=torch.tensor([[0, 5, 6, 7]])).logits.square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    first, second = load_model(tiny_checkpoint), load_model(tiny_checkpoint)
    optimizer = optimizer_of(first.model)
    step(first, optimizer)
    second.model.load_state_dict(first.model.state_dict())
    restored = optimizer_of(second.model)
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    step(first, optimizer)
    step(second, restored)
    for one, other in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_closure_is_refused(tiny_llama):
    with pytest.raises(ValueError, match="no closure"):
        optimizer_of(tiny_llama.model).step(lambda: 0.0)
