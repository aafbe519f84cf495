"""Rows of a dataset on the Hugging Face hub."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import orjson

from storage.input_error import InputError
from tasks.ingest.params import IngestParams
from tasks.ingest.record import Record

if TYPE_CHECKING:
    from datasets import Dataset


def load_hub(params: IngestParams) -> "Dataset":
    """Return the dataset, downloaded on first use and memory-mapped.

    Raises:
        InputError: no such dataset, revision or split, or the hub cannot be reached.
    """
    from datasets import get_dataset_split_names, load_dataset
    from datasets.exceptions import DatasetNotFoundError
    from huggingface_hub.errors import HFValidationError

    revision = params.hub_revision or None
    try:
        splits = get_dataset_split_names(params.hub_id, revision=revision)
        if params.hub_split not in splits:
            raise InputError(
                f"hub dataset {params.hub_id!r} has no split {params.hub_split!r}; it has "
                f"{', '.join(splits)}. Set hub_split to one of them"
            )
        return load_dataset(params.hub_id, split=params.hub_split, revision=revision)
    except ConnectionError as error:
        raise InputError(
            f"the hub cannot be reached for dataset {params.hub_id!r} ({error}); check the network "
            "and HF_HUB_OFFLINE, or set path to a local file instead of hub_id"
        ) from error
    except (DatasetNotFoundError, FileNotFoundError, HFValidationError) as error:
        at = f" at revision {revision!r}" if revision else ""
        raise InputError(
            f"hub dataset {params.hub_id!r}{at} is not there, or needs a token (HF_TOKEN): "
            f"{' '.join(str(error).split())}"
        ) from error


def hub_records(dataset: "Dataset", hub_id: str) -> Iterator[Record]:
    """Yield the rows of a dataset; lines count rows."""
    for number, values in enumerate(dataset, start=1):
        raw = orjson.dumps(values, default=str, option=orjson.OPT_NON_STR_KEYS)
        yield Record(file=hub_id, line=number, raw=raw, values=values)
