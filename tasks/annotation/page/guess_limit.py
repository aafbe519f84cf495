"""How many wrong tokens are looked at before the page stops looking."""

import hashlib
import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

from tasks.annotation.queue.queue_state import Annotator

MOST_WRONG_OF_CLIENT = 5
MOST_WRONG = 50
WINDOW_SECONDS = 60.0
_MOST_KNOWN = 10_000


class TooManyGuessesError(Exception):
    """Too many wrong tokens came within a minute; this one was not looked at."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class _Guess(NamedTuple):
    client: str
    token_hash: bytes


class GuessLimit:
    """Looks tokens up, and stops doing so for a client, then for all, after too many wrong ones.

    The same wrong token from the same client counts once, so an outdated cookie locks nobody out.
    Who was let in before goes on while new tokens are refused, so guessing locks nobody out either;
    that is no way around the limit, as a token that is not known from this very client is not
    looked up then.
    """

    def __init__(
        self,
        who: Callable[[str], Annotator | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._who = who
        self._clock = clock
        self._wrong: deque[tuple[float, _Guess]] = deque()
        self._known: dict[_Guess, None] = {}
        self._lock = Lock()

    def who(self, token: str, client: str) -> Annotator | None:
        """Return whose token it is, null if nobody's.

        Raises:
            TooManyGuessesError: it was not looked at.
        """
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        guess = _Guess(client, digest)
        if guess in self._known:
            return self._look_up_known(token, guess)
        with self._lock:  # one after the other: guesses at the same time are counted, too
            self._refuse(guess)
            annotator = self._who(token)
            if annotator is None:
                self._count(guess)
            else:
                self._remember(guess)
        return annotator

    def _look_up_known(self, token: str, guess: _Guess) -> Annotator | None:
        annotator = self._who(token)
        if annotator is None:  # they got another token meanwhile
            with self._lock:
                self._known.pop(guess, None)
                self._count(guess)
        return annotator

    def _refuse(self, guess: _Guess) -> None:
        now = self._clock()
        while self._wrong and self._wrong[0][0] <= now - WINDOW_SECONDS:
            self._wrong.popleft()
        times = [at for at, wrong in self._wrong if wrong.client == guess.client]
        if len(times) >= MOST_WRONG_OF_CLIENT:
            oldest = times[-MOST_WRONG_OF_CLIENT]
        elif len(self._wrong) >= MOST_WRONG:
            oldest = self._wrong[-MOST_WRONG][0]
        else:
            return
        raise TooManyGuessesError(max(1, round(oldest + WINDOW_SECONDS - now + 0.5)))

    def _count(self, guess: _Guess) -> None:
        if all(wrong != guess for _, wrong in self._wrong):
            self._wrong.append((self._clock(), guess))

    def _remember(self, guess: _Guess) -> None:
        while len(self._known) >= _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[guess] = None
