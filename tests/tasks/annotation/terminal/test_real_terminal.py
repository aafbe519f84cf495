"""Labelling in a real terminal: a pseudoterminal with a process in it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from storage.input_error import InputError
from tasks.annotation.terminal.keys import read_key
from tests.tasks.annotation.terminal.terminal_queue import terminal_of

CHECKOUT = Path(__file__).resolve().parents[4]
LOCAL_MODES = 3
DEADLINE_SECONDS = 60


class Pseudoterminal:
    """A process in a terminal of 80 columns and 24 lines."""

    def __init__(self, path):
        self._side, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        script = Path(__file__).with_name("session_in_pty.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(path)],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "TERM": "xterm-256color"},
        )
        os.close(inside)
        self.text = ""

    def is_raw(self):
        return not termios.tcgetattr(self._side)[LOCAL_MODES] & termios.ICANON

    def wait(self, pattern, *, raw):
        """Wait until the text after the last wait matches, and the terminal reads keys or lines."""
        end = time.monotonic() + DEADLINE_SECONDS
        while not (re.search(pattern, self.text, re.DOTALL) and self.is_raw() == raw):
            if time.monotonic() > end:
                pytest.fail(f"no {pattern!r} in {self.text!r}")
            if select.select([self._side], [], [], 0.05)[0]:
                self.text += os.read(self._side, 65_536).decode()
        seen, self.text = self.text, ""
        return seen

    def type(self, keys):
        os.write(self._side, keys.encode())


def test_a_session_over_a_terminal_line(tmp_path):
    terminal = terminal_of(tmp_path)
    screen = Pseudoterminal(terminal.queues.path)
    try:
        seen = screen.wait(r"0 of 3 labels.*q quit", raw=True)
        assert "answer 1" in seen
        screen.type("n")
        screen.wait("Note", raw=False)
        screen.type("shörter\n")
        screen.wait(r"note: shörter.*q quit", raw=True)
        screen.type("1")
        screen.wait(r"1 of 3 labels.*q quit", raw=True)
        screen.type("\x1b[C")
        seen = screen.wait(r"2 of 3 labels.*q quit", raw=True)
        assert "\x1b[C" not in seen  # keys are not echoed
        screen.type("x\x03")  # Ctrl-C behind another key
        screen.wait(r"kept for you for 30 minutes.*given: 2", raw=False)
        assert screen.process.wait(timeout=DEADLINE_SECONDS) == 0
    finally:
        screen.process.kill()
        screen.process.wait()
    first, second = terminal.labels
    assert (first.choice, first.note) == (first.shown_order[0], "shörter")
    assert second.choice == second.shown_order[1]
    assert 0 < first.seconds < DEADLINE_SECONDS


def test_an_input_that_is_no_terminal_is_told(monkeypatch):
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(InputError, match="the input is no terminal"):
            read_key()
