"""A look into a classifier's config.json, before anything is loaded."""

from pathlib import Path
from typing import Any

import orjson

from storage.input_error import InputError
from tasks.judging.classifier_labels import preferred_class
from tasks.sampling.model import resolve_checkpoint

_ARCHITECTURE = "ForSequenceClassification"


def check_classifier(model: str) -> None:
    """Check what config.json tells, without importing torch or asking the network.

    A hub id that is not in the cache is left to the download, unless there may be none.

    Raises:
        InputError: `model` is neither a directory with a safetensors model nor a hub id, the
            cache does not hold it and HF_HUB_OFFLINE=1 forbids to ask the hub, or its config.json
            names another architecture or classes of which none is the preferred one.
    """
    path = _config_file(model)
    if path is None:
        return
    config = _read_config(model, path)
    architectures = [str(name) for name in config.get("architectures") or ()]
    if architectures and not any(name.endswith(_ARCHITECTURE) for name in architectures):
        raise InputError(
            f"{model!r} is no classifier but a {', '.join(architectures)}; a judge needs a "
            f"model whose architecture ends in {_ARCHITECTURE}, such as "
            "siebert/sentiment-roberta-large-english"
        )
    labels = config.get("id2label")  # where it is absent, transformers decides while it loads
    if isinstance(labels, dict):
        names = [str(label) for label in labels.values()]
        preferred_class(names, model=model, problem_type=config.get("problem_type"))


def _config_file(model: str) -> Path | None:
    """Return where config.json is, None if it has to be downloaded first."""
    source = resolve_checkpoint(model)
    if Path(source).is_dir():
        return Path(source) / "config.json"
    from huggingface_hub import constants, try_to_load_from_cache

    try:
        cached = try_to_load_from_cache(source, "config.json")
    except ValueError as error:
        raise InputError(
            f"classifier {model!r} is neither a directory nor a Hugging Face id: {error}"
        ) from error
    if isinstance(cached, str):
        return Path(cached)
    if constants.HF_HUB_OFFLINE:
        raise InputError(
            f"classifier {model!r} is no directory, and the Hugging Face cache does not hold it; "
            "unset HF_HUB_OFFLINE to download it, or give the directory of a saved classifier"
        )
    return None


def _read_config(model: str, path: Path) -> dict[str, Any]:
    try:
        config = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise InputError(
            f"classifier {model!r} has a config.json that is no JSON ({error}); save the model "
            "again with save_pretrained"
        ) from error
    if not isinstance(config, dict):
        raise InputError(
            f"classifier {model!r} has a config.json that holds a {type(config).__name__} instead "
            "of an object; save the model again with save_pretrained"
        )
    return config
