"""What all tests share: where real data stands, and Prefect's embedded API."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.environment import set_defaults

os.environ["HF_HUB_OFFLINE"] = "1"  # no test asks the network; read once, at the first import
set_defaults()
CHECKOUT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the README: it takes longest, and with several processes it would end alone."""
    items.sort(key=lambda item: item.path.name != "test_readme.py")


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give flows a Prefect API with a database and result storage of its own."""
    from prefect.settings import (
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_LOCAL_STORAGE_PATH,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness

    settings = {
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,  # its thread costs a second a flow
        PREFECT_LOCAL_STORAGE_PATH: tmp_path_factory.mktemp("results"),
    }
    with prefect_test_harness(server_startup_timeout=120), temporary_settings(settings):
        yield
