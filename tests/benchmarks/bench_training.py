"""Measure training and sampling on this machine's device; run it as a script.

Example: `python tests/benchmarks/bench_training.py --model scratch:tiny --steps 40`. It prints tokens
per second of each training method (prompt and completions of every row, padding excluded) and of
sampling, each after a warm-up run of two steps; the methods differ in what a step does, so compare
one method between machines or settings.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from storage.tables.demonstrations import Demonstration
from storage.tables.examples import Example
from storage.tables.negatives import Negative
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt
from tasks.curation.placed_rows import placed_rows
from tasks.ingest.params import IngestParams
from tasks.ingest.read_source import read_source
from tasks.sampling.model import load_model
from tasks.sampling.params import SamplingParams
from tasks.sampling.sample import sample
from tasks.training.base.base_model import make_base_model
from tasks.training.d2o.params import D2OParams
from tasks.training.d2o.train_d2o import train_d2o
from tasks.training.dpo.params import DPOParams
from tasks.training.dpo.train_dpo import train_dpo
from tasks.training.run.run_files import RunFiles
from tasks.training.run.training_result import TrainingResult
from tasks.training.sft.params import SFTParams
from tasks.training.sft.train_sft import train_sft


@dataclass(frozen=True, slots=True)
class Data:
    """Generated reviews as prompts, demonstrations, pairs and negatives."""

    prompts: Sequence[Prompt]
    demonstrations: Sequence[Demonstration]
    pairs: Sequence[PreferencePair]
    negatives: Sequence[Negative]


def make_data(num_rows: int, num_samples: int) -> Data:
    """Return rows whose answers are reviews of other prompts: right in size, wrong in sense."""
    params = IngestParams(num_reviews=num_rows + num_samples + 1)
    examples = [example for _, example in read_source(params) if isinstance(example, Example)]
    rows = [row for example in examples for row in placed_rows(example, cluster="", split="train")]
    texts = [row for row in rows if isinstance(row, Demonstration)]
    prompts = [row for row in rows if isinstance(row, Prompt)]
    pairs = [
        PreferencePair(
            prompt_id=row.prompt_id,
            source=row.source,
            split=row.split,
            messages=row.messages,
            chosen=row.completion,
            rejected=texts[index + 1].completion,
            labeler_kind="dataset",
            labeler="none",
            origin=row.origin,
        )
        for index, row in enumerate(texts[:num_rows])
    ]
    negatives = [
        Negative(
            prompt_id=pair.prompt_id,
            source=pair.source,
            split=pair.split,
            messages=pair.messages,
            rejected=pair.rejected,
            anchors=tuple(text.completion for text in texts[index : index + num_samples]),
            origin=pair.origin,
        )
        for index, pair in enumerate(pairs)
    ]
    return Data(prompts=prompts, demonstrations=texts, pairs=pairs, negatives=negatives)


def timed(train: Callable[[int, Path], TrainingResult], steps: int) -> str:
    """Return the throughput of `steps` steps, after two that are not counted."""
    with tempfile.TemporaryDirectory() as directory:
        train(2, Path(directory))
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        result = train(steps, Path(directory))
    line = f"{result.num_tokens / result.train_seconds:12,.0f} tokens/s"
    line += f"  {result.train_seconds / result.num_steps * 1000:8.0f} ms/step"
    if torch.cuda.is_available():
        line += f"  {torch.cuda.max_memory_allocated() / 2**30:6.1f} GiB"
    return line


def main() -> None:
    """Print one line per method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="scratch:tiny")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--samples", type=int, default=7, help="K of D2O")
    given = parser.parse_args()
    data = make_data(given.batch_size * given.steps, given.samples)
    size = {"batch_size": given.batch_size, "epochs": 1000}
    sft = SFTParams(batch_size=max(24, given.batch_size), epochs=1000)
    out = sys.stdout.write
    with tempfile.TemporaryDirectory() as directory:
        start = make_base_model(given.model, data.demonstrations, sft, Path(directory))
        loaded = load_model(start)
        num = sum(p.numel() for p in loaded.model.parameters())
        out(f"{given.model}: {num / 1e6:.1f}M parameters on {loaded.device}\n")
        methods: dict[str, Callable[[int, Path], TrainingResult]] = {
            "SFT": lambda n, to: train_sft(
                data.demonstrations,
                sft.model_copy(update={"max_steps": n}),
                RunFiles(start=start, out=to),
            ),
            "DPO": lambda n, to: train_dpo(
                data.pairs, DPOParams(**size, max_steps=n), RunFiles(start=start, out=to)
            ),
            f"D2O, K = {given.samples}": lambda n, to: train_d2o(
                data.negatives,
                D2OParams(**size, max_steps=n, max_kl=1e9),
                RunFiles(start=start, out=to),
            ),
        }
        for name, train in methods.items():
            out(f"{name:14s}{timed(train, given.steps)}\n")
        asked = list(islice(data.prompts, 4 * given.batch_size))
        started = time.monotonic()
        drawn = sample(
            loaded, asked, policy_id="bench", num_samples=8, params=SamplingParams(), seed=0
        )
        seconds = time.monotonic() - started
        tokens = sum(row.num_tokens for row in drawn)
        out(f"{'sampling':14s}{tokens / seconds:12,.0f} tokens/s\n")


if __name__ == "__main__":
    main()
