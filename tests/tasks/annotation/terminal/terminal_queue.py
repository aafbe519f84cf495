"""A queue, a person and a terminal whose keys are written down before."""

import io
from dataclasses import dataclass, field

from rich.console import Console

from tasks.annotation.params import QueueParams
from tasks.annotation.queue.queues import open_queues
from tasks.annotation.terminal.label_in_terminal import label_in_terminal
from tests.tasks.annotation.small_items import small_items


@dataclass
class Terminal:
    """What one person sees and presses; `shown` has a text for each time a key was waited for."""

    queues: object
    queue_id: str
    width: int = 80
    height: int = 24
    encoding: str = "utf-8"
    shown: list[str] = field(default_factory=list)
    last: str = ""

    def press(self, *keys, notes=(), name="ann", clock=None):
        """Label with these keys, then Ctrl-D; the number of labels is returned."""
        raw = io.BytesIO()
        output = io.TextIOWrapper(raw, encoding=self.encoding, newline="")
        console = Console(
            file=output,
            width=self.width,
            height=self.height,
            force_terminal=True,
            color_system=None,
            legacy_windows=False,
            _environ={},
        )
        left, lines = list(keys), list(notes)
        self.shown = []

        def taken():
            output.flush()
            text = raw.getvalue().decode(self.encoding)
            raw.seek(0)
            raw.truncate()
            return text

        def read_key():
            self.shown.append(taken())
            if not left:
                raise EOFError
            key = left.pop(0)
            if isinstance(key, type):
                raise key
            return key

        def read_line():
            if not lines:
                raise KeyboardInterrupt
            return lines.pop(0)

        given = label_in_terminal(
            self.queues,
            self.queue_id,
            self.queues.annotator(name),
            console,
            read_key,
            read_line=read_line,
            **({"clock": clock} if clock else {}),
        )
        assert left == [], "keys that nobody waited for"
        self.last = taken()
        return given

    @property
    def labels(self):
        return self.queues.labels(self.queue_id)

    def order(self, item_id, name="ann"):
        """Return the letters of an item in the order on a person's screen."""
        (label,) = [
            row for row in self.labels if (row.comparison_id, row.annotator) == (item_id, name)
        ]
        return label.shown_order


def terminal_of(tmp_path, items=None, **params):
    """Return a terminal at a queue of these items, of three small ones if none are given."""
    queues = open_queues(tmp_path / "queues.sqlite")
    items = small_items(3) if items is None else items
    queue = queues.publish("made", items, QueueParams(**params), origin="made")
    return Terminal(queues, queue.queue_id)
