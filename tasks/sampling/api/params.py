"""Where an API is, how fast it may be asked, what it may cost, and how it samples."""

from typing import Any

from pydantic import Field, field_validator

from tasks.params import Params


class ApiParams(Params):
    """An OpenAI-compatible server and the limits that it sets."""

    base_url: str = ""
    """Address up to and including `/v1`. Empty: the environment's OPENAI_BASE_URL, otherwise
    https://api.openai.com/v1."""
    key_env: str = Field(default="OPENAI_API_KEY", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Environment variable that holds the key. A server on this machine needs none."""
    key_block: str = Field(default="", pattern=r"^[a-z0-9-]*$")
    """Name of a Prefect Secret block that holds the key; empty for the environment variable."""
    max_concurrency: int = Field(default=32, ge=1, le=1024)
    """Most calls in flight at the same time."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """The provider's limit of calls a minute; empty for none."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    """The provider's limit of tokens a minute, prompt and completion; empty for none."""
    timeout_seconds: float = Field(default=90.0, gt=0, le=600)
    """A call without a whole reply after this time is given up and tried again."""
    max_attempts: int = Field(default=6, ge=1, le=100)
    """How often a call is tried before it counts as failed; the waits between grow from about one
    second to one minute."""
    retry_wait_seconds: float = Field(default=1.0, gt=0, le=60)
    """About how long to wait before the second try."""
    batch: bool = False
    """Send calls through the provider's batch endpoint: half the price, an answer within a day."""

    @field_validator("base_url")
    @classmethod
    def _is_url(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no address; give one such as http://127.0.0.1:8000/v1")
        return url.rstrip("/")


class BudgetParams(Params):
    """What one run may spend."""

    max_cost_usd: float | None = Field(default=None, ge=0)
    """Most dollars that this run may spend on API calls; empty for no limit. A model without a known
    price cannot be asked under a limit."""
    max_tokens: int | None = Field(default=None, ge=0)
    """Most tokens, prompt and completion together, that this run may use; empty for no limit."""
    prices: str = ""
    """A YAML file with prices of models, which adds to and overrides the built-in table."""


class ChatParams(Params):
    """How an API model samples; what is left empty is not sent, and the server decides."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    """0 gives the likeliest text on most servers; some models allow only their default."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Draw only from the likeliest tokens that together have this probability."""
    max_completion_tokens: int = Field(default=512, ge=1, le=1_000_000)
    """Longest reply in tokens, hidden reasoning included. It also bounds what a call may cost."""
    seed: int | None = Field(default=None, ge=0, lt=2**31)
    """Sent to servers that can repeat a draw."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request, as the server knows them, such as {reasoning_effort: low}."""
