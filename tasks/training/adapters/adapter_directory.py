"""An adapter on disk, in peft's format, with what tells its base from others."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from peft import LoraConfig, PeftModel
from safetensors.torch import load_file, save_file
from torch import Tensor

from storage.digest import digest_file
from tasks.training.adapters.lora_model import (
    POLICY_ADAPTER,
    adapter_config,
    adapter_tensors,
    base_of,
    loaded_from,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_CONFIG, _WEIGHTS, _BASE = "adapter_config.json", "adapter_model.safetensors", "base.json"


@dataclass(frozen=True, slots=True)
class AdapterDirectory:
    """The folder `adapter` in the directory of a policy that was trained with adapters.

    It holds the adapter alone, as peft loads it, and in base.json the sha256 of the files of the
    model that it belongs on.
    """

    checkpoint: Path

    def write(self, model: PeftModel, weights: Mapping[str, Tensor]) -> None:
        """Write the adapter that `model` trains, whose state dict is `weights`.

        The same adapter gives the same bytes: no path of this machine is in them, and sets of
        names are sorted.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        config = deepcopy(adapter_config(model, POLICY_ADAPTER))
        config.inference_mode = True
        config.base_model_name_or_path = None
        config.save_pretrained(str(self._directory))
        described = json.loads((self._directory / _CONFIG).read_text(encoding="utf-8"))
        for name, value in described.items():
            described[name] = sorted(value) if isinstance(value, list) else value
        self._write(_CONFIG, described)
        self._write(_BASE, base_fingerprint(base_of(model)))
        tensors = adapter_tensors(model, POLICY_ADAPTER, weights)
        save_file(
            {name: value.detach().cpu().contiguous() for name, value in tensors.items()},
            self._directory / _WEIGHTS,
            metadata={"format": "pt"},
        )

    def fits(self, base: "PreTrainedModel") -> bool:
        """Return whether there is an adapter that was made on this base."""
        made_on = self._directory / _BASE
        if not made_on.is_file() or not (self._directory / _WEIGHTS).is_file():
            return False
        fingerprint = base_fingerprint(base)
        return bool(fingerprint) and json.loads(made_on.read_text("utf-8")) == fingerprint

    def config(self) -> LoraConfig:
        """Return the adapter's description."""
        return cast("LoraConfig", LoraConfig.from_pretrained(str(self._directory)))

    def tensors(self) -> dict[str, Tensor]:
        """Return the adapter's weights, on the CPU."""
        return load_file(self._directory / _WEIGHTS)

    @property
    def _directory(self) -> Path:
        return self.checkpoint / "adapter"

    def _write(self, name: str, content: object) -> None:
        text = json.dumps(content, indent=2, sort_keys=True) + "\n"
        (self._directory / name).write_text(text, encoding="utf-8")


def base_fingerprint(base: "PreTrainedModel") -> dict[str, str]:
    """Return the sha256 of each file that the base's weights and shape were loaded from.

    Empty where its directory is gone, and then it is the same as no other.
    """
    directory = loaded_from(base)
    if not directory.is_dir():
        return {}
    files = [directory / "config.json", *sorted(directory.glob("*.safetensors"))]
    return {path.name: digest_file(path).sha256 for path in files}
