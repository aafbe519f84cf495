"""The order in which answers stand on one person's screen."""

import hashlib
import hmac
import sqlite3


def shown_order(secret: bytes, item_id: str, annotator: str, letters: str) -> str:
    """Return `letters` in the order in which `annotator` sees them, for ever the same.

    Over many items each order comes equally often, and without `secret` nobody can tell from the
    place on the screen which answer it is.
    """

    def place(letter: str) -> bytes:
        return hmac.digest(secret, f"{item_id}|{annotator}|{letter}".encode(), hashlib.sha256)

    return "".join(sorted(letters, key=place))


def order_on_screen(
    connection: sqlite3.Connection, item_id: str, annotator: str, letters: str
) -> str:
    """Return `letters` in the order in which `annotator` sees them, by the secret of the file."""
    secret = connection.execute("SELECT secret FROM secrets").fetchone()[0]
    return shown_order(secret, item_id, annotator, letters)
