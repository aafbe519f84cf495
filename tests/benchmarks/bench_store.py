"""Measure the store beside the libraries under it; run it as a script.

Example: `python tests/benchmarks/bench_store.py --rows 200000`. It prints seconds (best of the
repeats) and ratios; trust the ratios.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from storage.digest import digest_file
from storage.durable import fsync_path
from storage.store import Store, open_store
from storage.tables.pairs import PAIRS, PreferencePair
from storage.tables.table import Message
from storage.work import Work


def sample_rows(num_rows: int) -> list[PreferencePair]:
    """Return pairs of about 1.5 kB of word-like text each."""
    draw = random.Random(1)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 9))) for _ in range(5000)]
    texts = [" ".join(draw.choices(words, k=draw.randint(20, 150))) for _ in range(3000)]
    return [
        PreferencePair(
            prompt_id=f"{index:016x}",
            source="bench",
            split="train",
            messages=(Message("user", f"{draw.choice(texts)} {index}"),),
            chosen=draw.choice(texts),
            rejected=draw.choice(texts),
            labeler_kind="dataset",
            labeler="bench",
            origin=f"bench:{index}",
        )
        for index in range(num_rows)
    ]


def best(repeats: int, action: Callable[[], object]) -> float:
    """Return the fewest seconds that `action` took."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def write_raw(columns: pa.Table, path: Path, *, durable: bool) -> None:
    """Write one Parquet file with pyarrow, at the store's settings."""
    pq.write_table(columns, path, compression="zstd", compression_level=1, row_group_size=65_536)
    if durable:
        fsync_path(path)
        digest_file(path)


def write_store(store: Store, columns: pa.Table, name: str) -> None:
    """Commit the same columns as an artifact."""
    with store.begin(Work(name, 1, {"at": time.perf_counter()}), [PAIRS]) as writer:
        writer.write_arrow(PAIRS, columns)
        writer.commit()


def write_rows(store: Store, rows: list[PreferencePair]) -> None:
    """Commit row objects as an artifact."""
    with store.begin(Work("rows", 1, {"at": time.perf_counter()}), [PAIRS]) as writer:
        writer.write(PAIRS, rows)
        writer.commit()


def report(name: str, seconds: float, against: float, other: str) -> None:
    """Print one line: a figure and its ratio to another."""
    sys.stdout.write(f"{name:46} {seconds:8.3f} s   {seconds / against:6.2f} x {other}\n")


def bench_rows(directory: Path, num_rows: int, repeats: int) -> None:
    """Print what writing and reading one large artifact costs."""
    rows = sample_rows(num_rows)
    columns = PAIRS.to_arrow(rows)
    sys.stdout.write(f"{num_rows:,} pairs, {columns.nbytes / 1e6:.0f} MB in Arrow\n")
    store = open_store(directory / "root")
    raw_file = directory / "raw.parquet"
    raw = best(repeats, lambda: write_raw(columns, raw_file, durable=False))
    durable = best(repeats, lambda: write_raw(columns, raw_file, durable=True))
    arrow = best(repeats, lambda: write_store(store, columns, "arrow"))
    objects = best(repeats, lambda: write_rows(store, rows))
    convert = best(1, lambda: PAIRS.to_arrow(rows))
    report("write: pq.write_table", raw, raw, "itself")
    report("write: pq.write_table, fsync, sha256", durable, raw, "pq.write_table")
    report("write: store, Arrow", arrow, raw, "pq.write_table")
    report("write: store, Arrow", arrow, durable, "pq.write_table, fsync, sha256")
    report("write: store, row objects", objects, raw + convert, "to_arrow + pq.write_table")
    artifact = store.artifacts("pairs")[0]
    part = directory / "root" / artifact.path / artifact.files[0].name
    mapped = best(repeats, lambda: pq.read_table(part, memory_map=True))
    read = best(repeats, lambda: store.read(artifact))
    verified = best(repeats, lambda: store.read(artifact, verify=True))
    pandas = best(repeats, lambda: pd.read_parquet(part))
    report("read: pq.read_table, memory-mapped", mapped, mapped, "itself")
    report("read: store (page checksums)", read, mapped, "pq.read_table")
    report("read: store, sha256 verified", verified, mapped, "pq.read_table")
    report("read: pandas", pandas, read, "store")
    sql = best(repeats, lambda: store.sql("select avg(length(chosen)) from pairs"))
    report("sql: avg(length(chosen)) over all artifacts", sql, read, "store.read of one")


def bench_catalog(directory: Path, num_artifacts: int, repeats: int) -> None:
    """Print what questions about many small artifacts cost."""
    store = open_store(directory / "many")
    columns = PAIRS.to_arrow(sample_rows(5))
    for _ in range(num_artifacts):
        write_store(store, columns, "small")
    newest = store.artifacts()[0]
    sys.stdout.write(f"{num_artifacts:,} artifacts\n")
    actions: dict[str, Callable[[], object]] = {
        "open": lambda: open_store(directory / "many"),
        "get": lambda: store.get(newest.artifact_id),
        "latest": lambda: store.resolve("pairs", "latest"),
        "artifacts()": store.artifacts,
        "sql: count of the catalog": lambda: store.sql("select count(*) from artifacts"),
        "sql: count of all rows": lambda: store.sql("select count(*) from pairs"),
        "rebuild_index": store.rebuild_index,
    }
    for name, action in actions.items():
        sys.stdout.write(f"{name:46} {1000 * best(repeats, action):8.1f} ms\n")


def main() -> None:
    """Run the benchmarks in a temporary directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--artifacts", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp())
    try:
        bench_rows(directory, arguments.rows, arguments.repeats)
        bench_catalog(directory, arguments.artifacts, arguments.repeats)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
