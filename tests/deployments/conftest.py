"""One `prefline serve` for all tests that need it."""

from collections.abc import Iterator

import pytest

from tests.fakes.prefline_server import Server, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running
