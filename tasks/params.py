"""What every parameter model is: frozen, closed, its field docstrings shown as help."""

from pydantic import BaseModel, ConfigDict


class Params(BaseModel):
    """A parameter model; the docstring under a field is its help text in forms."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )
