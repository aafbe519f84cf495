"""Policies with adapters, as they are when they have learned something."""

import pytest
import torch

from tasks.sampling.model import LoadedModel
from tasks.training.params import TrainingParams
from tasks.training.run.load_for_training import load_for_training
from tests.tasks.conftest import ARCHITECTURES, write_tiny_policy

LORA = TrainingParams(lora_rank=4, bf16="no", device="cpu")
IDS = torch.arange(5, 45).view(2, 20)


def learned(policy: LoadedModel, *, seed: int = 0) -> LoadedModel:
    """Return the policy after its adapter learned something random: B is no longer 0."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in policy.model.named_parameters():
        if "lora_B.default" in name:
            parameter.data.normal_(std=0.1, generator=generator)
    return policy


def logits(model: torch.nn.Module) -> torch.Tensor:
    """Return the logits of a few tokens, without dropout."""
    training = model.training
    with torch.no_grad():
        found = model.eval()(input_ids=IDS).logits
    model.train(training)
    return found


@pytest.fixture(scope="session")
def starts(tmp_path_factory):
    """Return the directories of a random policy of each architecture by its name."""
    directory = tmp_path_factory.mktemp("starts")
    return {name: write_tiny_policy(name, directory / name) for name in ARCHITECTURES}


@pytest.fixture(params=ARCHITECTURES)
def start(request, starts):
    """Return the directory of a random policy, of each architecture in turn."""
    return starts[request.param]


@pytest.fixture
def policy(start):
    """Return a policy with an adapter that has learned something."""
    return learned(load_for_training(start, LORA))


@pytest.fixture
def llama(starts):
    """Return a Llama-type policy with an adapter that has learned something."""
    return learned(load_for_training(starts["llama"], LORA))
