"""Measure ingest beside other readers of the same file; run it as a script.

Example: `python tests/benchmarks/bench_ingest.py`. It writes transcripts like those of HH-RLHF
(160,000 rows, about 3 kB each), packs them, and reads the same .jsonl.gz with each library, every
one in a process of its own. Trust the ratios.
"""

import argparse
import gzip
import itertools
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

NUM_WORDS = 2_500
ENDS = ".", ".", ".", "?", "!"


def sentences(draw: random.Random) -> Iterator[str]:
    """Yield sentences of made-up words, whose frequencies fall as in a natural language."""
    words = [
        "".join(draw.choices("etaoinshrdlucmfwyp", k=draw.randint(2, 10))) for _ in range(NUM_WORDS)
    ]
    weights = list(itertools.accumulate(1 / rank for rank in range(1, NUM_WORDS + 1)))
    while True:
        stream = iter(draw.choices(words, cum_weights=weights, k=100_000))
        while taken := list(itertools.islice(stream, draw.randint(4, 22))):
            yield " ".join(taken).capitalize() + draw.choice(ENDS)


def write_transcripts(path: Path, num_rows: int) -> None:
    """Write pairs of transcripts that share all but the last reply."""
    draw = random.Random(1)
    source = sentences(draw)

    def text(most: int) -> str:
        return " ".join(itertools.islice(source, draw.randint(1, most)))

    with gzip.open(path, "wb", compresslevel=6) as file:
        for _ in range(num_rows):
            turns = [
                f"\n\nHuman: {text(3)}\n\nAssistant: {text(6)}" for _ in range(draw.randint(0, 4))
            ]
            shared = "".join(turns) + f"\n\nHuman: {text(3)}\n\nAssistant: "
            row = {"chosen": shared + text(7), "rejected": shared + text(7)}
            file.write(orjson.dumps(row) + b"\n")


def ingest(path: Path, root: Path) -> None:
    """Commit the examples and the quarantine of the file, as the stage does."""
    from storage.store import open_store
    from storage.work import Work
    from tasks.ingest.params import IngestParams
    from tasks.ingest.read_source import read_source
    from tasks.ingest.task import TABLES
    from tasks.ingest.write_rows import write_rows

    params = IngestParams(source="hh-rlhf", path=str(path))
    with open_store(root).begin(Work("bench", 1), TABLES) as writer:
        write_rows(writer, read_source(params))
        writer.commit()


def load_dataset(path: Path, root: Path) -> None:
    """Read with datasets, which writes Arrow files of its own."""
    from datasets import load_dataset as load

    load("json", data_files=str(path), split="train", cache_dir=str(root))


def read_pandas(path: Path, root: Path) -> None:
    """Read with pandas and write Parquet."""
    import pandas as pd

    root.mkdir()
    frame = pd.read_json(path, lines=True)
    frame.to_parquet(root / "rows.parquet", compression="zstd")


def copy_duckdb(path: Path, root: Path) -> None:
    """Read with DuckDB and write Parquet."""
    import duckdb

    root.mkdir()
    columns = "{chosen: 'VARCHAR', rejected: 'VARCHAR'}"
    duckdb.sql(
        f"copy (from read_json('{path}', format='newline_delimited', columns={columns})) "
        f"to '{root}/rows.parquet' (compression zstd)"
    )


READERS: dict[str, Callable[[Path, Path], None]] = {
    "prefline": ingest,
    "datasets": load_dataset,
    "duckdb": copy_duckdb,
    "pandas": read_pandas,
}


def main() -> None:
    """Print rows a second, the ratio to prefline's and the peak memory of every reader."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=160_000)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--readers", nargs="+", default=list(READERS), choices=list(READERS))
    parser.add_argument("--only", choices=list(READERS), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help="a file to read instead of a generated one")
    arguments = parser.parse_args()
    if arguments.only:
        _measure(READERS[arguments.only], arguments.file)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.file or Path(folder) / "transcripts.jsonl.gz"
        if not arguments.file:
            write_transcripts(path, arguments.rows)
        say(f"{arguments.rows:,} rows, {path.stat().st_size / 1e6:.0f} MB packed")
        base = 0.0
        for name in arguments.readers:
            runs = [_run(name, path) for _ in range(arguments.repeats)]
            seconds = min(run[0] for run in runs)
            base = base or seconds
            rate, peak = arguments.rows / seconds, max(run[1] for run in runs)
            say(
                f"{name:10} {seconds:6.1f} s  {rate:8,.0f} rows/s  {seconds / base:5.2f} x time"
                f"  {peak:6,.0f} MB peak"
            )


def say(line: str) -> None:
    """Write a line of results."""
    sys.stdout.write(line + "\n")


def _run(name: str, path: Path) -> tuple[float, float]:
    command = [sys.executable, __file__, "--only", name, "--file", str(path)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, peak = output.split()[-2:]
    return float(seconds), float(peak)


def _measure(reader: Callable[[Path, Path], None], path: Path) -> None:
    """Print seconds and peak megabytes; the libraries are imported before the clock starts."""
    with tempfile.TemporaryDirectory() as folder:
        _warm(reader, Path(folder))
        started = time.perf_counter()
        reader(path, Path(folder) / "out")
        seconds = time.perf_counter() - started
    say(f"{seconds} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}")


def _warm(reader: Callable[[Path, Path], None], folder: Path) -> None:
    small = folder / "small.jsonl.gz"
    write_transcripts(small, 10)
    reader(small, folder / "warm")


if __name__ == "__main__":
    main()
