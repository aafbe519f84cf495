"""A process that labels until nothing is left, and says what was acknowledged: item and label."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from tasks.annotation.queue.assignment import GivenLabel, NothingLeft
from tasks.annotation.queue.label_error import LeaseLostError
from tasks.annotation.queue.queues import open_queues


def main(path: str, queue_id: str, name: str, pause_seconds: str = "0") -> None:
    """Label as `name` from the moment that a line comes in, with a pause after each label."""
    queues = open_queues(Path(path))
    person = queues.annotator(name).annotator_id
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    while True:
        got = queues.next_item(queue_id, person, datetime.now(UTC))
        if isinstance(got, NothingLeft):
            if got.reason != "waiting":
                return
            time.sleep(0.01)
            continue
        said = GivenLabel(item_id=got.item.item_id, choice=got.shown_order[0])
        try:
            label = queues.give(queue_id, person, said, datetime.now(UTC))
        except LeaseLostError:
            continue
        sys.stdout.write(f"{said.item_id} {label.label_id}\n")
        sys.stdout.flush()
        time.sleep(float(pause_seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
