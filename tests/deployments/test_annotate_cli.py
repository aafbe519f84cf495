"""`prefline annotate` as a user meets it: real processes, their messages and their links."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from deployments.annotate import export, import_labels, show_queues
from tasks.annotation.queue.queues import open_queues
from tests.fakes.annotation_page import page_client
from tests.fakes.prefline_server import free_port, until

FILES = {
    "jsonl": "labels.jsonl.gz",
    "csv": "labels.csv",
    "label-studio": "studio.json",
    "argilla": "argilla.json",
}
CHECKOUT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "deployments.cli", "annotate"]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    lines = [{"prompt": f"Why {i}?", "responses": [f"x{i}", f"=y{i}"]} for i in range(4)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + "no row\n")
    return path


def annotate(*arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PREFLINE_ROOT": str(root), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@contextmanager
def page(*arguments: str, root: Path) -> Iterator[list[str]]:
    """Serve the page; yield the lines that it printed until it was up."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PREFLINE_ROOT": str(root), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        said: list[str] = []
        last = "shown this once" if "--annotators" in arguments else "annotation page"
        for line in process.stdout:
            said.append(line.strip())
            if last in line:
                break
        yield said
        process.send_signal(signal.SIGINT)
        said += [line.strip() for line in process.stdout]
        assert process.wait(timeout=30) == 0


def test_a_file_is_compared_exported_and_imported_elsewhere(tmp_path, rows, capsys):
    root, port = tmp_path / "data", str(free_port())
    with page("--file", str(rows), "--port", port, "--as", "ann", root=root) as said:
        queue, address = said
        assert queue == (
            "queue rows.jsonl: 4 comparisons, 0 of 4 labels; refused rows in quarantine: 1"
        )
        start, queue_id = address.removeprefix("annotation page: ").split("/q/")
        with page_client(start) as browser:
            api = f"/api/q/{queue_id}"
            screen = until(lambda: browser.get(f"{api}/next").json(), seconds=60)
            while screen["item"]:
                given = {"item_id": screen["item"]["item_id"], "choice": 2, "seconds": 1.0}
                screen = browser.post(f"{api}/label", json=given).json()["screen"]
    queues = open_queues(root / "annotation.sqlite")
    (first,) = queues.queues()
    labels = queues.labels(first.queue_id)
    assert {label.annotator for label in labels} == {"ann"}
    show_queues(str(root))
    assert "4 of 4" in capsys.readouterr().out
    for kind, name in FILES.items():
        out, other = tmp_path / name, tmp_path / kind
        export(str(root), "latest", kind, str(out))
        assert "4 comparisons, 4 labels" in capsys.readouterr().out
        copies = open_queues(other / "annotation.sqlite")
        items = queues.items(first.queue_id)
        copy = copies.publish("copy", items, first.params, origin="elsewhere")
        for told in ("4 labels added or renewed, 0 known", "0 labels added or renewed, 4 known"):
            import_labels(str(other), "copy", str(out))
            assert told in capsys.readouterr().out
        assert [row.choice for row in copies.labels(copy.queue_id)] == [r.choice for r in labels]


def test_everybody_gets_a_link_of_their_own_and_no_token_is_printed_later(tmp_path, rows):
    root, port = tmp_path / "data", str(free_port())
    given = ("--file", str(rows), "--port", port, "--annotators", "ann,ben")
    with page(*given, root=root) as said:
        links = dict(re.findall(r"^(\w+): (http\S+)$", "\n".join(said), flags=re.MULTILINE))
        assert set(links) == {"ann", "ben", "admin"}
        start, token = links["ben"].split("/join#")
        with page_client(start, token) as ben, httpx2.Client(base_url=start) as nobody:
            assert until(lambda: ben.get("/queues").status_code, seconds=60) == 200
            assert nobody.get("/queues").status_code == 401
    assert not any(token in line for line in said[len(links) + 3 :])
    assert token.encode() not in (root / "annotation.sqlite").read_bytes()
    with page(*given, "--new-link", "ben", root=root) as said:
        assert [line.split(":")[0] for line in said if "/join#" in line] == ["ben"]
        with page_client(start, token) as ben:
            assert until(lambda: ben.get("/queues").status_code, seconds=60) == 401


WRONG = [
    ("another address without links", ("--host", "0.0.0.0"), "without tokens"),
    ("no file", ("--file", "none.jsonl"), "'none.jsonl' cannot be read"),
    ("no store", ("--pairs", "latest"), "no artifact of table 'pairs'"),
    ("two sources", ("--pairs", "latest", "--file", "x"), "both given"),
    ("no such parameter", ("--set", "queue.overlop=2"), "did you mean 'overlap'"),
    ("no such queue", ("export", "none", "--out", "x"), "there is no queue"),
    ("no terminal", ("--terminal",), "there is no queue"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), [r[1:] for r in WRONG], ids=[r[0] for r in WRONG]
)
def test_what_cannot_be_is_one_message_and_exit_code_2(tmp_path, arguments, message):
    done = annotate(*arguments, root=tmp_path / "data")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_and_an_unknown_format_are_named(tmp_path, rows):
    root = tmp_path / "data"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = annotate("--file", str(rows), "--port", port, root=root)
    assert done.returncode == 2
    assert port in done.stderr
    done = annotate("export", "--format", "xml", "--out", "x", root=root)
    assert "'xml' is unknown; choose one of jsonl, csv, label-studio, argilla" in done.stderr
