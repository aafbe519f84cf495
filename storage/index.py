"""Index: what is in a root, in SQLite, so that no question needs a listing."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from storage.index_database import IndexDatabase
from storage.index_rows import SELECT_ARTIFACT, apply_scan, put_manifest, refresh, to_artifact
from storage.manifest import Artifact
from storage.manifest_scan import Scanned, scan_manifests
from storage.root import Root
from storage.run_states import StageRun, reusable


@dataclass(frozen=True, slots=True)
class PendingRun:
    """A stage run whose commit has begun; `outputs` maps table to artifact id."""

    run_id: str
    outputs: Mapping[str, str]


class Index:
    """A cache of the manifests of a root, with the state that follows from them.

    It can be deleted at any time. A commit announces itself here before the first directory is
    renamed, so that one that was killed after the last rename is found without a listing.
    """

    def __init__(self, root: Root) -> None:
        self._root = root
        self._database = IndexDatabase(
            root.index_path, lambda connection: apply_scan(connection, scan_manifests(root, {}))
        )

    def rebuild(self) -> int:
        """Make the index again from the manifests; return how many artifacts can be seen."""
        self._database.rebuild()
        count = "SELECT count(*) FROM visible"
        return int(self._database.run(lambda c: c.execute(count).fetchone()[0]))

    def synchronize(self) -> None:
        """Learn what others have written to the root since the last time."""
        known = self._database.run(
            lambda c: dict(c.execute("SELECT artifact_id, etag FROM manifests").fetchall())
        )
        scan = scan_manifests(self._root, known)
        self._database.run(lambda c: apply_scan(c, scan), write=True)

    def announce(self, run: PendingRun) -> None:
        """Note that the outputs of `run` are about to be put in place."""
        row = (run.run_id, json.dumps(dict(run.outputs)))
        self._database.run(
            lambda c: c.execute("INSERT INTO pending VALUES (?, ?)", row), write=True
        )

    def pending(self) -> list[PendingRun]:
        """Return the commits that were begun and not recorded."""
        query = "SELECT run_id, outputs FROM pending"
        found = self._database.run(lambda c: c.execute(query).fetchall())
        return [PendingRun(run_id, json.loads(outputs)) for run_id, outputs in found]

    def record(self, run_id: str, manifests: Sequence[Scanned]) -> None:
        """Take in manifests as they lie in the root and forget that `run_id` was pending."""

        def action(connection: sqlite3.Connection) -> None:
            for scanned in manifests:
                put_manifest(connection, scanned)
            for key in {scanned.artifact.key for scanned in manifests}:
                refresh(connection, key)
            connection.execute("DELETE FROM pending WHERE run_id = ?", [run_id])

        self._database.run(action, write=True)

    def retract(self, identifier: str, key: str, reason: str | None) -> None:
        """Put an artifact out of use for `reason`, or with None back into use."""

        def action(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM retracted WHERE artifact_id = ?", [identifier])
            if reason is not None:
                connection.execute("INSERT INTO retracted VALUES (?, ?)", [identifier, reason])
            refresh(connection, key)

        self._database.run(action, write=True)

    def find(self, key: str) -> dict[str, str] | None:
        """Return the outputs (table to id) of the newest run of `key` of which all is in use."""

        def action(connection: sqlite3.Connection) -> StageRun | None:
            found = connection.execute(
                "SELECT run_id, created_at, flow_run_id, outputs FROM runs WHERE key = ? "
                "ORDER BY created_at DESC, run_id DESC",
                [key],
            ).fetchall()
            runs = [StageRun(row[0], row[1], row[2], json.loads(row[3])) for row in found]
            retracted = connection.execute("SELECT artifact_id FROM retracted").fetchall()
            return reusable(runs, {row[0] for row in retracted})

        run = self._database.run(action)
        return None if run is None else dict(run.outputs)

    def newest_run_time(self, key: str) -> str:
        """Return when the newest complete run of `key` was made, empty if there is none."""
        query = "SELECT coalesce(max(created_at), '') FROM runs WHERE key = ?"
        return str(self._database.run(lambda c: c.execute(query, [key]).fetchone()[0]))

    def get(self, identifier: str) -> Artifact | None:
        """Return a visible artifact by its whole id."""
        found = self._artifacts("WHERE v.artifact_id = ?", [identifier])
        return found[0] if found else None

    def starting_with(self, prefix: str) -> list[Artifact]:
        """Return the visible artifacts whose ids start with `prefix` (hex digits)."""
        return self._artifacts("WHERE v.artifact_id GLOB ? || '*'", [prefix])

    def artifacts(
        self, table: str | None = None, *, superseded: bool = False, limit: int = -1
    ) -> list[Artifact]:
        """Return visible artifacts, newest first; `superseded` ones only if asked for."""
        where = "WHERE (?1 IS NULL OR m.table_name = ?1) AND v.superseded <= ?2"
        return self._artifacts(f"{where} {_NEWEST_FIRST} LIMIT ?3", [table, superseded, limit])

    def parents(self, identifiers: Iterable[str]) -> list[Artifact]:
        """Return the visible artifacts that any of `identifiers` was made from."""
        return self._relatives("parent_id", "artifact_id", identifiers)

    def children(self, identifiers: Iterable[str]) -> list[Artifact]:
        """Return the visible artifacts that were made from any of `identifiers`."""
        return self._relatives("artifact_id", "parent_id", identifiers)

    def unreadable(self) -> dict[str, str]:
        """Return the manifests that could not be read: name to reason."""
        query = "SELECT name, reason FROM unreadable ORDER BY name"
        return dict(self._database.run(lambda c: c.execute(query).fetchall()))

    def _relatives(self, wanted: str, given: str, identifiers: Iterable[str]) -> list[Artifact]:
        where = (
            f"WHERE v.artifact_id IN (SELECT {wanted} FROM parents WHERE {given} IN "  # noqa: S608  - both are column names from above
            "(SELECT value FROM json_each(?)))"
        )
        return self._artifacts(f"{where} {_NEWEST_FIRST}", [json.dumps(list(identifiers))])

    def _artifacts(self, where: str, values: Sequence[object]) -> list[Artifact]:
        return self._database.run(
            lambda c: [to_artifact(row) for row in c.execute(f"{SELECT_ARTIFACT} {where}", values)]
        )


_NEWEST_FIRST = "ORDER BY r.created_at DESC, v.artifact_id"
