"""The option that says which store a command is about."""

from typing import Annotated

import typer

Root = Annotated[
    str,
    typer.Option(envvar="PREFLINE_ROOT", help="Directory or object-store URL of all artifacts."),
]
