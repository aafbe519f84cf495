"""An empty store in a local directory, and processes to write to it."""

import shutil
import tempfile
from pathlib import Path

import pytest
from writing_process import start_server

from storage.store import open_store

IN_MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 2**30


@pytest.fixture
def tmp_path(tmp_path_factory, request):
    """Give a directory in memory where there is one: the store waits for the disk a lot.

    The tests kill processes, not the machine, so what is on disk makes no difference to them.
    """
    if not IN_MEMORY.is_dir() or shutil.disk_usage(IN_MEMORY).free < ENOUGH_BYTES:
        yield tmp_path_factory.mktemp(request.node.originalname)
        return
    with tempfile.TemporaryDirectory(prefix="prefline-", dir=IN_MEMORY) as directory:
        yield Path(directory)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def store(root):
    return open_store(root)


@pytest.fixture(scope="session")
def _processes():
    start_server()
