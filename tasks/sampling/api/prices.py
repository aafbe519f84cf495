"""What models cost."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from storage.input_error import InputError
from tasks.sampling.api.reply import Usage

BUILT_IN = Path(__file__).with_name("prices.yaml")
_LOCAL = {"127.0.0.1", "localhost", "::1", "0.0.0.0"}  # noqa: S104  - compared with, not listened on
_TOKENS_A_PRICE = 1_000_000


class Price(BaseModel):
    """Dollars for a million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)
    cached_prompt: float | None = Field(default=None, ge=0)
    """Prompt tokens that the provider had in its cache; empty for the full price."""
    cache_write: float | None = Field(default=None, ge=0)
    """Prompt tokens that the provider put into its cache; empty for the full price."""
    batch_share: float = Field(default=0.5, ge=0, le=1)
    """What the batch endpoint takes of the price."""

    def usd(self, usage: Usage, *, batch: bool = False) -> float:
        """Return the dollars that a call with this usage costs."""
        plain = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens
        full = (
            plain * self.prompt
            + usage.cached_tokens
            * (self.prompt if self.cached_prompt is None else self.cached_prompt)
            + usage.cache_write_tokens
            * (self.prompt if self.cache_write is None else self.cache_write)
            + usage.completion_tokens * self.completion
        )
        return full / _TOKENS_A_PRICE * (self.batch_share if batch else 1.0)

    def most_usd(self, prompt_tokens: int, completion_tokens: int, *, batch: bool = False) -> float:
        """Return the most that so many tokens can cost, whatever the provider's cache does."""
        dearest = max(self.prompt, self.cached_prompt or 0.0, self.cache_write or 0.0)
        full = prompt_tokens * dearest + completion_tokens * self.completion
        return full / _TOKENS_A_PRICE * (self.batch_share if batch else 1.0)


FREE = Price(prompt=0.0, completion=0.0)


class _Table(RootModel[dict[str, Price]]):
    """A model's name, or the start of it with `*` at the end, and its price."""


@dataclass(frozen=True)
class Prices:
    """The price of each model; names that end with `*` stand for all that begin so."""

    of: dict[str, Price]

    @classmethod
    def read(cls, path: str) -> Self:
        """Return the built-in table with the user's file at `path` over it; empty for none.

        Raises:
            InputError: the file is missing, is not YAML, or holds something else than prices.
        """
        built_in = _read(BUILT_IN)
        return cls(built_in | _read(Path(path).expanduser()) if path else built_in)

    @cached_property
    def _starts(self) -> list[tuple[str, Price]]:
        """The starts of names, longest first."""
        starts = [(name[:-1], price) for name, price in self.of.items() if name.endswith("*")]
        return sorted(starts, key=lambda item: len(item[0]), reverse=True)

    def price(self, model: str, base_url: str) -> Price | None:
        """Return the price of a model, None if it is unknown; a server on this machine is free."""
        if model in self.of:
            return self.of[model]
        for start, price in self._starts:
            if model.startswith(start):
                return price
        return FREE if urlsplit(base_url).hostname in _LOCAL else None


def unknown_price(model: str) -> InputError:
    """Return the error of a model that is to be asked under a limit of dollars without a price."""
    return InputError(
        f"max_cost_usd is set but the price of model {model!r} is unknown; write a file with a line "
        f"`{model}: {{prompt: 1.25, completion: 10.0}}` (dollars for a million tokens) and give it "
        "as budget.prices, or set budget.max_tokens instead of max_cost_usd"
    )


def _read(path: Path) -> dict[str, Price]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _Table.model_validate(values or {}).root
    except OSError as error:
        raise InputError(
            f"the price table {str(path)!r} cannot be read ({error.strerror}); give a YAML file with "
            "lines such as `my-model: {prompt: 1.25, completion: 10.0}`"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError) as error:
        raise InputError(
            f"the price table {str(path)!r} is not understood: {error}. Each line is a model with "
            "its dollars for a million tokens, such as `my-model: {prompt: 1.25, completion: 10.0}`"
        ) from None
