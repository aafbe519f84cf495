"""The references of a loss that holds one model to two, loaded."""

from pathlib import Path

from peft import PeftModel
from safetensors import SafetensorError

from storage.input_error import InputError
from tasks.sampling.model import LoadedModel, load_model
from tasks.training.adapters.adapter_directory import AdapterDirectory
from tasks.training.adapters.lora_model import base_of, is_lora
from tasks.training.adapters.named_adapter import add_adapter
from tasks.training.reference.load_reference import load_reference, reference_dtype
from tasks.training.reference.reference_view import view_of
from tasks.training.reference.references import References


def load_references(
    start: Path,
    policy: LoadedModel,
    self_reference: Path | None,
    negative_reference: Path | None,
) -> References:
    """Return the frozen references; None stands for `start`, where `policy` started.

    Where both are the same checkpoint they are one object. A checkpoint that was trained with
    adapters on the policy's own base becomes a frozen adapter on that base if the policy has
    adapters too; any other is a model of its own.

    Raises:
        InputError: a checkpoint cannot be loaded or knows another number of tokens.
    """
    paths = (self_reference or start, negative_reference or start)
    names = ("self_reference", "negative_reference")
    first = _load(paths[0], start, policy, names[0])
    if _same(*paths):
        return References(self_samples=first, negative=first)
    return References(self_samples=first, negative=_load(paths[1], start, policy, names[1]))


def _load(path: Path, start: Path, policy: LoadedModel, name: str) -> LoadedModel:
    if _same(path, start):
        return load_reference(start, policy)
    if is_lora(policy.model) and _add_adapter_of(path, policy.model, name):
        return view_of(policy, name)
    loaded = load_model(path, device=str(policy.device), dtype=reference_dtype(policy))
    loaded.model.requires_grad_(requires_grad=False)
    _check_vocabulary(loaded, policy, path)
    return loaded


def _add_adapter_of(path: Path, model: PeftModel, name: str) -> bool:
    """Return whether a checkpoint has an adapter for the model's base, and give it to the model."""
    stored = AdapterDirectory(path)
    try:
        if not stored.fits(base_of(model)):
            return False
        add_adapter(model, name, stored.config(), stored.tensors())
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(
            f"the adapter in {str(path / 'adapter')!r} cannot be read: {error}. Remove that folder, and "
            "the whole model beside it is taken"
        ) from error
    return True


def _check_vocabulary(reference: LoadedModel, policy: LoadedModel, path: Path) -> None:
    theirs, ours = (m.model.config.get_text_config().vocab_size for m in (reference, policy))
    if theirs != ours:
        raise InputError(
            f"the reference {str(path)!r} knows {theirs} tokens and the policy {ours}; a reference "
            "needs the policy's tokenizer. Give a model that was trained from the same base"
        )


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
