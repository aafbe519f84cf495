"""Items on which people do not agree."""

from collections import Counter
from collections.abc import Sequence

from tasks.annotation.figures.queue_figures import Conflict
from tasks.annotation.figures.said_about import SaidAbout


def conflicts(said: Sequence[SaidAbout]) -> tuple[Conflict, ...]:
    """Return the items with two different choices and no adjudication, the least agreed first.

    Skips say nothing, so they make no conflict and count in no share, but their notes may help: they
    come after the labels. Among items with the same share the order is that of the items.
    """
    found = []
    for row in said:
        if row.adjudication is None and len({vote.choice for vote in row.votes}) > 1:
            counts = Counter(vote.choice for vote in row.votes)
            told = (*row.votes, *row.skips)
            found.append(
                Conflict(
                    item_id=row.item_id,
                    said=tuple((label.annotator, label.choice, label.note) for label in told),
                    share=max(counts.values()) / len(row.votes),
                )
            )
    return tuple(sorted(found, key=lambda conflict: conflict.share))
