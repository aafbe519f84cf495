"""Store: artifacts in, artifacts out, and every question about them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from storage.checkpoints import fetch_checkpoint, put_checkpoint
from storage.commit import resolve_pending
from storage.index import Index
from storage.input_error import InputError
from storage.lineage import LineageStep, lineage_of
from storage.local_root import LocalRoot
from storage.manifest import Artifact
from storage.manifest_json import manifest_path
from storage.manifest_scan import retracted_name
from storage.object_root import open_object_root
from storage.reader import read_batches, read_parts
from storage.resolve import resolve_reference, unknown_artifact
from storage.root import Root
from storage.sql import run_sql
from storage.tables.table import Row, Table
from storage.tags import read_tags, write_tag
from storage.verify import Fault, find_faults, unreadable_manifests
from storage.work import Work
from storage.writer import StageWriter, open_stage


def open_store(root: str | Path, *, create: bool = True) -> "Store":
    """Return the store at a local directory or an object store's URL.

    A missing directory is made, unless `create` is false: then only a store that exists will do.

    Raises:
        InputError: the root is a file, cannot be made, or the bucket cannot be listed.
    """
    if isinstance(root, str) and "://" in root:
        return Store(open_object_root(root))
    return Store(LocalRoot(Path(root), create=create))


class Store:
    """Artifacts under one root; made by `open_store`.

    A stage run writes one or more tables and commits them as a whole: all of them are visible or
    none. Threads and processes may use the same root at the same time.
    """

    def __init__(self, root: Root) -> None:
        self._root = root
        self._index = Index(root)
        resolve_pending(root, self._index)
        root.staging.sweep()
        if root.is_shared:
            self._index.synchronize()

    @property
    def location(self) -> str:
        """Where the store is, as a path or URL."""
        return self._root.location

    @property
    def journal_path(self) -> Path:
        """Where calls of an API are written down: on this machine, also for a remote store."""
        return self._root.index_path.with_name("journal.sqlite")

    @property
    def annotation_path(self) -> Path:
        """Where people's labels are until they are collected: on this machine, as the journal."""
        return self._root.index_path.with_name("annotation.sqlite")

    def unfinished_path(self, work: Work) -> Path:
        """Return where a run of `work` may keep what it needs to go on after an interruption.

        A directory on this machine, which need not exist.
        """
        return self._root.index_path.with_name("unfinished") / work.key

    def find(self, work: Work) -> dict[str, Artifact] | None:
        """Return the artifacts of `work` by table name if it was done and all are in use.

        What somebody deleted from the root by hand counts as not done.
        """
        resolve_pending(self._root, self._index)
        outputs = self._index.find(work.key)
        is_stale = self._root.is_shared if outputs is None else not self._are_there(outputs)
        if is_stale:
            self._index.synchronize()
            outputs = self._index.find(work.key)
        if outputs is None:
            return None
        return {table: self.get(identifier) for table, identifier in outputs.items()}

    def begin(
        self, work: Work, tables: Sequence[Table[Any]], flow_run_id: str = ""
    ) -> AbstractContextManager[StageWriter]:
        """Return a context that gives a writer for one run of `work` into `tables`.

        Raises:
            InputError: a parent of the work is not in the store.
            ValueError: no table, or one twice.
        """
        names = [table.name for table in tables]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"stage {work.stage!r} must write one or more tables once: {names}")
        for parent in work.parents:
            self.get(parent)
        return open_stage(self._root, self._index, work, tables, flow_run_id=flow_run_id)

    def resolve(self, table_name: str | None, reference: str) -> Artifact:
        """Return the artifact that an id, a unique prefix of it, a tag or `latest` means.

        With None as table it may be of any.

        Raises:
            InputError: nothing or more than one fits, or it is of another table.
        """
        resolve_pending(self._root, self._index)
        try:
            return resolve_reference(self._root, self._index, table_name, reference)
        except InputError:
            if not self._root.is_shared:
                raise
        self._index.synchronize()
        return resolve_reference(self._root, self._index, table_name, reference)

    def get(self, artifact_id: str) -> Artifact:
        """Return an artifact, superseded or not, by its whole id.

        Raises:
            InputError: there is none.
        """
        resolve_pending(self._root, self._index)
        found = self._index.get(artifact_id)
        if found is None and self._root.is_shared:
            self._index.synchronize()
            found = self._index.get(artifact_id)
        if found is None:
            raise unknown_artifact(self._root, self._index, artifact_id)
        return found

    def artifacts(self, table: str | None = None, *, superseded: bool = False) -> list[Artifact]:
        """Return the artifacts, of one table or all, newest first."""
        resolve_pending(self._root, self._index)
        return self._index.artifacts(table, superseded=superseded)

    def read(self, artifact: Artifact, *, verify: bool = False) -> pa.Table:
        """Return an artifact's rows, memory-mapped; `verify` checks the sha256 of its files.

        Raises:
            InputError: a file is missing or damaged.
        """
        return read_parts(self._root, artifact, verify=verify)

    def batches(
        self, artifact: Artifact, *, num_rows: int = 4_096, verify: bool = False
    ) -> Iterator[pa.Table]:
        """Yield an artifact's rows, `num_rows` at a time, in memory that does not grow with them.

        Raises:
            InputError: a file is missing or damaged; some rows may have been given by then.
        """
        return read_batches(self._root, artifact, num_rows=num_rows, verify=verify)

    def rows(self, table: Table[Row], artifact: Artifact, *, verify: bool = False) -> list[Row]:
        """Return an artifact's rows as row objects.

        Raises:
            InputError: the artifact is of another table, or a file is missing or damaged.
        """
        if artifact.table != table.name:
            raise InputError(
                f"artifact {artifact.artifact_id} is of table {artifact.table!r}, but one of table "
                f"{table.name!r} is needed."
            )
        return list(table.from_arrow(self.read(artifact, verify=verify)))

    def tag(self, name: str, artifact_id: str) -> None:
        """Give an artifact a name, taking it from another one that has it.

        Raises:
            InputError: the name is not allowed, or there is no such artifact.
        """
        write_tag(self._root, name, self.get(artifact_id).artifact_id)

    def tags(self) -> dict[str, str]:
        """Return all tags: name to artifact id."""
        return read_tags(self._root)

    def supersede(self, artifact_id: str, reason: str) -> None:
        """Put an artifact out of use by hand; it stays readable by its id.

        An older one of the same work comes back into use. It stays out of use if the same bytes
        are made again, until `restore`.

        Raises:
            InputError: there is no such artifact.
        """
        artifact = self.get(artifact_id)
        self._root.write(retracted_name(artifact_id), reason.encode())
        self._index.retract(artifact_id, artifact.key, reason)

    def restore(self, artifact_id: str) -> None:
        """Take back a `supersede`.

        Raises:
            InputError: there is no such artifact.
        """
        artifact = self.get(artifact_id)
        self._root.delete(retracted_name(artifact_id))
        self._index.retract(artifact_id, artifact.key, None)

    def lineage(self, artifact_id: str, direction: Literal["up", "down"]) -> list[LineageStep]:
        """Return the ancestors (up) or descendants (down) of an artifact, nearest first.

        Raises:
            InputError: there is no such artifact.
        """
        return lineage_of(self._index, self.get(artifact_id), direction)

    def verify(self, artifact_ids: Sequence[str] | None = None) -> list[Fault]:
        """Return what is damaged or missing in the given artifacts, or in all of them.

        Raises:
            InputError: there is no such artifact.
        """
        if artifact_ids is not None:
            artifacts = [self.get(identifier) for identifier in artifact_ids]
            return list(find_faults(self._root, self._index, artifacts))
        everything = self.artifacts(superseded=True)
        faults = find_faults(self._root, self._index, everything)
        return [*faults, *unreadable_manifests(self._index)]

    def sql(self, query: str, *, limit: int | None = None) -> pa.Table:
        """Return the rows of one read-only SQL query over the views, at most `limit`.

        Raises:
            InputError: it is not one query, or cannot be answered.
        """
        resolve_pending(self._root, self._index)
        return run_sql(self._root, self._index, query, limit=limit)

    def put_checkpoint(self, policy_id: str, directory: Path) -> str:
        """Copy a directory of weights into the store; return its path relative to the root.

        Raises:
            InputError: the directory holds no file.
        """
        return put_checkpoint(self._root, policy_id, directory)

    def checkpoint(self, relative: str, *, verify: bool = False) -> Path:
        """Return the local directory of a checkpoint, downloaded if the root is remote.

        Raises:
            InputError: there is no such checkpoint, or a file is missing or damaged.
        """
        return fetch_checkpoint(self._root, relative, verify=verify)

    def rebuild_index(self) -> int:
        """Make the index again from the manifests; return the number of visible artifacts."""
        return self._index.rebuild()

    def _are_there(self, outputs: Mapping[str, str]) -> bool:
        names = (manifest_path(table, identifier) for table, identifier in outputs.items())
        return all(self._root.read(name) is not None for name in names)
