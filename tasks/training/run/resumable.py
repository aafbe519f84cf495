"""What of our own has to outlive an interruption, and how it lies in a checkpoint."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from safetensors.torch import load_file, save_file
from torch import Tensor

_VALUES = "prefline-state.json"
_TENSORS = "prefline-state.safetensors"
_TENSOR = "tensor:"  # a value that stands for a tensor: this and its name in the other file


@runtime_checkable
class Resumable(Protocol):
    """A callback whose memory is written with every checkpoint.

    All callbacks of a trainer that have both methods take part. `restore` is called on a freshly
    made object, before training goes on and so before `on_train_begin`, whose `state.global_step`
    then tells that the run is not at its start. Under several processes every one of them is asked
    for its state, so that it may be gathered; that of the first is written, and given to all.
    """

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs: a tree of dicts of JSON values and tensors.

        Keys are strings, and no string begins with `tensor:`.
        """
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` returned before the interruption; its tensors are on the CPU."""
        ...


def resumable(candidates: Iterable[object]) -> dict[str, Resumable]:
    """Return those that are resumable by a name: their class, with a number from the second on."""
    found: dict[str, Resumable] = {}
    for candidate in candidates:
        if isinstance(candidate, Resumable):
            name = type(candidate).__name__
            same = sum(key.partition("#")[0] == name for key in found)
            found[f"{name}#{same + 1}" if same else name] = candidate
    return found


def write_states(directory: Path, states: dict[str, dict[str, Any]]) -> None:
    """Write states by name into two files: JSON, and safetensors where JSON has no type."""
    tensors: dict[str, Tensor] = {}
    values = {name: _without_tensors(state, name, tensors) for name, state in states.items()}
    (directory / _VALUES).write_text(json.dumps(values), encoding="utf-8")
    save_file(tensors, directory / _TENSORS)


def read_states(directory: Path) -> dict[str, dict[str, Any]]:
    """Return what `write_states` wrote."""
    values = json.loads((directory / _VALUES).read_text(encoding="utf-8"))
    restored: dict[str, dict[str, Any]] = _with_tensors(values, load_file(directory / _TENSORS))
    return restored


def _without_tensors(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        # a copy: safetensors refuses tensors that share memory, as tied weights do
        tensors[name] = value.detach().to("cpu", copy=True).contiguous()
        return _TENSOR + name
    if isinstance(value, dict):
        return {
            key: _without_tensors(item, f"{name}/{key}", tensors) for key, item in value.items()
        }
    return value


def _with_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, str) and value.startswith(_TENSOR):
        return tensors[value.removeprefix(_TENSOR)]
    if isinstance(value, dict):
        return {key: _with_tensors(item, tensors) for key, item in value.items()}
    return value
