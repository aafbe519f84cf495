"""Publish comparisons and open them to people: on the page, or in this terminal."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from rich.console import Console

from deployments.print_rows import print_rows
from storage.input_error import InputError
from storage.store import open_store
from tasks.annotation.formats.read_comparisons import read_comparisons
from tasks.annotation.formats.write_labels import Format, write_labels
from tasks.annotation.page.page_settings import PageSettings, check_binding, is_loopback
from tasks.annotation.queue.queue_state import QueueState
from tasks.annotation.queue.queues import Queues, open_queues

ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where the page listens and who may come in.

    `annotators` get a link each; without any, the page is open to this machine alone and `me` labels.
    `public_url` is what people type where a proxy stands before the page.
    """

    host: str
    port: int
    annotators: tuple[str, ...] = ()
    new_link: str | None = None
    public_url: str | None = None
    me: str


def offer(root: str, settings: Sequence[str]) -> QueueState:
    """Return the queue of the comparisons that `settings` name, as `collect-pairs` takes them.

    Raises:
        InputError: a setting does not fit, or names nothing that can be compared.
    """
    from deployments.arguments import flow_arguments
    from flows.collect_pairs import collect_pairs
    from tasks.annotation.task import publish

    given = flow_arguments(collect_pairs.fn, profile=None, settings=[*settings, f"root={root}"])
    published = publish(root, given["comparisons"], given["queue"])
    queue = published.queue
    print(  # noqa: T201  - what the user asked for
        f"queue {queue.name}: {queue.num_items:,} comparisons, {_labels(queue)} labels"
        + (
            f"; refused rows in quarantine: {published.num_refused:,}"
            if published.num_refused
            else ""
        ),
        flush=True,
    )
    return queue


def serve_queues(root: str, door: Door, published: QueueState | None) -> None:
    """Serve the page of all queues until stopped.

    Raises:
        InputError: the address is open to others and nobody has a token, or the port is taken.
    """
    from tasks.annotation.page.app import make_app
    from tasks.annotation.page.serve_page import serve_page

    queues = queues_of(root)
    by_token = bool(door.annotators) or not is_loopback(door.host)
    invited = any(person.name == ADMIN for person in queues.annotators())
    check_binding(door.host, has_tokens=bool(door.annotators) or invited)
    settings = PageSettings(
        local_annotator=None if by_token else door.me,
        hosts=_hosts(door),
        secure_cookie=(door.public_url or "").startswith("https:"),
    )

    def tell(port: int) -> None:
        address = _address(door, port)
        where = f"q/{published.queue_id}" if published else ""
        print(f"annotation page: {address}/{where}", flush=True)  # noqa: T201  - what the user waits for
        _tell_links(_tokens(queues, door) if by_token else {}, address)

    serve_page(make_app(queues, settings), door.host, door.port, _waker(queues), on_start=tell)


def label_here(root: str, me: str, published: QueueState | None) -> None:
    """Label in this terminal.

    Raises:
        InputError: this is no terminal, or there is no queue.
    """
    from tasks.annotation.terminal.keys import read_key
    from tasks.annotation.terminal.label_in_terminal import label_in_terminal

    queues = queues_of(root)
    queue = published or queues.queue("latest")
    given = label_in_terminal(queues, queue.queue_id, queues.annotator(me), Console(), read_key)
    Console().print(
        f"{given:,} labels given; the queue has {_labels(queues.queue(queue.queue_id))}"
    )


def show_queues(root: str) -> None:
    """Print every queue with how far it is, newest first."""
    rows = [
        {
            "queue": state.queue_id[:12],
            "name": state.name,
            "comparisons": state.num_items,
            "gold": state.num_gold,
            "labels": _labels(state),
            "is": "open" if state.is_open else "closed",
        }
        for state in queues_of(root).queues()
    ]
    if not rows:
        Console().print("no queue yet; `prefline annotate --pairs latest` makes one")
        return
    print_rows(Console(), list(rows[0]), rows)


