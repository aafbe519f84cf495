"""StageWriter: the tables of one stage run while they are written."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pyarrow as pa

from storage.commit import commit_run
from storage.index import Index
from storage.manifest import Artifact, artifact_id
from storage.manifest_json import footer
from storage.part_writer import PartWriter
from storage.provenance import code_version, library_versions
from storage.root import Root
from storage.tables.table import Row, Table
from storage.work import Work


class StageWriter:
    """Writes rows to staging and commits all declared tables at once, empty ones too.

    Made by `Store.begin`. Until `commit` returns nobody sees anything; leaving the `with` block
    without a commit removes everything.
    """

    def __init__(
        self, root: Root, index: Index, work: Work, staged: Path, *, flow_run_id: str
    ) -> None:
        self.run_id = staged.name
        self._root = root
        self._index = index
        self._work = work
        self._staged = staged
        self._flow_run_id = flow_run_id
        self._writers: dict[str, PartWriter[Any]] = {}
        self._stats: dict[str, dict[str, object]] = {}
        self._committed = False

    def declare(self, writer: PartWriter[Any]) -> None:
        """Add a table to write."""
        self._writers[writer.table.name] = writer
        self._stats[writer.table.name] = {}

    def write(self, table: Table[Row], rows: Iterable[Row]) -> None:
        """Append rows, which go to disk as they come.

        Raises:
            ValueError: the table was not declared, or the run is committed.
            pyarrow.ArrowInvalid, pyarrow.ArrowTypeError: a value does not fit its column.
        """
        self._writer(table).add_rows(rows)

    def write_arrow(self, table: Table[Row], columns: pa.Table) -> None:
        """Append the rows of an Arrow table with exactly the columns of `table`.

        Raises:
            ValueError: the table was not declared, the run is committed, the columns are others,
                or a value does not fit.
        """
        self._writer(table).add(columns)

    def stats(self, table: Table[Row], **counts: object) -> None:
        """Add counts to the manifest of `table`, such as `num_dropped=3`; any JSON will do.

        Raises:
            ValueError: the table was not declared, or the run is committed.
            TypeError: a value is not JSON-able.
        """
        self._writer(table)
        plain = orjson.loads(orjson.dumps(counts, option=orjson.OPT_SERIALIZE_NUMPY))
        self._stats[table.name].update(plain)

    def commit(self) -> dict[str, Artifact]:
        """Make all tables of this run visible; return the artifacts by table name.

        Once it returns they are there, whatever happens to this process.

        Raises:
            ValueError: the run is committed already.
        """
        self._check_open()
        self._committed = True
        unsigned = [self._describe(writer) for _, writer in sorted(self._writers.items())]
        outputs = {artifact.table: artifact.artifact_id for artifact in unsigned}
        created_at = self._now()
        artifacts = [replace(a, outputs=outputs, created_at=created_at) for a in unsigned]
        commit_run(self._root, self._index, self._staged, artifacts)
        return {a.table: self._index.get(a.artifact_id) or a for a in artifacts}

    def _describe(self, writer: PartWriter[Any]) -> Artifact:
        files = writer.finish()
        table, work, key = writer.table, self._work, self._work.key
        hashes = [file.sha256 for file in files]
        return Artifact(
            artifact_id=artifact_id(table.name, table.version, key, hashes),
            table=table.name,
            schema_version=table.version,
            key=key,
            outputs={},
            parents=tuple(work.parents),
            stage=work.stage,
            stage_version=work.stage_version,
            params=dict(work.params),
            inputs=dict(work.inputs),
            seed=work.seed,
            rows=writer.rows,
            bytes=sum(file.bytes for file in files),
            files=files,
            code_version=code_version(),
            libraries=library_versions(),
            flow_run_id=self._flow_run_id,
            run_id=self.run_id,
            created_at="",
            stats=self._stats[table.name],
        )

    def _now(self) -> str:
        """Return the time, and never one before an earlier run of this work: newest wins."""
        now = datetime.now(UTC)
        if earlier := self._index.newest_run_time(self._work.key):
            now = max(now, datetime.fromisoformat(earlier) + timedelta(microseconds=1))
        return now.isoformat(timespec="microseconds")

    def _writer(self, table: Table[Row]) -> PartWriter[Row]:
        self._check_open()
        if table.name not in self._writers:
            raise ValueError(
                f"stage {self._work.stage!r} did not declare the table {table.name!r}, only "
                f"{sorted(self._writers)}; name it in Store.begin"
            )
        return self._writers[table.name]

    def _check_open(self) -> None:
        if self._committed:
            raise ValueError(f"stage {self._work.stage!r} run {self.run_id} is committed already")


@contextmanager
def open_stage(
    root: Root, index: Index, work: Work, tables: Sequence[Table[Any]], *, flow_run_id: str
) -> Iterator[StageWriter]:
    """Give a writer for `tables` and remove its staging afterwards."""
    with root.staging.open(uuid4().hex) as staged, ExitStack() as parts:
        writer = StageWriter(root, index, work, staged, flow_run_id=flow_run_id)
        for table in tables:
            (staged / table.name).mkdir()
            part = PartWriter(table, staged / table.name, footer(table, work))
            writer.declare(parts.enter_context(part))
        yield writer
