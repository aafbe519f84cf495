"""TRL without a warning that it causes itself."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_trl() -> Iterator[None]:
    """Silence a warning that TRL 1.16 causes: it asks transformers by a deprecated name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        yield
