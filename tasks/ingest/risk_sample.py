"""Drawing some of the situations."""

import random
from collections.abc import Iterable, Iterator

from storage.tables.examples import Example
from storage.tables.quarantine import Refusal


def draw_situations(
    outcomes: Iterable[Example | Refusal], sample_size: int, seed: int
) -> Iterator[Example | Refusal]:
    """Yield all refusals and `sample_size` different situations, drawn without replacement.

    What is yielded keeps its order. Situations that are not drawn are left out without a trace, and
    so are their rows; a situation that repeats one that is drawn is yielded again, as a duplicate.
    """
    held = list(outcomes)
    ids = list(dict.fromkeys(row.example_id for row in held if isinstance(row, Example)))
    drawn = set(random.Random(seed).sample(ids, min(sample_size, len(ids))))  # noqa: S311  - no secret
    for outcome in held:
        if isinstance(outcome, Refusal) or outcome.example_id in drawn:
            yield outcome
