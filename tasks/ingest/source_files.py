"""All files of a source: which there are, and what identifies them."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from storage.input_error import InputError
from tasks.ingest.params import IngestParams
from tasks.ingest.read_folder import review_files
from tasks.ingest.read_records import FORMATS, format_of
from tasks.ingest.source_file import sha256_of_file
from tasks.ingest.source_path import check_folder, check_path, unreadable

HH_SUBSETS = ("harmless-base", "helpful-base", "helpful-online", "helpful-rejection-sampled")
_NO_DATA = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"})
_MAX_LISTED = 12


def find_source_files(params: IngestParams) -> tuple[str, ...]:
    """Return the files that `path` and `subset` name, in the order in which they are read.

    A file is itself. Of a directory these are the files of a known format in it and below, by name;
    of hh-rlhf only those directly in the directories of its four subsets (red-team-attempts holds no
    comparisons), or directly in the directory itself; of imdb the .txt files of the aclImdb folder
    where there are any. Hidden files, and files that describe a data set, are left out.

    Raises:
        InputError: there is nothing there, or no such subset.
    """
    path = Path(params.path)
    check_path(path)
    if not path.is_dir():
        if params.subset:
            raise InputError(
                f"subset is {params.subset!r}, but {path} is a single file; leave subset empty, or "
                "set path to the directory that holds the subsets"
            )
        return (str(path),)
    check_folder(path)
    folder = _subset(path, params)
    found = _hh_files(folder) if params.source == "hh-rlhf" else _files_below(folder)
    if params.source == "imdb":
        found = review_files(folder) or found
    if not found:
        raise InputError(
            f"{folder} holds no file to read: looked for {_looked_for(params)}, found "
            f"{_listed(child.name for child in folder.iterdir())}; set path to another directory or "
            "to a file"
        )
    return tuple(map(str, found))


def fingerprint_of(files: Sequence[str]) -> dict[str, str]:
    """Return what identifies the content of files: their sha256.

    Of several files it is a hash over the hash of each and its name, relative to the folder that
    holds all of them.

    Raises:
        InputError: a file is not there.
    """
    if len(files) == 1:
        return {"sha256": sha256_of_file(files[0])}
    places = [Path(file).absolute() for file in files]
    folder = os.path.commonpath([place.parent for place in places])
    total = hashlib.sha256()
    for place in places:
        name = place.relative_to(folder).as_posix()
        total.update(f"{sha256_of_file(str(place))}  {name}\n".encode(errors="surrogateescape"))
    return {"sha256": total.hexdigest(), "num_files": str(len(files))}


def files_below(folder: Path) -> list[Path]:
    """Return the files in a folder and below it, sorted, without those that are hidden.

    Raises:
        InputError: a folder below it cannot be listed; its files would be missing unnoticed.
    """
    found: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=_not_listed):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(path for path in found if path.is_file())


def _not_listed(error: OSError) -> None:
    raise unreadable(Path(error.filename), error) from error


def _subset(path: Path, params: IngestParams) -> Path:
    if not params.subset:
        return path
    there = sorted(child.name for child in path.iterdir() if _is_subset(child, params))
    if params.subset not in there:
        raise InputError(
            f"{path} has no subset {params.subset!r}; it has {_listed(there)}. Set subset to one of "
            "them, or leave it empty to read all"
        )
    return path / params.subset


def _is_subset(path: Path, params: IngestParams) -> bool:
    is_known = path.name in HH_SUBSETS or params.source != "hh-rlhf"
    return path.is_dir() and is_known and not path.name.startswith(".")


def _hh_files(folder: Path) -> list[Path]:
    subsets = [folder / name for name in HH_SUBSETS if (folder / name).is_dir()]
    return [
        file
        for place in subsets or [folder]
        for file in sorted(place.iterdir())
        if file.is_file() and _has_rows(file)
    ]


def _files_below(folder: Path) -> list[Path]:
    return [path for path in files_below(folder) if _has_rows(path)]


def _has_rows(path: Path) -> bool:
    try:
        format_of(path.name)
    except InputError:
        return False
    return path.name not in _NO_DATA and not path.name.startswith(".")


def _looked_for(params: IngestParams) -> str:
    files = f"{', '.join(FORMATS)} (some also as .gz)"
    if params.source == "hh-rlhf":
        return f"{files} there or in {', '.join(HH_SUBSETS)}"
    return f"{files} or {{pos,neg}}/*.txt" if params.source == "imdb" else files


def _listed(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _MAX_LISTED} more" if len(listed) > _MAX_LISTED else ""
    return (", ".join(listed[:_MAX_LISTED]) or "nothing") + more
