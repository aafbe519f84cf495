"""`prefline serve` without a configured server, for real: the UI's page, the schedule, and a run started there."""

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
from pathlib import Path
from typing import Any

import psutil
import pytest

from storage.store import open_store

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 150


class Server:
    def __init__(self, port: int, root: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.root = root

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return answer.read().decode()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{self.url}/api{path}",
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def deployment(self, name: str) -> dict[str, Any]:
        return json.loads(self.get(f"/api/deployments/name/{name}/{name}"))


def until(check, *, seconds: float):
    """Return the first true answer of `check`, which may fail to connect for a while."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if answer := check():
                return answer
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.5)
    pytest.fail(f"nothing after {seconds} s")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("served")
    root = home / "data"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "deployments.cli",
            "serve",
            "--port",
            str(port),
            "--root",
            str(root),
            "--timezone",
            "Europe/London",
        ],
        cwd=CHECKOUT,
        env={**os.environ, "PREFECT_HOME": str(home / "prefect"), "PREFECT_API_URL": ""},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    running = Server(port, root)
    try:
        until(lambda: running.deployment("evaluate"), seconds=START_SECONDS)
        yield running
    finally:
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=90)
        _, left = psutil.wait_procs(started, timeout=20)
        assert left == []


def test_the_page_of_the_ui_is_served_with_its_scripts(server):
    page = server.get("/")
    assert "<title>Prefect" in page
    script = page.split('src="', 1)[1].split('"', 1)[0]
    assert len(server.get(script)) > 1_000


def test_nightly_is_scheduled_at_night_in_the_time_zone(server):
    """SQLAlchemy 2.1 passes every other test and breaks this one with Prefect 3.8."""
    nightly = server.deployment("nightly")
    assert nightly["schedules"][0]["schedule"]["cron"] == "0 2 * * *"
    assert nightly["schedules"][0]["schedule"]["timezone"] == "Europe/London"
    of_nightly = {
        "deployments": {"id": {"any_": [nightly["id"]]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    }
    assert until(lambda: server.post("/flow_runs/filter", of_nightly), seconds=60)


def test_a_form_shows_every_parameter_with_its_help(server):
    schema = server.deployment("train-dpo")["parameter_openapi_schema"]
    beta = schema["definitions"]["DPOParams"]["properties"]["beta"]
    assert beta["default"] == 0.1
    assert "reference" in beta["description"]
    assert "artifact id" in schema["properties"]["pairs"]["description"]


def test_a_stage_that_is_started_in_the_ui_writes_its_artifacts(server):
    ingest = server.deployment("ingest")
    given = {"params": {"source": "reviews", "num_reviews": 60}}
    run = server.post(f"/deployments/{ingest['id']}/create_flow_run", {"parameters": given})

    def ended():
        state = json.loads(server.get(f"/api/flow_runs/{run['id']}"))["state"]
        return state if state["type"] in {"COMPLETED", "FAILED", "CRASHED"} else None

    assert until(ended, seconds=120)["type"] == "COMPLETED"
    shown = server.post("/artifacts/filter", {"artifacts": {"key": {"any_": ["ingest"]}}})
    assert [artifact["type"] for artifact in shown] == ["table"]
    (demonstrations,) = open_store(server.root, create=False).artifacts("demonstrations")
    assert demonstrations.rows == 60
    assert demonstrations.flow_run_id == run["id"]
