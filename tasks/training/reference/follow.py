"""References that move towards the policy."""

from collections.abc import Mapping

import torch
from peft import PeftModel
from torch import Tensor

from storage.input_error import InputError
from tasks.sampling.model import LoadedModel
from tasks.training.adapters.lora_model import (
    POLICY_ADAPTER,
    adapter_config,
    adapter_tensors,
    is_lora,
    lora_model,
)
from tasks.training.adapters.merged_weights import is_full_precision, merged_state
from tasks.training.adapters.named_adapter import add_adapter, set_adapter_tensors
from tasks.training.reference.reference_view import ReferenceView

FOLLOWING = "reference"
"""Name of the adapter of a reference that was the policy's base until it first moved."""


def follow(reference: LoadedModel, policy: LoadedModel, *, decay: float) -> None:
    """Move the reference: it becomes decay * reference + (1 - decay) * policy, weight by weight.

    Decay 0 is a hard copy, as in TR-DPO's hard update (Gorbatovski et al., arXiv 2404.09656, eq. 7); a
    decay near 1 is its soft update (eq. 6, with alpha = 1 - decay). A reference that is the policy
    without its adapter gets, the first time, an adapter of its own whose B is 0, and follows with that.
    Deviation for adapters: averaged are the two factors and not their product. The first time that is
    the same, because both have the policy's A.

    Raises:
        ValueError: the decay is not in [0, 1], or the reference is a view of another policy.
        InputError: the reference's adapter has other layers, rank or scaling than the policy's, or
            the reference is a model of its own and the policy's base has no float32 weights.
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"a decay is a share in [0, 1], not {decay}")
    model: torch.nn.Module = reference.model
    if isinstance(model, ReferenceView):
        _follow_adapter(model, policy, decay)
        return
    own = _weights(model)
    theirs = _state_of(policy)
    missing = sorted(own.keys() - theirs.keys())
    if missing:
        raise ValueError(
            f"the policy has no {missing[0]!r}, which the reference has; only a model of the "
            "policy's kind can follow it"
        )
    _mix(own, theirs, decay)


def reference_state(reference: LoadedModel) -> dict[str, Tensor]:
    """Return copies in main memory of the weights that `follow` changes.

    Empty for a reference that is the policy's base and has never moved.
    """
    model: torch.nn.Module = reference.model
    if isinstance(model, ReferenceView):
        if model.adapter is None:
            return {}
        tensors = adapter_tensors(model.policy, model.adapter)
    else:
        tensors = _weights(model)
    return {name: value.detach().to("cpu", copy=True) for name, value in tensors.items()}


def restore_reference(reference: LoadedModel, state: Mapping[str, Tensor]) -> None:
    """Give a reference the weights that `reference_state` returned.

    Raises:
        ValueError: they are those of another model.
    """
    model: torch.nn.Module = reference.model
    if not isinstance(model, ReferenceView):
        own = _weights(model)
        if own.keys() != state.keys():
            raise ValueError(f"the state has {len(state)} weights and the reference {len(own)}")
        _mix(own, state, 0.0)
    elif not state:
        model.adapter = None
    elif model.adapter is None:
        config = adapter_config(model.policy, POLICY_ADAPTER)
        add_adapter(model.policy, FOLLOWING, config, state)
        model.adapter = FOLLOWING
    else:
        set_adapter_tensors(model.policy, model.adapter, state)


def _follow_adapter(view: ReferenceView, policy: LoadedModel, decay: float) -> None:
    model = lora_model(policy.model)
    if view.policy is not model:
        raise ValueError("the reference is a view of another policy than the one it should follow")
    learned = adapter_tensors(model, POLICY_ADAPTER)
    if view.adapter is None:
        still = {
            name: torch.zeros_like(value) if "lora_B" in name else value
            for name, value in learned.items()
        }
        add_adapter(model, FOLLOWING, adapter_config(model, POLICY_ADAPTER), still)
        view.adapter = FOLLOWING
    own = adapter_tensors(model, view.adapter)
    _check_alike(model, view.adapter, own, learned)
    _mix(own, learned, decay)


def _check_alike(
    model: PeftModel, adapter: str, own: dict[str, Tensor], learned: dict[str, Tensor]
) -> None:
    ours, theirs = (adapter_config(model, name) for name in (POLICY_ADAPTER, adapter))
    shapes, wanted = ({k: v.shape for k, v in of.items()} for of in (own, learned))
    scaling = (ours.r, ours.lora_alpha), (theirs.r, theirs.lora_alpha)
    if shapes != wanted or scaling[0] != scaling[1]:
        raise InputError(
            f"the reference's adapter (rank {theirs.r}, alpha {theirs.lora_alpha}, {len(own)} "
            f"weights) cannot follow the policy's (rank {ours.r}, alpha {ours.lora_alpha}, "
            f"{len(learned)} weights); train the policy with the reference's lora_rank, lora_alpha "
            "and lora_modules, or switch the reference updates off"
        )


def _state_of(policy: LoadedModel) -> dict[str, Tensor]:
    """Return a policy's weights, its adapter merged in."""
    model: torch.nn.Module = policy.model
    if not is_lora(model):
        return dict(model.state_dict())
    if not is_full_precision(model):
        raise InputError(
            "a reference that is a model of its own cannot follow a policy whose frozen weights are "
            "not float32; give no self_reference and negative_reference, so that the reference is "
            "the policy's base, or switch the reference updates off"
        )
    return merged_state(model, model.state_dict())


def _weights(model: torch.nn.Module) -> dict[str, Tensor]:
    """Return a model's state, not copied, with weights that are tied under one name only."""
    unique: dict[int, tuple[str, Tensor]] = {}
    for name, value in model.state_dict(keep_vars=True).items():
        unique.setdefault(id(value), (name, value.detach()))
    return dict(unique.values())


def _mix(own: Mapping[str, Tensor], other: Mapping[str, Tensor], decay: float) -> None:
    """Move `own` in place; what counts, such as a buffer of integers, is copied."""
    with torch.no_grad():
        for name, value in own.items():
            if decay == 0 or not value.is_floating_point():
                value.copy_(other[name])
            else:
                value.mul_(decay).add_(other[name].to(value), alpha=1 - decay)
