"""Label the comparisons of a queue in a terminal."""

import time
from collections.abc import Callable

from rich.console import Console

from storage.input_error import InputError
from tasks.annotation.queue.queue_state import Annotator
from tasks.annotation.queue.queues import Queues
from tasks.annotation.terminal.desk import Desk
from tasks.annotation.terminal.screen import Screen
from tasks.annotation.terminal.session import Session


def label_in_terminal(
    queues: Queues,
    queue_id: str,
    annotator: Annotator,
    console: Console,
    read_key: Callable[[], str],
    *,
    read_line: Callable[[], str] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Return how many labels the person gave until nothing was left or they quit.

    Labels that were taken back do not count. Whoever quits keeps the comparison on the screen as
    long as the queue's lease lasts. `read_key` is `keys.read_key` or behaves as it does, `read_line`
    reads a note, by default from the terminal.

    Raises:
        InputError: the output is no terminal, or there is no such queue.
    """
    if not console.is_terminal:
        raise InputError(
            "the output is no terminal, so nothing can be shown on it; run it in a terminal (over ssh "
            "with `ssh -t`), or leave out --terminal to label on the page"
        )
    params = queues.queue(queue_id).params
    desk = Desk(queues, queue_id, annotator.annotator_id)
    screen = Screen(console, params.instructions)
    session = Session(desk, screen, read_key, read_line or console.input, clock)
    try:
        is_left = session.label()
    except (KeyboardInterrupt, EOFError):
        is_left = True
    if is_left:
        screen.say(f"This comparison is kept for you for {params.lease_minutes:g} minutes.")
    return desk.num_given
