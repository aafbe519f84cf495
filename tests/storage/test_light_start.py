import subprocess
import sys
import time

from small_rows import ingest

from storage.store import open_store

HEAVY = ("torch", "transformers", "prefect", "duckdb", "obstore", "pandas", "pyarrow.parquet")


def test_importing_the_store_imports_nothing_heavy():
    code = f"import sys, storage.store; print([m for m in {HEAVY} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_opening_a_store_that_exists_takes_less_than_50_ms(store, root):
    """The best of five, because the machine may be busy with others."""
    ingest(store)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        open_store(root).artifacts()
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.05
