"""Positive and negative reviews that begin alike, as pairs that share a prompt."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Sides = tuple[list[int], list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A cleaned review and where it stands.

    `ends` are the positions at which its first 1, 2, ... words (or tokens) end, `num_prefix` how
    many of them are its prompt if it stands alone.
    """

    text: str
    sentiment: str
    ends: tuple[int, ...]
    num_prefix: int
    file: str
    line: int
    byte_offset: int | None


@dataclass(frozen=True, slots=True)
class SharedPrefix:
    """Numbers of a positive and a negative review whose first `end` characters are the same."""

    positive: int
    negative: int
    end: int

    @property
    def first(self) -> int:
        """Number of the review that comes first."""
        return min(self.positive, self.negative)


def pair_reviews(
    reviews: Sequence[Review], min_prefix: int, max_prefix: int
) -> tuple[SharedPrefix, ...]:
    """Return the pairs in the order of their first reviews, each review in one pair at most.

    From `max_prefix` words down to `min_prefix`, the first free positive review that begins with
    certain words is paired with the first free negative one: prompts are as long as they can be,
    and the time grows with the number of reviews. The words must be the same to the letter, or else
    they are no shared prompt. Repeats of a review are not paired again, and a text that is called
    both positive and negative is not paired at all: it has nothing to differ in.
    """
    free = _free(reviews)
    pairs: list[SharedPrefix] = []
    for num_prefix in range(max_prefix, min_prefix - 1, -1):
        found = tuple(_matches(reviews, free, num_prefix))
        free.difference_update(*((pair.positive, pair.negative) for pair in found))
        pairs += found
    return tuple(sorted(pairs, key=lambda pair: pair.first))


def _free(reviews: Sequence[Review]) -> set[int]:
    """Return the numbers of the reviews that may be paired."""
    first: dict[tuple[str, str], int] = {}
    for number, review in enumerate(reviews):
        first.setdefault((review.sentiment, review.text), number)
    opposite = {"positive": "negative", "negative": "positive"}
    return {
        number
        for (sentiment, text), number in first.items()
        if (opposite[sentiment], text) not in first
    }


def _matches(
    reviews: Sequence[Review], free: Iterable[int], num_prefix: int
) -> Iterator[SharedPrefix]:
    """Yield pairs of free reviews with the same first `num_prefix` words, in file order."""
    groups: defaultdict[str, Sides] = defaultdict(lambda: ([], []))
    for number in sorted(free):
        review = reviews[number]
        if len(review.ends) >= num_prefix:
            prefix = review.text[: review.ends[num_prefix - 1]]
            groups[prefix][review.sentiment == "negative"].append(number)
    for prefix, (positives, negatives) in groups.items():
        for positive, negative in zip(positives, negatives, strict=False):
            yield SharedPrefix(positive, negative, len(prefix))
