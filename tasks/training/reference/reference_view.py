"""A policy's base, or another of its adapters, as a model of its own."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self, cast

import torch
from peft import PeftModel
from torch.nn import Parameter
from typing_extensions import override

from tasks.sampling.model import LoadedModel
from tasks.training.adapters.lora_model import lora_model
from tasks.training.adapters.switch import in_mode, running_as

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def view_of(policy: LoadedModel, adapter: str | None = None) -> LoadedModel:
    """Return the view of a policy that trains adapters, as a model with its tokenizer."""
    view = ReferenceView(lora_model(policy.model), adapter)
    # it answers to all that is asked of a reference, without being a PreTrainedModel
    return LoadedModel(cast("PreTrainedModel", view), policy.tokenizer, policy.device)


class ReferenceView(torch.nn.Module):
    """Runs a policy without its adapter, or with a frozen one that `adapter` names.

    It holds no weights and shares the policy's: a second model in no memory. Its mode is its own
    (eval at first) and never the policy's, no gradient flows through it, and moving, casting or
    freezing it does nothing. What it does not know itself (config, generation config, head,
    device) it asks the policy for.
    """

    def __init__(self, policy: PeftModel, adapter: str | None = None) -> None:
        super().__init__()
        self.__dict__["_policy"] = policy  # not a submodule, whose mode and weights would be ours
        self.adapter = adapter
        self.training = False

    @override
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the model returns, for the same arguments."""
        policy = self.policy
        mode = in_mode(policy, training=self.training)
        with torch.no_grad(), mode, running_as(policy, self.adapter):
            return policy(*args, **kwargs)

    @override
    def named_parameters(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, Parameter]]:
        """Yield the policy's weights, for their device and kind."""
        yield from self.policy.named_parameters(*args, **kwargs)

    @override
    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Return the view, which never has gradients."""
        return self

    @override
    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        return self  # where and in which precision it is, is the policy's affair

    @property
    def policy(self) -> PeftModel:
        """The policy that it shares its weights with."""
        policy: PeftModel = self.__dict__["_policy"]
        return policy

    def __getattr__(self, name: str) -> Any:
        """Return what the policy has under this name."""
        policy = self.__dict__.get("_policy")
        if policy is None:  # a copy that is being made asks for its own methods first
            raise AttributeError(name)
        return getattr(policy, name)
