"""Who labels: names, roles and the hashes of their tokens."""

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass, field
from typing import Literal

from storage.input_error import InputError
from tasks.annotation.queue.queue_state import Annotator

MOST_NAME_CHARACTERS = 200
_TOKEN_BYTES = 32
Role = Literal["annotator", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAnnotator:
    """A person and the token of their link, which is known only here."""

    annotator: Annotator
    token: str = field(repr=False)  # representations end up in logs


def annotators(connection: sqlite3.Connection) -> list[Annotator]:
    """Return everybody, those who came first first."""
    rows = connection.execute("SELECT annotator, name, role FROM annotators ORDER BY annotator")
    return [Annotator(annotator_id=row[0], name=row[1], role=row[2]) for row in rows]


def annotator_called(connection: sqlite3.Connection, name: str, role: Role) -> Annotator:
    """Return the person of that name, made with `role` if there is none; roles are kept.

    Raises:
        InputError: this cannot be a name.
    """
    _check_name(name)
    connection.execute(
        "INSERT INTO annotators (name, role) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
        (name, role),
    )
    row = connection.execute(
        "SELECT annotator, name, role FROM annotators WHERE name = ?", (name,)
    ).fetchone()
    return Annotator(annotator_id=row["annotator"], name=row["name"], role=row["role"])


def invite(connection: sqlite3.Connection, name: str, role: Role) -> NewAnnotator:
    """Return the person of that name, with `role` and a new token; an earlier one is void.

    Raises:
        InputError: this cannot be a name.
    """
    _check_name(name)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    connection.execute(
        "INSERT INTO annotators (name, role, token_hash) VALUES (?, ?, ?) ON CONFLICT (name) "
        "DO UPDATE SET role = excluded.role, token_hash = excluded.token_hash",
        (name, role, _token_hash(token)),
    )
    return NewAnnotator(annotator=annotator_called(connection, name, role), token=token)


def who(connection: sqlite3.Connection, token: str) -> Annotator | None:
    """Return whose token it is, null if nobody's.

    It is looked up by its hash: how long that takes tells nothing about the tokens that exist.
    """
    row = connection.execute(
        "SELECT annotator, name, role FROM annotators WHERE token_hash = ?", (_token_hash(token),)
    ).fetchone()
    if row is None:
        return None
    return Annotator(annotator_id=row["annotator"], name=row["name"], role=row["role"])


def name_of(connection: sqlite3.Connection, annotator_id: int) -> str:
    """Return the name of a person.

    Raises:
        InputError: there is no such person.
    """
    row = connection.execute(
        "SELECT name FROM annotators WHERE annotator = ?", (annotator_id,)
    ).fetchone()
    if row is None:
        raise InputError(
            f"there is no annotator {annotator_id}; get one by name, or invite somebody"
        )
    return str(row["name"])


def _token_hash(token: str) -> str:
    # A guess may hold anything, also what is no valid Unicode.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _check_name(name: str) -> None:
    is_fit = name == name.strip() and 0 < len(name) <= MOST_NAME_CHARACTERS and name.isprintable()
    if not is_fit:
        raise InputError(
            f"{name[:MOST_NAME_CHARACTERS]!r} cannot be the name of an annotator; give 1 to "
            f"{MOST_NAME_CHARACTERS} printable characters without spaces at the ends"
        )
