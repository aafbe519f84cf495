"""What people prefer, as preference pairs."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from storage.tables.dispreferred import Dispreferred
from storage.tables.labels import HumanLabel
from storage.tables.outcomes import PromptOutcome
from storage.tables.pairs import PreferencePair
from tasks.annotation.comparison_item import ComparisonItem
from tasks.annotation.figures.aggregate import aggregate_said
from tasks.annotation.figures.aggregated import Aggregated, Preference
from tasks.annotation.figures.gold_answers import trusted_labels
from tasks.annotation.figures.people_outcome import people_outcome
from tasks.annotation.figures.said_about import SaidAbout, said_about
from tasks.annotation.params import CollectParams

HUMAN = "human"


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanPairs:
    """What came of the labels of a queue.

    `dispreferred` are answers of comparisons in which people find every answer bad. `outcomes` has
    one row for each prompt with a comparison that is no gold item.
    """

    pairs: tuple[PreferencePair, ...]
    dispreferred: tuple[Dispreferred, ...]
    outcomes: tuple[PromptOutcome, ...]


def human_pairs(
    items: Sequence[ComparisonItem], labels: Sequence[HumanLabel], params: CollectParams
) -> HumanPairs:
    """Return the pairs that people's labels come to, as `aggregate` settles each comparison.

    The labeler of a pair is `majority of N` or `dawid-skene of N`, N the people whose labels of the
    queue count; with one of them their name, and for what was adjudicated the adjudicator's.
    Two answers with the same text are no pair. Two texts make one pair of a prompt, however many of
    its comparisons say so, and none where some of these say the opposite.

    Raises:
        InputError: a label says what cannot be said about its item.
    """
    said = said_about(items, trusted_labels(items, labels, params.min_gold_accuracy))
    labeler = _labeler(said, params)
    of_prompt: dict[str, list[Aggregated]] = defaultdict(list)
    for row in aggregate_said(said, params):
        of_prompt[row.item.prompt_id].append(row)
    made = [_of_prompt(rows, labeler) for rows in of_prompt.values()]
    return HumanPairs(
        pairs=tuple(chain.from_iterable(one.pairs for one in made)),
        dispreferred=tuple(chain.from_iterable(one.dispreferred for one in made)),
        outcomes=tuple(chain.from_iterable(one.outcomes for one in made)),
    )


def _labeler(said: Sequence[SaidAbout], params: CollectParams) -> str:
    names = {vote.annotator for row in said for vote in row.votes}
    return f"{params.aggregation} of {len(names)}" if len(names) != 1 else names.pop()


def _of_prompt(rows: Sequence[Aggregated], labeler: str) -> HumanPairs:
    found = [pair for row in rows for pair in _pairs(row, labeler)]
    different = [pair for pair in found if pair.chosen != pair.rejected]
    directions = {(pair.chosen, pair.rejected) for pair in different}
    agreed = [pair for pair in different if (pair.rejected, pair.chosen) not in directions]
    pairs: dict[tuple[str, str], PreferencePair] = {}
    for pair in agreed:
        pairs.setdefault((pair.chosen, pair.rejected), pair)
    bad = {answer.rejected: answer for row in rows for answer in _dispreferred(row)}
    outcome = people_outcome(
        rows,
        num_pairs=len(pairs),
        num_same_text=len(found) - len(different),
        num_opposite=len(different) - len(agreed),
    )
    return HumanPairs(
        pairs=tuple(pairs.values()),
        dispreferred=tuple(bad.values()),
        outcomes=(outcome,),
    )


def _pairs(row: Aggregated, labeler: str) -> Iterator[PreferencePair]:
    for preference in row.preferences:
        yield _pair(row.item, preference, row.adjudicator or labeler)


def _pair(item: ComparisonItem, preference: Preference, labeler: str) -> PreferencePair:
    chosen, rejected = item.side(preference.chosen), item.side(preference.rejected)
    return PreferencePair(
        prompt_id=item.prompt_id,
        source=item.source,
        split=item.split,
        messages=item.messages,
        chosen=chosen.text,
        rejected=rejected.text,
        labeler_kind=HUMAN,
        labeler=labeler,
        agreement=preference.agreement,
        margin=preference.margin,
        chosen_id=chosen.completion_id,
        rejected_id=rejected.completion_id,
        origin=item.origin,
    )


def _dispreferred(row: Aggregated) -> Iterator[Dispreferred]:
    item = row.item
    for response in item.responses if row.status == "both-bad" else ():
        yield Dispreferred(
            prompt_id=item.prompt_id,
            source=item.source,
            split=item.split,
            messages=item.messages,
            rejected=response.text,
            origin=item.origin,
        )
