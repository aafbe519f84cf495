"""The README's commands are run, in order, on a store of their own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.fakes.api_server import FakeApi
from tests.fakes.judge_answer import write_or_prefer_longer
from tests.fakes.prefline_server import free_port, until

CHECKOUT = Path(__file__).resolve().parents[1]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
NOT_RUN = ("make ", "git clone", "cd ")  # set-up, and servers that do not end


def shown_commands() -> list[str]:
    """Return the lines that start with `$ ` in console blocks, continuation lines joined."""
    blocks = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [line[2:] for line in joined.splitlines() if line.startswith("$ ")]


def runnable(command: str) -> str:
    """Return the command at toy size: a nightly of minutes becomes one of seconds."""
    if command.startswith("prefline run nightly"):
        command += " --profile smoke"
    return re.sub(r"\bprefline\b", f"{sys.executable} -m deployments.cli", command, count=1)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A store of its own, and a server that answers where the README asks one."""
    home = tmp_path_factory.mktemp("readme")
    with FakeApi(answer=write_or_prefer_longer) as api:
        yield {
            **os.environ,
            "PREFLINE_ROOT": str(home / "data"),
            "PREFECT_HOME": str(home / "home"),
            "OPENAI_BASE_URL": api.base_url,
        }


def look_at_the_page_and_label(command: str, environment: dict[str, str]) -> None:
    """Open the page as the command does, see that it answers, and label three comparisons."""
    port = free_port()
    with subprocess.Popen(
        [*runnable(command).split(), "--port", str(port)],
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as page:
        address = next(line for line in page.stdout if line.startswith("annotation page: "))
        queue = f"http://127.0.0.1:{port}/api/q/{address.rsplit('/', 1)[1].strip()}"
        with httpx2.Client(headers={"X-Prefline": "1"}) as browser:
            screen = until(lambda: browser.get(f"{queue}/next").json(), seconds=60)
            for _ in range(3):
                said = {"item_id": screen["item"]["item_id"], "choice": 1, "worst": None}
                said |= {"strength": None, "note": "", "seconds": 1.0}
                screen = browser.post(f"{queue}/label", json=said).json()["screen"]
        page.send_signal(signal.SIGINT)
        assert page.wait(timeout=30) == 0


def test_every_command_of_the_readme_runs(environment, tmp_path):
    commands = [c for c in shown_commands() if not c.startswith(NOT_RUN) and "serve" not in c]
    assert len(commands) >= 8
    for command in commands:
        if "../shared" in command or "/path/to" in command:
            continue
        if command.startswith("prefline annotate --"):
            look_at_the_page_and_label(command, environment)
            continue
        done = subprocess.run(
            runnable(command).replace("report.html", str(tmp_path / "report.html")),
            shell=True,
            cwd=CHECKOUT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip(), command


def test_every_make_target_of_the_readme_exists():
    targets = set(
        re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), flags=re.MULTILINE)
    )
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    assert {"nightly", "test", "check", "ui"} <= named
    assert named <= targets
