import pytest
import torch

from tasks.sampling.model import load_model
from tasks.training.adapters.trainable_state import restore_trainable, trainable_state
from tasks.training.reference.follow import follow
from tasks.training.reference.load_reference import load_reference
from tests.tasks.training.adapters.conftest import learned, logits


def test_with_adapters_only_they_are_copied(llama):
    state = trainable_state(llama.model)
    assert len(state) == 28
    assert all("lora_" in name for name in state)
    whole = sum(value.nbytes for value in llama.model.state_dict().values())
    assert sum(value.nbytes for value in state.values()) < whole / 4


def test_restoring_returns_the_policy_that_was(llama):
    before, state = logits(llama.model), trainable_state(llama.model)
    learned(llama, seed=1)
    assert not torch.equal(logits(llama.model), before)
    restore_trainable(llama.model, state)
    assert torch.equal(logits(llama.model), before)


def test_of_a_full_model_it_is_every_parameter_once(start):
    model = load_model(start).model
    state = trainable_state(model)
    assert state.keys() == dict(model.named_parameters()).keys()
    before = logits(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.5)
    assert not torch.equal(logits(model), before)
    restore_trainable(model, state)
    assert torch.equal(logits(model), before)


def test_a_frozen_adapter_of_the_reference_is_no_part_of_it(llama, starts):
    before = trainable_state(llama.model).keys()
    follow(load_reference(starts["llama"], llama), llama, decay=0.5)
    assert trainable_state(llama.model).keys() == before


def test_a_wrapped_policy_has_the_names_of_its_inside(llama):
    wrapper = torch.nn.Module()
    wrapper.module = llama.model
    assert trainable_state(wrapper).keys() == trainable_state(llama.model).keys()


def test_the_state_of_another_model_is_refused(llama, starts):
    state = trainable_state(load_model(starts["llama"]).model)
    with pytest.raises(ValueError, match="in the model or in its saved state only, such as"):
        restore_trainable(llama.model, state)
