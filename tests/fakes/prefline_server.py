"""`prefline serve` as a process, without a configured server."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 150


class Server:
    """The addresses of the Prefect server and of the annotation page, and the store behind them."""

    def __init__(self, port: int, page_port: int, root: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.root = root
        self.page = f"http://127.0.0.1:{page_port}"

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return answer.read().decode()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{self.url}/api{path}",
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        for _ in range(20):
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return json.loads(answer.read())
            except urllib.error.HTTPError as error:
                if (
                    error.code != 503
                ):  # its database is locked, which Prefect's own client waits out
                    raise
                time.sleep(0.5)
        raise TimeoutError(path)

    def deployment(self, name: str) -> dict[str, Any]:
        return json.loads(self.get(f"/api/deployments/name/{name}/{name}"))


def until(check, *, seconds: float):
    """Return the first true answer of `check`, which may fail to connect for a while."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if answer := check():
                return answer
        except (urllib.error.URLError, ConnectionError, httpx2.TransportError):
            pass
        time.sleep(0.5)
    pytest.fail(f"nothing after {seconds} s")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    """Serve the store `home/data` until the context ends; then nothing that it started is left."""
    port, page_port = free_port(), free_port()
    root = home / "data"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "deployments.cli",
            "serve",
            "--port",
            str(port),
            "--page-port",
            str(page_port),
            "--root",
            str(root),
            "--timezone",
            "Europe/London",
        ],
        cwd=CHECKOUT,
        env={
            **os.environ,
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_API_URL": "",
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",  # seconds, instead of 10 before each start
        },
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    running = Server(port, page_port, root)
    try:
        until(lambda: running.deployment("evaluate"), seconds=START_SECONDS)
        yield running
    finally:
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=90)
        _, left = psutil.wait_procs(started, timeout=20)
        assert left == []
