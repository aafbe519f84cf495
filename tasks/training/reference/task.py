"""Stored log-probabilities of the reference, for trainings in Prefect."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
from prefect import get_run_logger
from prefect.runtime import flow_run

from storage.store import Store
from storage.tables.reference_logps import REFERENCE_LOGPS
from storage.work import Work
from tasks.training.reference.logp_files import KnownLogps

STAGE = "reference-logps"
VERSION = 1


@contextmanager
def reference_logps(store: Store, *, data: str, reference: str, quantize: str) -> Iterator[Path]:
    """Yield a directory for `KnownLogps` with what is stored of a policy on the rows of `data`.

    `quantize` tells in how many bits its weights are held, which changes what it says.
    What a training then leaves there is committed as an artifact of its own, also if it fails later.
    """
    work = Work(
        stage=STAGE,
        stage_version=VERSION,
        params={"quantize": quantize},
        parents=(data, reference),
    )
    with TemporaryDirectory(prefix="prefline-reference-") as directory:
        files = KnownLogps(Path(directory))
        stored = store.find(work)
        if stored is not None:
            pq.write_table(store.read(stored[REFERENCE_LOGPS.name], verify=True), files.known)
        try:
            yield files.directory
        finally:
            if files.scored.is_file():
                _commit(store, work, files.scored)


def _commit(store: Store, work: Work, scored: Path) -> None:
    with store.begin(work, (REFERENCE_LOGPS,), flow_run_id=flow_run.get_id() or "") as writer:
        writer.write_arrow(REFERENCE_LOGPS, pq.read_table(scored))
        made = writer.commit()[REFERENCE_LOGPS.name]
    get_run_logger().info("%s: made %d in %s", STAGE, made.rows, made.artifact_id[:12])
