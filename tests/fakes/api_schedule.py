"""Which call fails, and how."""

import random
from collections.abc import Callable, Collection, Sequence

from tests.fakes import api_faults, api_text_faults
from tests.fakes.api_chat import Json
from tests.fakes.api_faults import Fault

SERVER_FAULTS: dict[str, Fault] = {
    "429": api_faults.rate_limited,
    "429-no-header": api_faults.rate_limited_without_header,
    "quota": api_faults.out_of_quota,
    "500": api_faults.server_error,
    "503": api_faults.overloaded,
    "401": api_faults.unauthorized,
    "404": api_faults.no_such_model,
    "400-context": api_faults.too_long,
    "html": api_faults.html,
    "truncated": api_faults.truncated,
    "empty": api_faults.empty,
    "error-body": api_faults.error_body,
    "closed": api_faults.closed,
    "closed-mid": api_faults.closed_midway,
    "stall": api_faults.stalled,
}
"""Faults that any call may meet."""

TEXT_FAULTS: dict[str, Fault] = {
    "refusal": api_text_faults.refused,
    "no-choices": api_text_faults.without_choices,
    "fewer": api_text_faults.fewer,
    "null-content": api_text_faults.null_content,
    "blank-content": api_text_faults.blank_content,
    "content-filter": api_text_faults.filtered,
    "prose": api_text_faults.prose,
    "length": api_text_faults.cut_short,
}
"""Faults of what a model says; of a decision only the first three."""

FAULTS = SERVER_FAULTS | TEXT_FAULTS

TRANSIENT = (
    "429",
    "429-no-header",
    "500",
    "503",
    "html",
    "truncated",
    "empty",
    "error-body",
    "closed",
    "closed-mid",
    "stall",
)
"""Faults that another try of the same call may not meet; they suit every endpoint."""

BILLED = frozenset(TEXT_FAULTS) | {"truncated", "closed-mid", "stall"}
"""Faults of calls that the model worked on: a provider bills them, heard or not."""

Schedule = Callable[[int, Json], str | None]
"""From a call's number, counted from 0, and its body to its fault; None for a good reply."""


def schedule(
    faults: Sequence[str | None] | Schedule,
    *,
    share: float = 0.0,
    seed: int = 0,
    kinds: Sequence[str] = TRANSIENT,
    among: Collection[str] = FAULTS,
) -> Schedule:
    """Return the schedule that was asked for: a list call by call, a function, or a random share.

    A random schedule depends on the seed and the call's number alone.

    Raises:
        ValueError: a fault is not `among` those of the endpoint, or both faults and a share are
            given.
    """
    if share and (callable(faults) or faults):
        raise ValueError(f"faults are given, and a share of {share} as well; give one of the two")
    if callable(faults):
        return lambda number, body: _known(faults(number, body), among)
    if share:
        drawn = [_known(kind, among) for kind in kinds]
        return lambda number, _: _drawn(random.Random(f"{seed}:{number}"), share, drawn)
    listed = [_known(fault, among) for fault in faults]
    return lambda number, _: listed[number] if number < len(listed) else None


def _known(fault: str | None, among: Collection[str]) -> str | None:
    if fault is None or fault == "ok":
        return None
    if fault not in among:
        raise ValueError(f"fault {fault!r} does not exist here; there is {', '.join(among)}")
    return fault


def _drawn(rng: random.Random, share: float, kinds: Sequence[str | None]) -> str | None:
    return rng.choice(kinds) if rng.random() < share else None
