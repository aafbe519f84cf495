"""Policies with adapters; see those of tests/tasks/training/adapters."""

from tests.tasks.training.adapters.conftest import (  # noqa: F401  - fixtures are found by their names
    llama,
    policy,
    start,
    starts,
)
