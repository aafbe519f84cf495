"""A trained policy on disk."""

from pathlib import Path

from tasks.sampling.model import LoadedModel


def save_policy(loaded: LoadedModel, out: Path) -> None:
    """Write weights (safetensors) and tokenizer to the directory `out`."""
    out.mkdir(parents=True, exist_ok=True)
    loaded.model.save_pretrained(out)
    loaded.tokenizer.save_pretrained(out)
