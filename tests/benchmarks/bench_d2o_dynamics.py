"""Show what holds D2O, and what lets it run away; run it as a script.

Example: `PYTHONPATH=. python tests/benchmarks/bench_d2o_dynamics.py --svg d2o.svg --csv d2o.csv`. A small
model is trained on generated reviews; the negatives are its own negative reviews, found by the grammar
that wrote the data. Then D2O runs three times on the same rows with the same seed and learning rate:

- frozen: self-samples of the frozen reference, which is the default;
- naive: self-samples of the current policy, drawn anew every 16 steps, without safeguards;
- guarded: drawn anew every 32 steps, with warm-up, margin cut-off and a large Adam epsilon.

No KL budget ends them here; the default one is drawn as a line. Printed are KL (nats per sequence, on
fresh samples) and loss along the way, and at the end, of all answers to prompts that gave no negative,
the share of positive reviews with its 95 % interval, clustered by prompt, the share that the judge
cannot read, and the share of different word pairs.
"""

import argparse
import csv
import math
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from storage.tables.completions import Completion
from storage.tables.demonstrations import Demonstration
from storage.tables.examples import Example
from storage.tables.negatives import Negative
from storage.tables.prompts import Prompt
from tasks.curation.placed_rows import placed_rows
from tasks.ingest.params import IngestParams
from tasks.ingest.read_source import read_source
from tasks.judging.judge import Question
from tasks.judging.oracle import ReviewOracle
from tasks.negatives.anchors import draw_anchors
from tasks.negatives.params import NegativesParams
from tasks.sampling.model import load_model
from tasks.sampling.params import SamplingParams
from tasks.sampling.sample import sample
from tasks.training.base.base_model import make_base_model
from tasks.training.d2o.params import D2OParams
from tasks.training.d2o.train_d2o import train_d2o
from tasks.training.run.run_files import RunFiles
from tasks.training.run.training_result import TrainingResult
from tasks.training.sft.params import SFTParams
from tasks.training.sft.train_sft import train_sft

UNGUARDED = {"safeguards": False, "margin_cutoff": 0.0, "adam_epsilon": 1e-8}
RUNS: dict[str, dict[str, object]] = {
    "frozen": {},
    "naive": {"resample_every": 16, "warmup_steps": 0, **UNGUARDED},
    "guarded": {"resample_every": 32, "warmup_steps": 32, "margin_cutoff": 2.0},
}
LABELS = {
    "frozen": "frozen reference's samples (default)",
    "naive": "own samples, every 16 steps, no safeguards",
    "guarded": "own samples, every 32 steps, with safeguards",
}
DRAWS = SamplingParams(max_tokens=48)


@dataclass(frozen=True, slots=True)
class Start:
    """A trained policy, negatives for it with anchors, and prompts that it has not seen."""

    checkpoint: Path
    negatives: Sequence[Negative]
    held_out: Sequence[Prompt]