def export(root: str, reference: str, kind: str, out: str) -> None:
    """Write a queue with all its labels to a file.

    Raises:
        InputError: there is no such queue or format.
    """
    if kind not in get_args(Format):
        raise InputError(f"format {kind!r} is unknown; choose one of {', '.join(get_args(Format))}")
    queues = queues_of(root)
    queue = queues.queue(reference)
    items, labels = queues.items(queue.queue_id), queues.labels(queue.queue_id)
    write_labels(Path(out), cast("Format", kind), items, labels)
    Console().print(f"{out}: {len(items):,} comparisons, {len(labels):,} labels", soft_wrap=True)


def import_labels(root: str, reference: str, file: str) -> None:
    """Add labels that were given elsewhere to a queue that has the same comparisons.

    Raises:
        InputError: the queue has none of the comparisons of the file.
    """
    queues = queues_of(root)
    queue = queues.queue(reference)
    read = read_comparisons(Path(file))
    known = {item.item_id for item in queues.items(queue.queue_id)}
    labels = [label for label in read.labels if label.comparison_id in known]
    if not labels:
        raise InputError(
            f"{file!r} holds {len(read.labels):,} labels, none of them of a comparison in queue "
            f"{queue.name!r}; publish the file itself: prefline annotate --file {file}"
        )
    new = queues.add_labels(queue.queue_id, labels)
    left_out = len(read.labels) - len(labels)
    Console().print(
        f"{new:,} labels added or renewed, {len(labels) - new:,} known already, {left_out:,} of other "
        f"comparisons left out, {len(read.refusals):,} rows refused"
    )


def _waker(queues: Queues) -> Callable[[], None]:
    """Return what wakes the runs that wait for labels which are in."""

    def wake() -> None:
        if queues.due(datetime.now(UTC)):
            # Prefect takes two seconds to import, and the page should be there at once.
            from flows.label_wait import resume_due_runs

            resume_due_runs(queues)

    return wake


def queues_of(root: str) -> Queues:
    """Return the queues of the store at `root`."""
    return open_queues(open_store(root).annotation_path)


def _labels(state: QueueState) -> str:
    return f"{state.num_labels:,} of {state.num_wanted:,}"


def _tell_links(tokens: dict[str, str], address: str) -> None:
    """Print each new link; the token stands behind `#`, which no browser sends to a server."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for name, token in tokens.items():
        console.print(f"  {name}: {address}/join#{token}")
    if tokens:
        console.print("Each link is shown this once. Who has it can label under that name.")


def _tokens(queues: Queues, door: Door) -> dict[str, str]:
    """Return a token for everybody who is new, for who needs a new one, and for the first admin."""
    known = {person.name for person in queues.annotators()}
    wanted = [name for name in door.annotators if name not in known or name == door.new_link]
    if door.new_link and door.new_link not in wanted:
        wanted.append(door.new_link)
    if ADMIN not in known and ADMIN not in wanted:
        wanted.append(ADMIN)
    return {name: queues.invite(name, _role(name)).token for name in wanted}


def _role(name: str) -> Literal["annotator", "admin"]:
    return "admin" if name == ADMIN else "annotator"


def _address(door: Door, port: int) -> str:
    if door.public_url:
        return door.public_url.rstrip("/")
    everywhere = door.host in {"0.0.0.0", "::"}  # noqa: S104  - compared, not bound
    host = socket.gethostname() if everywhere else door.host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _hosts(door: Door) -> tuple[str, ...]:
    """Return the names by which the page may be asked for; others may be a rebound DNS name."""
    named = {door.host, *((urlsplit(door.public_url).hostname or "",) if door.public_url else ())}
    if is_loopback(door.host):
        return tuple({*named, "localhost", "127.0.0.1", "::1"})
    own = {address[4][0] for address in socket.getaddrinfo(socket.gethostname(), None)}
    return tuple(map(str, {*named, *own, socket.gethostname(), socket.getfqdn()}))
