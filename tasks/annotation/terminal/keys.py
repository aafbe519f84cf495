"""Keys as a person presses them."""

import re
import sys

import click

from storage.input_error import InputError

_ONE_KEY = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])?|.", re.DOTALL)
_INTERRUPT, _END = "\x03", "\x04"
_NAMES = {
    "\x1b[A": "up",
    "\x1bOA": "up",
    "\x1b[5~": "up",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "\x1b[6~": "down",
    " ": "down",
    "\r": "down",
    "\n": "down",
    "\x1b[C": "right",
    "\x1bOC": "right",
    "\x1b[D": "left",
    "\x1bOD": "left",
    "\x1b": "back",
    "\x7f": "back",
    "\b": "back",
}


def read_key() -> str:
    """Return what was pressed since the last call, or wait for it: one key, or several at once.

    What was typed before the call is thrown away: it was not meant for what is shown now.

    Raises:
        InputError: the input is no terminal.
        KeyboardInterrupt: Ctrl-C was pressed.
        EOFError: Ctrl-D was pressed, or the terminal is gone.
    """
    if not sys.stdin.isatty():
        raise InputError(
            "the input is no terminal, so no keys can be read; run it in a terminal (over ssh with "
            "`ssh -t`), or leave out --terminal to label on the page"
        )
    pressed = click.getchar()
    if _INTERRUPT in pressed:  # click sees it only where nothing else was pressed
        raise KeyboardInterrupt
    if not pressed or _END in pressed:
        raise EOFError
    return pressed


def key_in(pressed: str) -> str | None:
    """Return the name of the key that was pressed, None if several different ones came at once.

    Letters are small; keys with a name are up, down, left, right and back. What is pasted, or typed
    faster than it can be shown, is no answer.
    """
    keys = {_NAMES.get(key, key.lower()) for key in _ONE_KEY.findall(pressed)}
    return keys.pop() if len(keys) == 1 else None
