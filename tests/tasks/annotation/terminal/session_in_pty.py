"""One session of `ann` at the queues in the file that is named; the number of labels is printed."""

import sys
from pathlib import Path

from rich.console import Console

from tasks.annotation.queue.queues import open_queues
from tasks.annotation.terminal.keys import read_key
from tasks.annotation.terminal.label_in_terminal import label_in_terminal

queues = open_queues(Path(sys.argv[1]))
queue = queues.queue("latest")
given = label_in_terminal(queues, queue.queue_id, queues.annotator("ann"), Console(), read_key)
sys.stdout.write(f"given: {given}\n")
