"""Rubrics by name, and from files that users write."""

import difflib
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from storage.input_error import InputError
from tasks.judging.rubric import Rubric

RUBRICS = Path(__file__).with_name("rubrics")
_LONGEST_VALUE = 60


def rubric_names() -> list[str]:
    """Return the names of the rubrics that Prefline brings along."""
    return sorted(path.stem for path in RUBRICS.glob("*.yaml"))


def load_rubric(name_or_path: str) -> Rubric:
    """Return the rubric of that name, or the one in that .yaml file.

    Raises:
        InputError: no such rubric, or a file that holds none.
    """
    is_path = name_or_path.endswith((".yaml", ".yml"))
    path = Path(name_or_path) if is_path else RUBRICS / f"{name_or_path}.yaml"
    if not is_path and name_or_path not in rubric_names():
        known = rubric_names()
        close = difflib.get_close_matches(name_or_path.lower(), known, n=1)
        hint = f". Did you mean {close[0]!r}?" if close else ""
        raise InputError(
            f"there is no rubric {name_or_path!r}; there is {', '.join(known)}, or give the path "
            f"of a .yaml file{hint}"
        )
    try:
        return Rubric.model_validate(_content(path))
    except ValidationError as error:
        raise InputError(f"rubric {path}: {_explained(error)}") from None


def _content(path: Path) -> dict[Any, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"rubric {path} cannot be read ({error.strerror}); give the path of a .yaml file, or "
            f"one of {', '.join(rubric_names())}"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"rubric {path} is not readable YAML: {error}") from None
    if not isinstance(content, dict):
        raise InputError(
            f"rubric {path} holds {type(content).__name__}, not `name: value` lines; it needs "
            "name, version, kind, question and instructions"
        )
    return content


def _explained(error: ValidationError) -> str:
    """Return each fault: the field, what is wrong, the value, what is allowed."""
    faults = []
    for fault in error.errors(include_url=False):
        field = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            faults.append(
                f"there is no field {field!r}; fields are {', '.join(Rubric.model_fields)}"
            )
        elif not field:
            faults.append(fault["msg"].removeprefix("Value error, "))
        elif fault["type"] == "missing":
            faults.append(f"{field}: {fault['msg']}")
        else:
            faults.append(f"{field}: {fault['msg']}, got {repr(fault['input'])[:_LONGEST_VALUE]}")
    return "; ".join(faults)
