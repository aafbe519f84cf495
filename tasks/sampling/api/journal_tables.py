"""The tables of a journal, and a row of them as the program knows it."""

from dataclasses import dataclass

from tasks.sampling.api.reply import Usage

SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, request BLOB NOT NULL, sample_index INTEGER NOT NULL,
    reply_of INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attempts (
    attempt INTEGER PRIMARY KEY, key TEXT NOT NULL, run TEXT NOT NULL, stage TEXT NOT NULL,
    model TEXT NOT NULL, owner TEXT NOT NULL, started_at REAL NOT NULL, lease_until REAL NOT NULL,
    ended_at REAL, outcome TEXT, detail TEXT, held_tokens INTEGER NOT NULL, held_usd REAL NOT NULL,
    priced INTEGER NOT NULL, prompt_tokens INTEGER, completion_tokens INTEGER, spent_tokens INTEGER, spent_usd REAL,
    latency_seconds REAL, reply BLOB);
CREATE INDEX IF NOT EXISTS attempts_of_key ON attempts (key);
CREATE INDEX IF NOT EXISTS attempts_of_run ON attempts (run);
CREATE INDEX IF NOT EXISTS open_attempts ON attempts (key) WHERE ended_at IS NULL;
CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY, held_tokens INTEGER NOT NULL, held_usd REAL NOT NULL,
    spent_tokens INTEGER NOT NULL, spent_usd REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (
    token TEXT PRIMARY KEY, base_url TEXT NOT NULL, model TEXT NOT NULL, run TEXT NOT NULL,
    owner TEXT, created_at REAL NOT NULL, submitted_at REAL, batch_id TEXT, ended_at REAL,
    status TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch_lines (attempt INTEGER PRIMARY KEY, token TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS lines_of_batch ON batch_lines (token)
"""
"""`calls.reply_of` is the attempt whose reply counts. An attempt is open until `ended_at`; what it may
cost at most is held against its run until then. `runs` are the sums over a run's attempts.

A batch is known to the provider as `batch_id`, and by the `token` in its metadata where the process
that asked for it (`owner`) ended before it could write the id down. Without `submitted_at` the provider
was never asked for it. `batch_lines` are its attempts, in the order of its file. What belongs to a batch
that has not ended is not given up when its process ends: the provider goes on with it."""


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A reply that is on disk: `body` is what the server sent, byte for byte."""

    body: bytes
    latency_seconds: float
    usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The most that a call can cost: its claim holds this much of the budget until it is over.

    `priced` is false where the model's price is unknown, and `usd` with it.
    """

    tokens: int
    usd: float
    priced: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What an attempt counts against the budget.

    `usage` is what the server reports, null where it does not: then `tokens` and `usd` are the most
    that it can have been.
    """

    tokens: int
    usd: float
    usage: Usage | None = None
