"""Every flow as a deployment, on one process."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import cast

import prefect
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.settings import PREFECT_API_URL

from deployments.flow_table import FLOWS, load_flow
from storage.input_error import InputError

SERVER_START_SECONDS = 120
STOP_SECONDS = 20
_PREFLINE = [sys.executable, "-m", "deployments.cli"]


def serve(*, root: str, cron: str, timezone: str, port: int, page_port: int) -> None:
    """Serve all flows through the configured Prefect server, or through one of our own.

    Prefect's embedded API will not do: it makes no scheduled runs. The annotation page is served
    beside it on `page_port`, 0 for none.

    Raises:
        InputError: a port is taken, or the schedule cannot be read.
    """
    if PREFECT_API_URL.value():
        page = ["annotate", "--root", root, "--port", str(page_port)]
        with _child([*_PREFLINE, *page], {}) if page_port else nullcontext():
            serve_all(root=root, cron=cron, timezone=timezone)
    else:
        serve_with_server(root=root, cron=cron, timezone=timezone, port=port, page_port=page_port)


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
    prefect.serve(*deployments)


def serve_with_server(*, root: str, cron: str, timezone: str, port: int, page_port: int) -> None:
    """Start a Prefect server on the loopback interface and serve all flows through it.

    Raises:
        InputError: the server does not come up, for example because the port is taken.
    """
    url = f"http://127.0.0.1:{port}"
    for stop in (signal.SIGINT, signal.SIGTERM):  # a shell's background job would ignore the first
        signal.signal(stop, signal.default_int_handler)
    start = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
    # the page asks this address; its default is port 4200
    ui = {"PREFECT_SERVER_UI_API_URL": f"{url}/api"}
    again = [*_PREFLINE, "serve", "--root", root, "--page-port", str(page_port)]
    with ExitStack() as running:
        server = running.enter_context(_child([*start, "--port", str(port)], ui, silent=True))
        _wait_until_healthy(server, url)
        print(f"Prefect UI: {url}", flush=True)  # noqa: T201  - what the user waits for
        serving = running.enter_context(
            _child(
                [*again, "--cron", cron, "--timezone", timezone],
                {"PREFECT_API_URL": f"{url}/api"},
            )
        )
        with suppress(KeyboardInterrupt):
            serving.wait()


@contextmanager
def _child(
    command: list[str], environment: dict[str, str], *, silent: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that ends, with all that it started, when the context does."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL if silent else None,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        for sent in (signal.SIGINT, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, sent)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=STOP_SECONDS)


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
