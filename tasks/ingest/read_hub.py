"""Rows of a dataset on the Hugging Face hub."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from storage.input_error import InputError
from tasks.ingest.params import IngestParams
from tasks.ingest.record import Record
from tasks.ingest.source_files import files_below, fingerprint_of

if TYPE_CHECKING:
    from datasets import Dataset

_COMMIT = re.compile(r"[0-9a-f]{40}")
_BATCH_ROWS = 1_000
_TIMEOUT_SECONDS = 20


def load_hub(params: IngestParams) -> "Dataset":
    """Return the dataset, downloaded on first use and memory-mapped.

    `subset` is the name of a configuration or, where there is none of that name, a directory.

    Raises:
        InputError: no such dataset, revision, subset or split, rows that the datasets library cannot
            read, or the hub cannot be reached.
    """
    from datasets import get_dataset_split_names, load_dataset

    revision = params.hub_revision or None
    with _errors_told(params):
        name, data_dir = _place(params)
        place = {"data_dir": data_dir} if data_dir else {}
        splits = get_dataset_split_names(params.hub_id, name, revision=revision, **place)
        if params.hub_split not in splits:
            raise InputError(
                f"hub dataset {params.hub_id!r} has no split {params.hub_split!r}; it has "
                f"{', '.join(splits)}. Set hub_split to one of them"
            )
        return load_dataset(params.hub_id, name, split=params.hub_split, revision=revision, **place)


def hub_records(dataset: "Dataset", hub_id: str) -> Iterator[Record]:
    """Yield the rows of a dataset; lines count rows."""
    number = 0
    for table in dataset.with_format("arrow").iter(_BATCH_ROWS):
        for values in table.to_pylist():
            number += 1
            raw = orjson.dumps(values, default=str, option=orjson.OPT_NON_STR_KEYS)
            yield Record(file=hub_id, line=number, raw=raw, values=values)


def resolve_revision(params: IngestParams) -> str:
    """Return the commit that `hub_revision` means now, the newest one where it is empty.

    It is `hub_revision` itself where that is a commit, where the dataset is a local directory and
    where the hub cannot be reached: what was downloaded before can be read without it.

    Raises:
        InputError: there is no such dataset or revision.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (  # type: ignore[attr-defined]  # it shows HTTPError, unsaid
        HFValidationError,
        HTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    revision = params.hub_revision
    if not params.hub_id or _is_local(params) or _COMMIT.fullmatch(revision):
        return revision
    try:
        about = HfApi().dataset_info(
            params.hub_id, revision=revision or None, timeout=_TIMEOUT_SECONDS
        )
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise _not_there(params, error) from error
    except (HTTPError, OfflineModeIsEnabled):
        return revision
    return about.sha or revision


def hub_fingerprint(params: IngestParams, revision: str) -> dict[str, str]:
    """Return what identifies the content of a dataset: its commit, or a local directory's files.

    Raises:
        InputError: the directory holds no file.
    """
    if not _is_local(params):
        return {"hub_id": params.hub_id, "hub_revision": revision}
    folder = Path(params.hub_id)
    files = files_below(folder)
    if not files:
        raise InputError(f"{folder} holds no file; set hub_id to a dataset")
    return fingerprint_of([str(path) for path in files])


def _is_local(params: IngestParams) -> bool:
    """Return whether the dataset is a local directory."""
    try:
        return Path(params.hub_id).is_dir()
    except OSError:  # no name of a directory is that long
        return False


def _place(params: IngestParams) -> tuple[str | None, str]:
    """Return the configuration and the directory that are to be read."""
    from datasets import get_dataset_config_names, get_dataset_default_config_name

    revision = params.hub_revision or None
    names = get_dataset_config_names(params.hub_id, revision=revision)
    if params.subset:
        return (params.subset, "") if params.subset in names else (None, params.subset)
    if len(names) > 1 and not get_dataset_default_config_name(params.hub_id, revision=revision):
        raise InputError(
            f"hub dataset {params.hub_id!r} has several configurations: {', '.join(names)}. Set "
            "subset to one of them"
        )
    return None, ""


@contextmanager
def _errors_told(params: IngestParams) -> Iterator[None]:
    from datasets.exceptions import DatasetGenerationError
    from huggingface_hub.errors import (  # type: ignore[attr-defined]  # it shows HTTPError, unsaid
        HFValidationError,
        HTTPError,
    )

    try:
        yield
    except (FileNotFoundError, HFValidationError) as error:
        raise _not_there(params, error) from error
    except (ConnectionError, HTTPError) as error:
        raise InputError(
            f"the hub cannot be reached for dataset {params.hub_id!r} ({error}); check the network "
            "and HF_HUB_OFFLINE, or set path to a local file instead of hub_id"
        ) from error
    except DatasetGenerationError as error:
        raise InputError(
            f"hub dataset {params.hub_id!r} cannot be read ({_said(error.__cause__ or error)}); "
            "name one subset or split of it, or download its files and set path to one"
        ) from error


def _not_there(params: IngestParams, error: Exception) -> InputError:
    at = f" at revision {params.hub_revision!r}" if params.hub_revision else ""
    part = f" with the subset {params.subset!r}" if params.subset else ""
    return InputError(
        f"hub dataset {params.hub_id!r}{part}{at} is not there, or needs a token (HF_TOKEN): "
        f"{_said(error)}"
    )


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())
