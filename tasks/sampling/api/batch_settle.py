"""Writing down what a batch came to; repeated, it changes nothing."""

import sqlite3
from collections.abc import Sequence

import orjson

from tasks.sampling.api.batch_end import BatchEnd, Settled, parse_line, read_line
from tasks.sampling.api.batch_rows import end_batch, find_batch, open_line, open_lines
from tasks.sampling.api.bill import Bill
from tasks.sampling.api.journal_rows import lose, settle
from tasks.sampling.api.request import ApiRequest


def settle_lines(
    connection: sqlite3.Connection, token: str, raw: Sequence[bytes], end: BatchEnd, bill: Bill
) -> int:
    """Settle the calls of some lines of a batch's files; return how many lines are damaged."""
    num_damaged = 0
    for one in raw:
        line = parse_line(one)
        if line is None:
            num_damaged += 1
            continue
        row = open_line(connection, token, line["custom_id"])
        if row is not None:
            _settle(connection, row, read_line(line, _request(row), bill), end.latency_seconds)
    return num_damaged


def settle_rest(connection: sqlite3.Connection, token: str, end: BatchEnd, bill: Bill) -> None:
    """Settle the calls that the files do not name, and end the batch."""
    if find_batch(connection, token).ended_at is not None:
        return
    for number, row in enumerate(open_lines(connection, token), start=1):
        _settle(connection, row, end.without_line(number, _request(row), bill), end.latency_seconds)
    end_batch(connection, token, end.status)


def lose_batch(connection: sqlite3.Connection, token: str) -> None:
    """Give up a batch that the provider does not know any more: its calls may have been paid."""
    for row in open_lines(connection, token):
        lose(connection, row["attempt"])
    end_batch(connection, token, "lost")


def _settle(
    connection: sqlite3.Connection, row: sqlite3.Row, settled: Settled, latency_seconds: float
) -> None:
    outcome, spent = str(settled.outcome), settled.spent
    settle(
        connection, row["attempt"], outcome, spent, settled.detail, settled.body, latency_seconds
    )


def _request(row: sqlite3.Row) -> ApiRequest:
    """Return the request of a line, which another run may have made."""
    call = orjson.loads(row["request"])
    return ApiRequest(
        endpoint=call["endpoint"], body=call["body"], sample_index=row["sample_index"]
    )
