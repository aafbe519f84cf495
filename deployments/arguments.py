"""What a user typed, as the arguments of a flow: profile, then --set, then validation."""

import difflib
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from storage.input_error import InputError

PROFILES = Path(__file__).parent / "profiles"
LONGEST_VALUE = 80


def flow_arguments(
    function: Callable[..., Any], *, profile: str | None, settings: Sequence[str]
) -> dict[str, Any]:
    """Return the validated arguments of a flow function.

    `profile` names a YAML file under deployments/profiles or is a path; each of `settings` is
    `a.b=value`, the value in YAML. `beta=0.5` is short for `params.beta=0.5` where the flow has a
    parameter `params` with that field.

    Raises:
        InputError: a profile, key or value that the flow does not know or allow.
    """
    model = arguments_model(function)
    values: dict[str, Any] = {}
    for path, value in _read_profile(profile).items() if profile else ():
        _assign(values, _full_path(model, path), value, f"profile {profile}")
    for setting in settings:
        path, value = _parse_setting(setting)
        _assign(values, _full_path(model, path), value, f"--set {setting}")
    try:
        validated = model.model_validate(values)
    except ValidationError as error:
        origin = f" (with profile {profile})" if profile else ""
        raise InputError(_explain(error, model) + origin) from None
    return {name: getattr(validated, name) for name in model.model_fields}


def arguments_model(function: Callable[..., Any]) -> type[BaseModel]:
    """Return a closed pydantic model with one field for each parameter of `function`."""
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {
        name: (hints[name], ... if p.default is inspect.Parameter.empty else p.default)
        for name, p in inspect.signature(function).parameters.items()
    }
    return create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)


def _read_profile(name: str) -> dict[str, Any]:
    path = Path(name) if name.endswith((".yaml", ".yml")) else PROFILES / f"{name}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in PROFILES.glob("*.yaml"))
        raise InputError(
            f"there is no profile {name!r}; profiles are {', '.join(known)}, or give the path of "
            f"a .yaml file{_suggest(name, known)}"
        )
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"profile {path} is not readable YAML: {error}") from None
    if not isinstance(values, dict):
        raise InputError(f"profile {path} holds {type(values).__name__}, not `name: value` lines")
    return {str(key): value for key, value in values.items()}


def _parse_setting(setting: str) -> tuple[str, Any]:
    path, equals, text = setting.partition("=")
    if not equals or not path:
        raise InputError(f"--set {setting!r} is not of the form a.b=value")
    try:
        return path, yaml.safe_load(text) if text else ""
    except yaml.YAMLError:
        return path, text


def _full_path(model: type[BaseModel], path: str) -> list[str]:
    """Return the keys of a dotted path, `params` put before a field of it that stands alone."""
    keys = path.split(".")
    params = model.model_fields.get("params")
    if (
        keys[0] not in model.model_fields
        and params is not None
        and isinstance(params.annotation, type)
        and issubclass(params.annotation, BaseModel)
        and keys[0] in params.annotation.model_fields
    ):
        return ["params", *keys]
    return keys


def _assign(values: dict[str, Any], keys: Sequence[str], value: object, origin: str) -> None:
    target = values
    for key in keys[:-1]:
        inner = target.setdefault(key, {})
        if not isinstance(inner, dict):
            raise InputError(f"{origin}: {key!r} is the value {inner!r} and has no parts to set")
        target = inner
    target[keys[-1]] = value


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Return one line for each fault: where, what is wrong, the value, what exists instead."""
    lines = []
    for fault in error.errors(include_url=False):
        where = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            *parents, name = (str(part) for part in fault["loc"])
            known = _field_names(model, parents)
            lines.append(
                f"there is no parameter {where!r}; "
                f"{'.'.join(parents) or 'this flow'} has {', '.join(known)}{_suggest(name, known)}"
            )
        else:
            value = "" if fault["type"] == "missing" else f", got {_short(fault['input'])}"
            lines.append(f"{where or 'parameters'}: {fault['msg']}{value}")
    return "; ".join(lines)


def _field_names(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    """Return the fields of the model that `path` leads to."""
    for name in path:
        annotation = model.model_fields[name].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return sorted(model.model_fields)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "..."


def _suggest(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
