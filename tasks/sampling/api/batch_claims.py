"""Claiming the calls of a batch: in one transaction with the batch, so that no claim is without it."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from tasks.sampling.api.batch_limits import LEASE_SECONDS
from tasks.sampling.api.batch_rows import BatchRow, add_batch, find_batch, give_up, open_batches
from tasks.sampling.api.journal import Busy, Claimed, Journal, OverBudget
from tasks.sampling.api.journal_tables import Hold, StoredReply
from tasks.sampling.api.reply import Outcome
from tasks.sampling.api.request import ApiRequest

NEVER_CREATED = "the batch was never created"


@dataclass(frozen=True, slots=True)
class Want:
    """A call that is wanted; `call` is the request as it was hashed."""

    key: str
    request: ApiRequest
    call: bytes
    hold: Hold


@dataclass(frozen=True, slots=True)
class BatchClaim:
    """What became of wanted calls, by key: claimed for the batch, known, in other batches, busy."""

    mine: list[str] = field(default_factory=list)
    replies: dict[str, StoredReply] = field(default_factory=dict)
    theirs: set[str] = field(default_factory=set)
    """Tokens of unfinished batches that hold some of the calls."""
    busy: list[str] = field(default_factory=list)
    over_budget: list[str] = field(default_factory=list)


def claim_batch(
    connection: sqlite3.Connection,
    journal: Journal,
    token: str,
    base_url: str,
    wants: Sequence[Want],
) -> BatchClaim:
    """Return which calls are ours to submit as the batch `token`, written down with their claims.

    Unfinished batches that the provider was never asked for are ended: their process is gone.
    """
    for other in open_batches(connection, [want.key for want in wants]):
        if is_orphan(journal, batch := find_batch(connection, other)) and not batch.submitted_at:
            give_up(connection, other, Outcome.DISCONNECTED, NEVER_CREATED)
    taken = BatchClaim()
    for want in wants:
        _claim(connection, journal, token, want, taken)
    if taken.mine:
        model = wants[0].request.model
        owner = journal.owner
        add_batch(
            connection, token, base_url=base_url, model=model, run=journal.run_id, owner=owner
        )
    return taken


def is_orphan(journal: Journal, batch: BatchRow) -> bool:
    """Tell whether nobody is about to create the batch or to write down its id."""
    is_owned = batch.owner is not None and journal.is_alive(batch.owner)
    return batch.batch_id is None and not is_owned


def _claim(
    connection: sqlite3.Connection, journal: Journal, token: str, want: Want, taken: BatchClaim
) -> None:
    if others := open_batches(connection, [want.key]):
        taken.theirs.update(others)
        return
    claim = journal.claim_in(
        connection, want.key, want.request, want.call, want.hold, LEASE_SECONDS
    )
    match claim:
        case StoredReply():
            taken.replies[want.key] = claim
        case Busy():
            taken.busy.append(want.key)
        case OverBudget():
            taken.over_budget.append(want.key)
        case Claimed(attempt):
            connection.execute("INSERT INTO batch_lines VALUES (?, ?)", (attempt, token))
            taken.mine.append(want.key)
