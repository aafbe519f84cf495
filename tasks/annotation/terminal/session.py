"""A person before a terminal: keys come in, labels go out."""

from collections.abc import Callable

from tasks.annotation.queue.assignment import Assignment, NothingLeft
from tasks.annotation.queue.label_error import LabelError
from tasks.annotation.terminal.desk import Desk, Next
from tasks.annotation.terminal.draft import Draft, draft_of
from tasks.annotation.terminal.keys import key_in
from tasks.annotation.terminal.screen import Screen
from tasks.annotation.terminal.stopwatch import Stopwatch

_LEFT = {
    "finished": "All comparisons are labelled. Thank you!",
    "waiting": "Others have the rest in hand; come back later to see whether any is left.",
    "closed": "This queue is closed and takes no labels any more.",
}
_ANSWERS = frozenset({*"123456789tbs", "left", "right"})
_QUIT = "q"


class Session:
    """One comparison after the other, until nothing is left or the person quits."""

    def __init__(
        self,
        desk: Desk,
        screen: Screen,
        read_key: Callable[[], str],
        read_line: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        self._desk = desk
        self._screen = screen
        self._read_key = read_key
        self._read_line = read_line
        self._clock = clock

    def label(self) -> bool:
        """Return whether a comparison is left in the person's hand, because they quit."""
        after: Next | None = self._desk.next()
        while after is not None:
            if isinstance(after.found, NothingLeft):
                after = self._end(after.found, after.message)
                if after is None:
                    return False
            else:
                after = self._one(after.found, after.message)
        return True

    def _one(self, assignment: Assignment, message: str) -> Next | None:
        """Return what comes after a comparison, None if the person quits."""
        draft, watch = draft_of(assignment), Stopwatch(self._clock)
        draft.message = message or draft.message
        while True:
            self._screen.show(draft, self._desk.progress())
            draft.message = ""
            key = key_in(self._read_key())
            if key == _QUIT:
                return None
            after = self._obey(key, draft, watch)
            if after is not None:
                return after

    def _obey(self, key: str | None, draft: Draft, watch: Stopwatch) -> Next | None:
        """Do what a key says, and return what comes next if the comparison is settled."""
        seconds = watch.lap()
        if key is not None and key in _ANSWERS:
            return self._answer(key, draft, seconds)
        if key == "u":
            draft.message = "there is no label of yours to take back"
            return self._desk.undo()
        if key == "n":
            self._note(draft)
        elif key in {"?", "h"}:
            self._screen.show_help()
            self._read_key()
            watch.leave_out()
        elif key in {"up", "down"}:
            self._screen.scroll(1 if key == "down" else -1)
        elif key is None:
            draft.message = "several keys came at once, and none was taken; press one"
        elif not draft.change(key):
            draft.message = f"{key!r} is no key here; press ? to see which there are"
        return None

    def _answer(self, key: str, draft: Draft, seconds: float) -> Next | None:
        label = draft.answer(key, seconds)
        if label is None:
            return None
        try:
            return self._desk.give(label)
        except LabelError as error:
            draft.message = str(error)
        except OSError as error:
            draft.message = f"not saved ({error}); press the key again"
        return None

    def _note(self, draft: Draft) -> None:
        """Let the person write a note; an empty line leaves it as it is, - takes it away."""
        self._screen.say("Note, ended by Enter (empty: leave it as it is; -: no note):")
        try:
            line = self._read_line().strip()
        except (KeyboardInterrupt, EOFError):
            return
        if line:
            note = "" if line == "-" else line
            draft.note = note.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    def _end(self, left: NothingLeft, message: str) -> Next | None:
        """Tell why there is nothing, and return what the person takes back if they do."""
        self._screen.clear()
        if message:
            self._screen.say(message)
        self._screen.say(_LEFT[left.reason])
        if not self._desk.progress().can_undo:
            return None
        self._screen.say("Press u to take your last label back, any other key to leave.")
        try:
            return self._desk.undo() if key_in(self._read_key()) == "u" else None
        except (KeyboardInterrupt, EOFError):
            return None
