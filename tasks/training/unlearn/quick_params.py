"""D2O parameters that suit a model by its size."""

import json
import struct
from pathlib import Path

from tasks.training.d2o.params import D2OParams

LEARNING_RATES = ((10_000_000, 3e-4), (100_000_000, 1e-4), (1_000_000_000, 1e-5))
"""Up to so many parameters that learning rate; larger models take `LARGE_LEARNING_RATE`."""
LARGE_LEARNING_RATE = 5e-6
MOST_EPOCHS = 1000.0
MARGIN_CUTOFF = 2.0
"""Few answers, gone through often, are soon far enough away; pushing on costs language."""
_HEADER_LENGTH = 8  # bytes in front of a safetensors file's header


def quick_params(
    given: D2OParams, checkpoint: Path, *, steps: int, num_samples: int, learning_rate: float
) -> D2OParams:
    """Return D2O parameters for so many steps and self-samples from the model of a checkpoint.

    A learning rate of 0 is chosen by the number of the model's parameters, unless `given` sets one.
    Rows beyond `MARGIN_CUTOFF` give no gradient. Prompt and answer are cut to the model's context where `given` leaves their limits as they are.
    Whatever else is set in `given` stays.
    """
    changes: dict[str, object] = {"max_steps": steps, "epochs": MOST_EPOCHS}
    if "max_samples" not in given.model_fields_set:
        changes["max_samples"] = num_samples
    if learning_rate:
        changes["learning_rate"] = learning_rate
    elif "learning_rate" not in given.model_fields_set:
        changes["learning_rate"] = learning_rate_for(num_parameters(checkpoint))
    if "margin_cutoff" not in given.model_fields_set:
        changes["margin_cutoff"] = MARGIN_CUTOFF
    if "kl_every" not in given.model_fields_set:
        changes["kl_every"] = max(1, min(given.kl_every, steps // 4))
    context = context_tokens(checkpoint)
    untouched = not {"max_tokens", "max_prompt_tokens"} & given.model_fields_set
    if untouched and context and context < given.max_tokens:
        changes |= {"max_tokens": context, "max_prompt_tokens": context // 2}
    return D2OParams.model_validate(given.model_dump(exclude_unset=True) | changes)


def learning_rate_for(count: int) -> float:
    """Return the learning rate for a model of `count` parameters."""
    return next((rate for most, rate in LEARNING_RATES if count <= most), LARGE_LEARNING_RATE)


def num_parameters(checkpoint: Path) -> int:
    """Return how many numbers the safetensors files of a directory hold, read off their headers."""
    count = 0
    for path in checkpoint.glob("*.safetensors"):
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(_HEADER_LENGTH))
            header = json.loads(file.read(length))
        for name, tensor in header.items():
            if name != "__metadata__":
                size = 1
                for width in tensor["shape"]:
                    size *= width
                count += size
    return count


def context_tokens(checkpoint: Path) -> int:
    """Return how many tokens the model's context holds, 0 where its config does not say."""
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    return int(config.get("max_position_embeddings") or config.get("n_positions") or 0)
