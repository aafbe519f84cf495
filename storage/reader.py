"""Rows of an artifact, memory-mapped."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from storage.input_error import InputError
from storage.manifest import Artifact
from storage.root import Root
from storage.tables.all_tables import ALL_TABLES


def fetch_parts(root: Root, artifact: Artifact, *, verify: bool = False) -> list[Path]:
    """Return local files with the parts of `artifact`, checked by sha256 if asked.

    Raises:
        InputError: a part is missing or, if it was checked, damaged.
    """
    names = {f"{artifact.path}/{file.name}": file.sha256 for file in artifact.files}
    try:
        return [root.fetch(name, sha256, verify=verify) for name, sha256 in names.items()]
    except InputError as error:
        raise InputError(f"artifact {artifact.artifact_id} ({artifact.table}): {error}") from error


def read_parts(root: Root, artifact: Artifact, *, verify: bool = False) -> pa.Table:
    """Return an artifact's rows under the schema that its table has now.

    A nullable column that the table got later is null; the checksum of every page that is read is
    checked in any case.

    Raises:
        InputError: a part is missing, damaged, or of a schema that cannot be read as today's.
    """
    import pyarrow.parquet as pq

    parts = fetch_parts(root, artifact, verify=verify)
    with _readable(artifact):
        read = [
            pq.ParquetFile(part, memory_map=True, page_checksum_verification=True).read()
            for part in parts
        ]
    return _conform(pa.concat_tables(read), artifact)


def read_batches(
    root: Root, artifact: Artifact, *, num_rows: int, verify: bool = False
) -> Iterator[pa.Table]:
    """Yield an artifact's rows as `read_parts` does, `num_rows` at a time.

    Raises:
        InputError: as `read_parts`, when the rows are reached.
    """
    import pyarrow.parquet as pq

    for part in fetch_parts(root, artifact, verify=verify):
        with _readable(artifact):
            file = pq.ParquetFile(part, page_checksum_verification=True)
            for batch in file.iter_batches(batch_size=num_rows):
                yield _conform(pa.Table.from_batches([batch]), artifact)


@contextmanager
def _readable(artifact: Artifact) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"artifact {artifact.artifact_id} ({artifact.table}) cannot be read: {error}. Run "
            "`verify` to see which file is damaged, and make the artifact again (`--rerun`)."
        ) from error


def _conform(columns: pa.Table, artifact: Artifact) -> pa.Table:
    """Return columns under the schema that their table has now."""
    columns = columns.replace_schema_metadata(None)
    schema = next((table.schema for table in ALL_TABLES if table.name == artifact.table), None)
    if schema is None:
        return columns
    for field in schema:
        if field.name not in columns.column_names:
            columns = columns.append_column(field, pa.nulls(columns.num_rows, field.type))
    try:
        return columns.select(schema.names).cast(schema)
    except (pa.ArrowException, ValueError) as error:
        raise InputError(
            f"artifact {artifact.artifact_id} was written as version {artifact.schema_version} of "
            f"table {artifact.table!r} and does not fit today's columns: {error}. Make it again "
            "(`--rerun`), or read it with the version of Prefline that wrote it "
            f"({artifact.code_version})."
        ) from error
