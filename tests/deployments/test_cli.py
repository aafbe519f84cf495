"""The command line as a user meets it: a real process, its exit code and its messages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


def prefline(*arguments, root):
    return subprocess.run(
        [sys.executable, "-m", "deployments.cli", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PREFLINE_ROOT": str(root), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def other_columns(tmp_path):
    path = tmp_path / "columns.csv"
    path.write_text("text,stars\nfine,4\n")
    return path


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(
            ["run", "ingest", "--set", "source=imbd"], ["source", "'imdb'", "'imbd'"], id="source"
        ),
        pytest.param(
            [
                "run",
                "nightly",
                "--set",
                "ingest.source=imdb",
                "--set",
                "ingest.path=/nowhere/x.csv",
            ],
            ["/nowhere/x.csv"],
            id="missing file",
        ),
        pytest.param(
            ["run", "ingest", "--set", "source=imdb", "--set", "path={columns}"],
            ["text", "stars", "review", "sentiment"],
            id="other columns",
        ),
        pytest.param(
            ["run", "nightly", "--set", "train.dpo.beta=-1"], ["train.dpo.beta", "-1"], id="beta"
        ),
        pytest.param(
            ["run", "train-dpo", "--set", "pairs=deadbeef"], ["deadbeef", "nightly"], id="no store"
        ),
        pytest.param(
            ["run", "nightly", "--profile", "imbd"], ["'imbd'", "did you mean 'imdb'"], id="profile"
        ),
        pytest.param(
            ["run", "nightly", "--set", "model=scratch:huge"], ["scratch:huge", "tiny"], id="model"
        ),
        pytest.param(
            ["run", "nightly", "--set", "model=./no/such/dir"], ["./no/such/dir"], id="model dir"
        ),
        pytest.param(["run", "nightyl"], ["'nightyl'", "did you mean 'nightly'"], id="flow"),
        pytest.param(["artifacts"], ["no store", "data"], id="artifacts without a store"),
        pytest.param(["sql", "select 1", "--json", "--csv"], ["--json", "--csv"], id="two shapes"),
    ],
)
def test_wrong_input_is_one_message_exit_code_2_and_leaves_nothing(
    arguments, expected, tmp_path, other_columns
):
    root = tmp_path / "data"
    done = prefline(*(a.format(columns=other_columns) for a in arguments), root=root)
    assert done.returncode == 2, done.stderr
    message = done.stderr.strip()
    assert message.startswith("prefline: ")
    assert len(message.splitlines()) == 1
    assert "Traceback" not in done.stderr
    for part in expected:
        assert part in message
    assert not root.exists()


def test_help_starts_without_torch():
    """A scheduler and `prefline --help` need not wait for torch, transformers or trl."""
    code = (
        "import sys, deployments.cli, deployments.run_flow, deployments.serve\n"
        "from deployments.flow_table import FLOWS, load_flow\n"
        "[load_flow(name) for name in FLOWS]\n"
        "heavy = {'torch', 'transformers', 'trl', 'datasets', 'sklearn', 'matplotlib'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() == ""
    assert done.returncode == 0
