"""Every flow as a deployment, on one process."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import cast

from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron

from deployments.flow_table import FLOWS, load_flow
from storage.input_error import InputError

SERVER_START_SECONDS = 120


def serve_all(*, root: str, cron: str, timezone: str) -> None:
    """Serve nightly on `cron` and every stage without a schedule, until stopped.

    A second nightly is cancelled while one runs: two would do the same work twice.
    """
    try:
        schedule = Cron(cron, timezone=timezone, slug="nightly")
    except ValueError as error:
        raise InputError(f"schedule {cron!r} in time zone {timezone!r}: {error}") from None
    one_at_a_time = ConcurrencyLimitConfig(
        limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
    )
    deployments = [
        cast(
            "RunnerDeployment",
            load_flow(name).to_deployment(
                name,
                parameters={"root": root},
                tags=["prefline"],
                schedules=[schedule] if name == "nightly" else None,
                concurrency_limit=one_at_a_time if name == "nightly" else None,
            ),
        )
        for name in FLOWS
    ]
    serve(*deployments)


def serve_with_server(*, root: str, cron: str, timezone: str, port: int) -> None:
    """Start a Prefect server on the loopback interface and serve all flows through it.

    Raises:
        InputError: the server does not come up, for example because the port is taken.
    """
    url = f"http://127.0.0.1:{port}"
    start = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
    server = subprocess.Popen(
        [*start, "--port", str(port)],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PREFECT_SERVER_UI_API_URL": f"{url}/api"},  # its default is port 4200
    )
    try:
        _wait_until_healthy(server, url)
        print(f"Prefect UI: {url}", flush=True)  # noqa: T201  - what the user waits for
        again = [sys.executable, "-m", "deployments.cli", "serve", "--root", root]
        subprocess.run(
            [*again, "--cron", cron, "--timezone", timezone],
            env={**os.environ, "PREFECT_API_URL": f"{url}/api"},
            check=False,
        )
    except KeyboardInterrupt:
        pass
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_until_healthy(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + SERVER_START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/api/health", timeout=5):  # noqa: S310  - our own URL
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    raise InputError(
        f"no Prefect server came up at {url} within {SERVER_START_SECONDS} s; its messages stand "
        "above. If the port is taken, choose another with --port"
    )
