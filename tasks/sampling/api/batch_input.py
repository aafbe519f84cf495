"""The file of a batch: one line of JSON for each call."""

from collections.abc import Iterable, Iterator

import orjson

from storage.input_error import InputError
from tasks.sampling.api.batch_calls import ENDPOINT
from tasks.sampling.api.batch_limits import BatchLimits
from tasks.sampling.api.turns import Job


def batch_line(job: Job) -> bytes:
    """Return the line of a call."""
    line = {"custom_id": job.key, "method": "POST", "url": ENDPOINT, "body": job.request.body}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def check_batchable(jobs: Iterable[Job]) -> None:
    """Refuse calls of an endpoint that takes no batches.

    Raises:
        InputError: there is one.
    """
    for job in jobs:
        if job.request.endpoint != "/chat/completions":
            raise InputError(
                f"calls of {job.request.endpoint} (model {job.request.model!r}) cannot be sent in "
                "batches, only those of /chat/completions can; use the backend chat, or set "
                "api.batch=false"
            )


def file_loads(jobs: Iterable[Job], limits: BatchLimits) -> Iterator[list[Job]]:
    """Yield the jobs of one file after the other: of one model each, and within the limits."""
    by_model: dict[str, list[Job]] = {}
    for job in jobs:
        by_model.setdefault(job.request.model, []).append(job)
    for same_model in by_model.values():
        yield from _within(same_model, limits)


def _within(jobs: list[Job], limits: BatchLimits) -> Iterator[list[Job]]:
    load: list[Job] = []
    num_bytes = 0
    for job in jobs:
        size = len(batch_line(job))
        if load and (len(load) == limits.max_lines or num_bytes + size > limits.max_bytes):
            yield load
            load, num_bytes = [], 0
        load.append(job)
        num_bytes += size
    if load:
        yield load
