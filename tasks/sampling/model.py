"""A checkpoint, loaded and ready to be asked."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.input_error import InputError

if TYPE_CHECKING:
    import torch
    from transformers import BitsAndBytesConfig, PreTrainedModel, PreTrainedTokenizerBase

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A causal language model in eval mode with its tokenizer, on `device`."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    device: "torch.device"


def load_model(
    checkpoint: str | Path,
    *,
    device: str = "auto",
    dtype: "torch.dtype | None" = None,
    quantization: "BitsAndBytesConfig | None" = None,
) -> LoadedModel:
    """Return the model and tokenizer of a checkpoint directory or a Hugging Face id.

    Weights come from safetensors only and no code of the checkpoint is run. Without `dtype` the weights
    are float32 on a CPU, and as they were saved elsewhere. With `quantization` those of linear layers
    are held in few bits, which needs a CUDA device. A tokenizer without a padding token pads with its
    end token, which changes nothing because padding is always masked.

    Raises:
        InputError: the directory is missing or holds no safetensors model, the hub id cannot be
            had, the tokenizer has no end-of-sequence token, or the device does not exist.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # progress goes through our own callbacks
    target = pick_device(device)
    weights_dtype = dtype or (torch.float32 if target.type == "cpu" else "auto")
    source = resolve_checkpoint(checkpoint)
    tokenizer = load_tokenizer(source)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            source,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=weights_dtype,
            output_loading_info=True,
            **_quantized(quantization, target),
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise _cannot_load(source, error) from error
    model, info = loaded
    if info["missing_keys"]:  # transformers fills them with random numbers and only logs it
        raise InputError(
            f"checkpoint {source!r} holds no weights for {', '.join(sorted(info['missing_keys'])[:4])}, "
            "so it is no causal language model or not a whole one; save it again with save_pretrained"
        )
    model.eval()
    if quantization is None:  # weights of few bits are where they were loaded to, and stay there
        torch.nn.Module.to(model, target)
    return LoadedModel(model=model, tokenizer=tokenizer, device=target)


def load_tokenizer(checkpoint: str | Path) -> "PreTrainedTokenizerBase":
    """Return the tokenizer of a checkpoint; it has an end and a padding token.

    Raises:
        InputError: as `load_model`.
    """
    from transformers import AutoTokenizer

    source = resolve_checkpoint(checkpoint)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise _cannot_load(source, error) from error
    if tokenizer.eos_token_id is None:
        raise InputError(
            f"the tokenizer of {source!r} has no end-of-sequence token, so no completion could "
            "end; set eos_token in its tokenizer_config.json"
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def resolve_checkpoint(checkpoint: str | Path) -> str:
    """Return the checkpoint as the string that transformers loads.

    Raises:
        InputError: it is neither a directory with a safetensors model nor of the form of a hub id.
    """
    path = Path(checkpoint).expanduser()
    if path.is_dir():
        _check_files(path)
        return str(path)
    text = str(checkpoint)
    if path.exists() or isinstance(checkpoint, Path) or not _HUB_ID.fullmatch(text):
        kind = "is a file" if path.exists() else "does not exist"
        raise InputError(
            f"checkpoint {text!r} {kind}; give a directory that holds config.json and "
            "model.safetensors, or a Hugging Face id such as Qwen/Qwen3-0.6B"
        )
    return text


def pick_device(device: str) -> "torch.device":
    """Return the torch device of a name; `auto` is cuda, then mps, then cpu.

    Raises:
        InputError: this machine has no such device.
    """
    import torch

    available = ["cpu"]
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    if torch.cuda.is_available():
        available[:0] = ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if device == "auto":
        return torch.device(available[0])
    if device not in available:
        raise InputError(
            f"device {device!r} does not exist here; there is {', '.join(available)}. "
            "Use 'auto' to take the best"
        )
    return torch.device(device)


def _quantized(quantization: "BitsAndBytesConfig | None", target: "torch.device") -> dict[str, Any]:
    if quantization is None:
        return {}
    import torch

    index = torch.cuda.current_device() if target.index is None else target.index
    return {"quantization_config": quantization, "device_map": {"": index}}


def _check_files(path: Path) -> None:
    names = sorted(item.name for item in path.iterdir())
    weights = [name for name in names if name.endswith(".safetensors")]
    missing = [] if "config.json" in names else ["config.json"]
    missing += [] if weights else ["*.safetensors"]
    if missing:
        found = ", ".join(names[:10]) or "nothing"
        raise InputError(
            f"checkpoint {str(path)!r} lacks {' and '.join(missing)}; it holds {found}. Save it "
            "with save_pretrained (weights as pickle are not loaded)"
        )


def _cannot_load(source: str, error: Exception) -> InputError:
    first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return InputError(
        f"checkpoint {source!r} cannot be loaded: {first_line} Give a directory that holds a "
        "causal language model with its tokenizer, or an id that the Hugging Face hub has (with "
        "HF_HUB_OFFLINE=1 only what is already in the cache)"
    )
