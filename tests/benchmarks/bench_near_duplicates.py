"""Measure how fast near duplicates are found, and how many; run it as a script.

Example: `python tests/benchmarks/bench_near_duplicates.py --texts 100000`. Recall is told twice: of
all copies that were planted, and of those that are near duplicates by their exact similarity, for
in a short text one word left out can be too much. If datasketch is there it does the same work.
"""

import argparse
import importlib.util
import random
import sys
import time
from collections.abc import Sequence
from itertools import accumulate

from tasks.curation.minhash import MIN_WORDS, RUN_WORDS
from tasks.curation.near_duplicates import near_duplicate_leaders
from tasks.curation.words import words_of

Runs = frozenset[tuple[bytes, ...]]


def sample_texts(num_texts: int, num_planted: int, drop: float) -> tuple[list[str], dict[int, int]]:
    """Return texts of 30 to 60 words, and which of them are copies of which, with words left out.

    Words are drawn like those of a language, the n-th with a frequency in proportion to 1 / n.
    """
    draw = random.Random(1)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 9))) for _ in range(20_000)]
    weights = list(accumulate(1 / (rank + 1) for rank in range(len(words))))
    texts = [
        " ".join(draw.choices(words, cum_weights=weights, k=draw.randint(30, 60)))
        for _ in range(num_texts - num_planted)
    ]
    origins = draw.sample(range(len(texts)), num_planted)
    copies = {len(texts) + place: origin for place, origin in enumerate(origins)}
    texts += [
        " ".join(word for word in texts[origin].split() if draw.random() >= drop)
        for origin in origins
    ]
    return texts, copies


def runs_of(text: str) -> Runs:
    """Return the runs of words of a text."""
    words = words_of(text)
    return frozenset(tuple(words[at : at + RUN_WORDS]) for at in range(len(words) - RUN_WORDS + 1))


def similarity(one: str, other: str) -> float:
    """Return the exact Jaccard similarity of two texts."""
    ours, theirs = runs_of(one), runs_of(other)
    return len(ours & theirs) / len(ours | theirs)


def time_datasketch(texts: Sequence[str], threshold: float) -> float:
    """Return the seconds that datasketch takes to sign, insert and query all texts."""
    from datasketch import MinHash, MinHashLSH

    started = time.perf_counter()
    index = MinHashLSH(threshold=threshold, num_perm=128)
    for number, text in enumerate(texts):
        runs = [b" ".join(run) for run in runs_of(text)]
        if len(runs) > MIN_WORDS - RUN_WORDS:
            signature = MinHash(num_perm=128)
            signature.update_batch(runs)
            index.query(signature)
            index.insert(number, signature)
    return time.perf_counter() - started


def main() -> None:
    """Print the time, the recall and the false alarms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--planted", type=int, default=1_000)
    parser.add_argument("--drop", type=float, default=0.03)
    parser.add_argument("--threshold", type=float, default=0.8)
    arguments = parser.parse_args()
    texts, copies = sample_texts(arguments.texts, arguments.planted, arguments.drop)
    started = time.perf_counter()
    leaders = near_duplicate_leaders(texts, threshold=arguments.threshold)
    seconds = time.perf_counter() - started
    found = {index for index, leader in enumerate(leaders) if leader != index}
    near = {
        copy
        for copy, origin in copies.items()
        if similarity(texts[copy], texts[origin]) >= arguments.threshold
    }
    out = sys.stdout.write
    out(f"{len(texts):,} texts in {seconds:.2f} s ({len(texts) / seconds:,.0f} a second)\n")
    out(f"found {len(found & near):,} of {len(near):,} near duplicates by exact similarity\n")
    out(f"found {len(found & copies.keys()):,} of {len(copies):,} planted copies\n")
    out(f"false alarms: {len(found - copies.keys()):,} texts that are no copies\n")
    if importlib.util.find_spec("datasketch"):
        theirs = time_datasketch(texts, arguments.threshold)
        out(f"datasketch: {theirs:.1f} s, {theirs / seconds:.0f} times as long\n")


if __name__ == "__main__":
    main()