def make_start(model: str, num_reviews: int, sft_steps: int, num_prompts: int, out: Path) -> Start:
    """Return the reviews' policy and its own negative reviews as what to move away from."""
    source = read_source(IngestParams(num_reviews=num_reviews))
    examples = [example for _, example in source if isinstance(example, Example)]
    rows = [row for example in examples for row in placed_rows(example, cluster="", split="train")]
    texts = [row for row in rows if isinstance(row, Demonstration)]
    prompts = list({row.messages: row for row in rows if isinstance(row, Prompt)}.values())
    sft = SFTParams(max_steps=sft_steps, epochs=1000, batch_size=24)
    base = make_base_model(model, texts, sft, out / "base")
    train_sft(texts, sft, RunFiles(start=base, out=out / "sft"))
    loaded = load_model(out / "sft")
    asked = prompts[:num_prompts]
    drawn = sample(loaded, asked, policy_id="sft", num_samples=4, params=DRAWS, seed=1)
    by_id = {prompt.prompt_id: prompt for prompt in asked}
    disliked = [
        Negative(
            prompt_id=row.prompt_id,
            source="reviews",
            split="train",
            messages=by_id[row.prompt_id].messages,
            rejected=row.text,
            origin="bench",
        )
        for row, score in zip(drawn, scores(asked, drawn), strict=True)
        if score == 0.0 and row.finish_reason == "stop"
    ]
    anchors = NegativesParams(num_samples=7, max_tokens=DRAWS.max_tokens)
    negatives = draw_anchors(disliked, loaded, policy_id="sft", params=anchors)
    return Start(out / "sft", negatives, prompts[-num_prompts // 2 :])


def scores(prompts: Sequence[Prompt], drawn: Sequence[Completion]) -> list[float | None]:
    """Return 1 for a positive answer, 0 for a negative one, None where the judge cannot tell."""
    by_id = {prompt.prompt_id: prompt for prompt in prompts}
    verdicts = ReviewOracle().judge([Question(by_id[row.prompt_id], row) for row in drawn])
    return [verdict.score for verdict in verdicts]


def trained(name: str, start: Start, steps: int, out: Path) -> TrainingResult:
    """Return the D2O run of this name."""
    params = D2OParams(
        max_steps=steps,
        epochs=1000,
        max_kl=1e9,
        kl_stop=0,
        kl_every=4,
        kl_samples=48,
        kl_max_tokens=DRAWS.max_tokens,
        response_tokens=DRAWS.max_tokens,
        **RUNS[name],
    )
    return train_d2o(start.negatives, params, RunFiles(start=start.checkpoint, out=out))


def along(result: TrainingResult, metric: str) -> dict[int, float]:
    """Return a metric by step."""
    return {row.step: row.value for row in result.steps if row.metric == metric}


def answers_of(checkpoint: Path, prompts: Sequence[Prompt]) -> str:
    """Return how a policy answers held-out prompts, in one line."""
    drawn = sample(
        load_model(checkpoint), prompts, policy_id="p", num_samples=2, params=DRAWS, seed=2
    )
    judged = scores(prompts, drawn)
    unread = sum(score is None for score in judged) / len(judged)
    by_prompt = defaultdict(list)
    for row, score in zip(drawn, judged, strict=True):
        by_prompt[row.prompt_id].append(float(score == 1.0))
    shares = [statistics.mean(found) for found in by_prompt.values()]
    positive = statistics.mean(shares)
    margin = 1.96 * statistics.stdev(shares) / math.sqrt(len(shares))
    words = [row.text.split() for row in drawn]
    bigrams = [pair for text in words for pair in pairwise(text)]
    distinct = len(set(bigrams)) / max(1, len(bigrams))
    length = sum(row.num_tokens for row in drawn) / len(drawn)
    return (
        f"{100 * positive:6.1f} +- {100 * margin:4.1f} % {100 * unread:8.1f} %"
        f"{distinct:10.2f}{length:9.1f}"
    )


def draw_plot(results: dict[str, TrainingResult], path: Path) -> None:
    """Write the KL of the runs over their steps, on a log scale, and the loss beneath."""
    mpl.use("Agg")
    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(7.2, 5.4))
    for name, result in results.items():
        kls, losses = along(result, "kl"), along(result, "loss")
        steps = [step for step in kls if step]
        above.plot(steps, [max(kls[step], 1e-3) for step in steps], label=LABELS[name])
        below.plot(list(losses), list(losses.values()))
    budget = D2OParams.model_fields["max_kl"].default
    above.axhline(budget, color="0.5", linestyle=":", label=f"default KL budget ({budget:g})")
    above.set_yscale("log")
    above.set_ylabel("KL to the reference, nats")
    above.legend(frameon=False, fontsize=8)
    below.set_ylabel("loss")
    below.set_ylim(bottom=0)
    below.set_xlabel("optimizer step")
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def write_csv(results: dict[str, TrainingResult], path: Path) -> None:
    """Write all metrics of the runs."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["run", "step", "metric", "value"])
        for name, result in results.items():
            writer.writerows([name, row.step, row.metric, row.value] for row in result.steps)


def main() -> None:
    """Print the figures, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="scratch:nano")
    parser.add_argument("--reviews", type=int, default=6000)
    parser.add_argument("--sft-steps", type=int, default=300)
    parser.add_argument("--prompts", type=int, default=256)
    parser.add_argument("--steps", type=int, default=96)
    parser.add_argument("--svg", type=Path, help="where the plot goes (.svg or .png)")
    parser.add_argument("--csv", type=Path, help="where all metrics go")
    given = parser.parse_args()
    out = sys.stdout.write
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        start = make_start(given.model, given.reviews, given.sft_steps, given.prompts, work)
        out(f"{len(start.negatives)} negatives, {time.monotonic() - started:.0f} s\n")
        out(f"{'':9s}{'positive':>16s}{'unparsable':>11s}{'distinct-2':>10s}{'tokens':>9s}\n")
        out(f"{'SFT':9s}{answers_of(start.checkpoint, start.held_out)}\n")
        results = {}
        for name in RUNS:
            results[name] = trained(name, start, given.steps, work / name)
            out(f"{name:9s}{answers_of(work / name, start.held_out)}\n")
    marks = [step for step in along(results["frozen"], "kl") if step % 16 == 0 and step]
    for metric in ("kl", "loss"):
        out(f"{metric:9s}" + "".join(f"{f'step {step}':>10s}" for step in marks) + "\n")
        for name, result in results.items():
            values = along(result, metric)
            out(f"  {name:7s}" + "".join(f"{values.get(s, math.nan):10.3f}" for s in marks) + "\n")
    if given.svg:
        draw_plot(results, given.svg)
    if given.csv:
        write_csv(results, given.csv)
    out(f"{time.monotonic() - started:.0f} s in all\n")


if __name__ == "__main__":
    main()
