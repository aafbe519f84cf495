import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import httpx2
import pytest
from fastapi import FastAPI

from storage.input_error import InputError
from tasks.annotation.page import serve_page as served
from tasks.annotation.page.page_settings import PageSettings
from tasks.annotation.page.serve_page import listening, serve_page
from tasks.annotation.params import QueueParams
from tasks.annotation.queue.queues import Queues
from tests.fakes.annotation_page import comparisons, page_client
from tests.tasks.annotation.page.page_desk import Desk

ROOT = Path(__file__).parents[4]


@contextmanager
def process(queues: Queues, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.fakes.annotation_page", str(queues.path), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def address(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    return started.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_page_and_not_the_program(desk: Desk, number: signal.Signals) -> None:
    with process(desk.queues, "--annotator", "ann") as started:
        client = page_client(address(started))
        assert client.get(f"{desk.api}/next").status_code == 200  # its connection stays open
        started.send_signal(number)
        out, errors = started.communicate(timeout=20)
    assert (started.returncode, out, errors) == (0, "", "")


def test_a_page_that_was_killed_goes_on_at_once_where_it_was(desk: Desk) -> None:
    with process(desk.queues, "--annotator", "ann") as started:
        url = address(started)
        port = url.rpartition(":")[2]
        client = page_client(url)
        item = client.get(f"{desk.api}/next").json()["item"]
        said = {"item_id": item["item_id"], "choice": 1, "seconds": 1.0}
        assert client.post(f"{desk.api}/label", json=said).json()["saved"] is True
        shown = client.get(f"{desk.api}/next").json()
        os.kill(started.pid, signal.SIGKILL)
    with process(desk.queues, "--annotator", "ann", "--port", port) as again:
        assert address(again) == url
        client = page_client(url)
        assert client.post(f"{desk.api}/label", json=said).json()["saved"] is True
        resumed = client.get(f"{desk.api}/next").json()
    assert resumed["item"]["item_id"] == shown["item"]["item_id"]
    assert resumed["item"]["responses"] == shown["item"]["responses"]
    assert len(desk.queues.labels(desk.queue.queue_id)) == 1


def test_a_port_that_is_taken_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port} of '127\.0\.0\.1'.*0 takes any"):
            serve_page(FastAPI(), "127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("127.0.0.1", 70_000),
        ("127.0.0.1", -1),
        ("192.0.2.1", 0),
        ("no such host", 0),
        ("\ud800", 0),
    ],
    ids=["large-port", "negative-port", "other-machine", "no-name", "no-text"],
)
def test_an_address_that_cannot_be_served_is_an_input_error(host: str, port: int) -> None:
    with pytest.raises(InputError, match="give another port"):
        listening(host, port).close()


def test_replies_do_not_wait_for_the_clients_acknowledgement() -> None:
    with (
        listening("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as connection,
    ):
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_what_is_done_every_few_seconds_may_fail_without_ending_the_page(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(served, "TICK_SECONDS", 0.01)
    ticks: list[float] = []
    statuses: list[int] = []
    is_done = Event()

    def tick() -> None:
        ticks.append(time.monotonic())
        if len(ticks) == 5:
            is_done.set()
        raise RuntimeError("the flow's server cannot be reached")

    def ask(url: str) -> None:
        is_done.wait(10)
        statuses.append(httpx2.get(f"{url}/join", trust_env=False).status_code)
        os.kill(os.getpid(), signal.SIGINT)

    def start(port: int) -> None:
        Thread(target=ask, args=(f"http://127.0.0.1:{port}",), daemon=True).start()

    before = signal.getsignal(signal.SIGINT)
    app = desk.client(None, PageSettings()).app
    serve_page(app, "127.0.0.1", 0, tick, on_start=start)  # type: ignore[arg-type]
    assert statuses == [200]
    assert caplog.text.count("the flow's server cannot be reached") >= 5
    assert signal.getsignal(signal.SIGINT) == before
    count = len(ticks)
    time.sleep(0.1)
    assert len(ticks) == count


def label_and_stop(started: subprocess.Popen[str], api: str) -> Iterator[str]:
    """The ids of items whose labels were acknowledged, until the page has gone; it is told to go."""
    client = page_client(address(started))
    item = client.get(f"{api}/next").json()["item"]
    for count in range(50):
        said = {"item_id": item["item_id"], "choice": 1, "seconds": 0.0}
        if count == 5:
            started.terminate()
        try:
            reply = client.post(f"{api}/label", json=said)
        except httpx2.TransportError:
            return
        assert reply.status_code == 200
        yield item["item_id"]
        item = reply.json()["screen"]["item"]


def test_what_was_acknowledged_before_the_page_went_is_kept(desk: Desk) -> None:
    queue = desk.queues.publish("many", comparisons(50), QueueParams(), origin="x")
    with process(desk.queues, "--annotator", "ann") as started:
        acknowledged = list(label_and_stop(started, f"/api/q/{queue.queue_id}"))
        assert started.wait(20) == 0
    kept = [label.comparison_id for label in desk.queues.labels(queue.queue_id)]
    assert 5 <= len(acknowledged) < 50
    assert kept[: len(acknowledged)] == acknowledged
    assert len(kept) <= len(acknowledged) + 1
