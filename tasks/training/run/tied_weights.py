"""Checkpoints of models that hold a matrix under two names."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_tied_weights() -> Iterator[None]:
    """Silence a warning about an output head that is the embedding: it is stored once, and loaded."""
    log = logging.getLogger("transformers.trainer")
    log.addFilter(_is_told)
    try:
        yield
    finally:
        log.removeFilter(_is_told)


def _is_told(record: logging.LogRecord) -> bool:
    return not record.getMessage().endswith("checkpoint model loaded: ['lm_head.weight'].")
