"""What came of a call: texts, or the reason why there are none."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What became of a call; each is counted for itself and none is another's default."""

    OK = "ok"
    """All texts that were asked for, each ended by the model."""
    LENGTH = "length"
    """All texts are there, at least one was cut by the limit of tokens."""
    FEWER_CHOICES = "fewer-choices"
    """Fewer texts than were asked for."""
    REFUSAL = "refusal"
    """The model declined to answer; the reason is what it said."""
    CONTENT_FILTER = "content-filter"
    """The provider's filter withheld the text."""
    NO_CHOICES = "no-choices"
    """The list of choices is empty."""
    NO_CONTENT = "no-content"
    """A choice without text: null, or nothing but white space."""
    NOT_JSON = "not-json"
    """HTTP 200 with something that is not JSON, a page of HTML for instance, or cut-off JSON."""
    NOT_A_COMPLETION = "not-a-completion"
    """HTTP 200 with JSON that is no reply of the endpoint: `{}`, or an error object."""
    RATE_LIMITED = "rate-limited"
    """HTTP 429."""
    SERVER_ERROR = "server-error"
    """HTTP 5xx."""
    BAD_REQUEST = "bad-request"
    """HTTP 4xx about this one request, such as a prompt longer than the model's context."""
    TIMEOUT = "timeout"
    """No whole reply within `timeout_seconds`."""
    DISCONNECTED = "disconnected"
    """No connection, or one that was closed before the reply was whole."""
    PENDING = "pending"
    """Not asked: the budget is spent. A later run with more budget asks."""

    @property
    def is_reply(self) -> bool:
        """The model has spoken: asking again would be another draw, so it is not asked again."""
        return self in _REPLIES

    @property
    def is_transient(self) -> bool:
        """The same call may well succeed a moment later."""
        return self in _TRANSIENT


_REPLIES = frozenset(
    {
        Outcome.OK,
        Outcome.LENGTH,
        Outcome.FEWER_CHOICES,
        Outcome.REFUSAL,
        Outcome.CONTENT_FILTER,
    }
)
_TRANSIENT = frozenset(
    {
        Outcome.NO_CHOICES,
        Outcome.NO_CONTENT,
        Outcome.NOT_JSON,
        Outcome.NOT_A_COMPLETION,
        Outcome.RATE_LIMITED,
        Outcome.SERVER_ERROR,
        Outcome.TIMEOUT,
        Outcome.DISCONNECTED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of a call; those that the provider's cache had or took are part of the prompt's."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A drawn token, its log-probability in nats, and the likeliest tokens in its place."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One text of a reply; `tokens` only where log-probabilities were asked for and came."""

    text: str
    finish_reason: str
    tokens: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiReply:
    """What became of one request.

    `choices` holds every text that came (chat), `answers` the JSON answers in the order of the
    questions (decisions); both are empty where the outcome is no reply. `reason` says in words what
    went wrong. `model` is the one that the server says it used. `reused` replies were paid for
    earlier: they come from the journal and their tokens and cost are those of that call.
    """

    key: str
    outcome: Outcome
    reason: str = ""
    model: str = ""
    choices: tuple[Choice, ...] = ()
    answers: tuple[Mapping[str, Any], ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    latency_seconds: float = 0.0
    reused: bool = False

    @property
    def text(self) -> str | None:
        """The first text, None if there is none."""
        return self.choices[0].text if self.choices else None
