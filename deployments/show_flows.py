"""Print the flows and their parameters."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.table import Column, Table

from deployments.arguments import arguments_model
from deployments.flow_table import FLOWS, load_flow


def show_flows(name: str | None) -> None:
    """Print all flows, or with a name the parameters of one."""
    console = Console()
    if name is None:
        table = Table("flow", "what it does")
        for known in FLOWS:
            text = (load_flow(known).fn.__doc__ or "").strip().splitlines()[0]
            table.add_row(known, text)
        console.print(table)
        return
    flow = load_flow(name)
    table = Table(Column("parameter", overflow="fold"), "default", "meaning")
    helps = _argument_help(flow.fn.__doc__ or "")
    for path, default, meaning in _parameters(arguments_model(flow.fn), ""):
        table.add_row(path, default, meaning or helps.get(path, ""))
    console.print(table)


def _parameters(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    """Yield path, default and meaning of every field, nested models opened."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        annotation: Any = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _parameters(annotation, f"{path}.")
        else:
            default = field.get_default(call_default_factory=True)
            yield path, repr(default), " ".join((field.description or "").split())


def _argument_help(docstring: str) -> dict[str, str]:
    """Return the entries of a Google-style Args section, line breaks removed."""
    helps: dict[str, str] = {}
    name = ""
    for line in docstring.partition("Args:")[2].splitlines():
        text = line.strip()
        head, colon, rest = text.partition(": ")
        if colon and head.isidentifier():
            name = head
            helps[name] = rest
        elif name and text:
            helps[name] += f" {text}"
    return helps
