"""The model that a chain of trainings starts from, named by a string."""

import difflib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.input_error import InputError
from storage.tables.demonstrations import Demonstration
from tasks.training.base.scratch_sizes import SCRATCH_SIZES
from tasks.training.sft.params import SFTParams

_SCRATCH = "scratch:"
_HUB_ID = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?)(@(?P<revision>[\w./-]+))?"
)


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model of the Hugging Face hub; `revision` is a branch, tag or commit."""

    name: str
    revision: str


def check_model(model: str) -> None:
    """Check cheaply, without loading or network, that a model's name can mean something.

    Raises:
        InputError: an unknown scratch size, a directory that is missing or is no model, or a text
            that is neither a directory nor of the form of a hub id.
    """
    if model.startswith(_SCRATCH):
        _check_size(model)
    elif _is_directory_name(model):
        _check_directory(model)
    else:
        _hub_model(model)


def make_base_model(
    model: str, rows: Sequence[Demonstration], params: SFTParams, out: Path
) -> Path:
    """Return the checkpoint directory of a model.

    `scratch:<size>` is built in `out` with a tokenizer made from the texts of `rows`, the
    same for the same arguments. A local directory is returned as it is. A hub id, with `@revision` if wanted, is
    downloaded to the Hugging Face cache (with HF_HUB_OFFLINE=1 it must be there already).

    Raises:
        InputError: as `check_model`, there is no text for a scratch model, or the hub has no such
            model.
    """
    check_model(model)
    if model.startswith(_SCRATCH):
        from tasks.training.base.scratch_model import build_scratch_model

        build_scratch_model(
            SCRATCH_SIZES[model.removeprefix(_SCRATCH)],
            [_text(row) for row in rows],
            vocab_size=params.vocab_size,
            context_tokens=params.context_tokens,
            seed=params.seed,
            out=out,
        )
        return out
    if _is_directory_name(model):
        return Path(model).expanduser()
    return _download(_hub_model(model))


def model_fingerprint(model: str) -> dict[str, str]:
    """Return what tells this model's content from another's under the same name.

    For a directory the sha256 of every file by its relative path; for a hub id the id and the
    commit that its revision means now (in the cache where the hub cannot be asked, the revision's
    name where it is not there either); nothing for a scratch model, which its parameters and
    texts determine.

    Raises:
        InputError: as `check_model`.
    """
    check_model(model)
    if model.startswith(_SCRATCH):
        return {}
    if _is_directory_name(model):
        return directory_fingerprint(Path(model).expanduser())
    hub = _hub_model(model)
    return {"id": hub.name, "revision": _commit(hub)}


def directory_fingerprint(directory: Path) -> dict[str, str]:
    """Return the sha256 of every file in a directory by its relative path."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): _sha256(path) for path in files}


def _text(row: Demonstration) -> str:
    return "\n\n".join(message.content for message in row.messages) + row.completion


def _check_size(model: str) -> None:
    size = model.removeprefix(_SCRATCH)
    if size in SCRATCH_SIZES:
        return
    close = difflib.get_close_matches(size, SCRATCH_SIZES, n=1, cutoff=0.5)
    hint = f"; did you mean scratch:{close[0]}?" if close else "."
    raise InputError(
        f"model {model!r} names the unknown size {size!r}{hint} There is "
        + ", ".join(_SCRATCH + name for name in SCRATCH_SIZES)
    )


def _check_directory(model: str) -> None:
    path = Path(model).expanduser()
    if not path.is_dir():
        raise InputError(
            f"model {model!r} is {'a file' if path.exists() else 'no directory that exists'}; give "
            "a directory that holds config.json and model.safetensors, a Hugging Face id such as "
            f"Qwen/Qwen3-0.6B, or one of {', '.join(_SCRATCH + name for name in SCRATCH_SIZES)}"
        )
    from tasks.sampling.model import resolve_checkpoint

    resolve_checkpoint(path)


def _is_directory_name(model: str) -> bool:
    """Return whether a name is meant as a path: it exists, or it looks like nothing else."""
    if model.startswith(("/", "./", "../", "~")):
        return True
    name, _, _ = model.partition("@")
    return name.count("/") > 1 or (bool(model) and Path(model).exists())


def _hub_model(model: str) -> HubModel:
    match = _HUB_ID.fullmatch(model)
    if match is None:
        raise InputError(
            f"model {model!r} is neither a directory, nor a Hugging Face id such as "
            "Qwen/Qwen3-0.6B (with @revision if wanted), nor one of "
            + ", ".join(_SCRATCH + name for name in SCRATCH_SIZES)
        )
    return HubModel(name=match["name"], revision=match["revision"] or "main")


def _download(hub: HubModel) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                hub.name,
                revision=hub.revision,
                allow_patterns=["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"],
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"model {hub.name!r} (revision {hub.revision!r}) cannot be had from the Hugging Face "
            f"hub: {reason} Check the name, log in for gated models, or give a local directory"
        ) from error


def _commit(hub: HubModel) -> str:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if not constants.HF_HUB_OFFLINE:
        try:
            return str(HfApi().model_info(hub.name, revision=hub.revision, timeout=10).sha)
        except (HfHubHTTPError, OfflineModeIsEnabled, OSError):
            pass  # what the cache knows is then the model that will be used
    folder = Path(constants.HF_HUB_CACHE) / f"models--{hub.name.replace('/', '--')}"
    ref = folder / "refs" / hub.revision
    return ref.read_text(encoding="ascii").strip() if ref.is_file() else hub.revision


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
