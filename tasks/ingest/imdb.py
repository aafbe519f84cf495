"""Film reviews with a sentiment: the large movie review dataset.

On the hub: stanfordnlp/imdb. Source: Maas et al. 2011; prompts are the first 2 to 8 words of a
review, or tokens as in the DPO paper (section 6) where a tokenizer is named.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator

from storage.tables.examples import Example
from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.ingest.imdb_pairs import Review, SharedPrefix, pair_reviews
from tasks.ingest.params import IngestParams
from tasks.ingest.record import Record, fault_of, refuse
from tasks.ingest.text_prefix import PrefixEnds, shorten, token_ends, word_ends

SHAPES = (("review", "sentiment"), ("text", "label"))
"""The well-known CSV and the folders of the original, and the dataset on the hub (label 1 is
positive)."""
LABELER = "imdb-sentiment"
_SENTIMENTS = {
    "positive": "positive",
    "pos": "positive",
    "1": "positive",
    "negative": "negative",
    "neg": "negative",
    "0": "negative",
}
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def imdb_rows(records: Iterable[Record], params: IngestParams) -> Iterator[Example | Refusal]:
    """Yield the start of a review as a prompt and the rest as a labelled demonstration, per row.

    With pairs of a shared prefix, two reviews that begin alike are one example: chosen is the rest
    of the positive one, and the rests of both are demonstrations. All reviews are then held, as
    long as they are kept, until the source is read to its end; the pairs come first, then the
    reviews that stand alone.

    Raises:
        InputError: the tokenizer of the prefix cannot be loaded.
    """
    name, most = params.prefix_tokenizer, params.max_prefix_words
    ends = token_ends(name, most) if name else word_ends(most)
    held: list[Review] = []
    for record in records:
        review = _review(record, params, ends)
        if isinstance(review, str):
            yield refuse(record, params.source, review)
        elif params.imdb_pairs == "none":
            yield _alone(review, params.source)
        else:
            held.append(review)
    yield from _paired(held, params)


def _review(record: Record, params: IngestParams, ends: PrefixEnds) -> Review | str:
    """Return a cleaned review, or why it cannot be used."""
    text_column, label_column = SHAPES[1] if "text" in record.values else SHAPES[0]
    fault = fault_of(record, (text_column,))
    if fault:
        return fault
    sentiment = _SENTIMENTS.get(str(record.values.get(label_column)).strip().lower())
    if sentiment is None:
        return "sentiment is neither positive nor negative"
    words = _LINE_BREAK.sub(" ", record.values[text_column]).split()
    kept = shorten(words, max_words=params.max_words, min_words=2 * params.max_prefix_words)
    text = " ".join(kept)
    found = ends(text)
    if len(found) < params.min_prefix_words:
        unit = "tokens" if params.prefix_tokenizer else "words"
        return f"no {unit} after the prefix" if words else "empty review"
    return Review(
        text=text,
        sentiment=sentiment,
        ends=found,
        num_prefix=min(_num_prefix(words, params), len(found)),
        file=record.file,
        line=record.line,
        byte_offset=record.byte_offset,
    )


def _num_prefix(words: list[str], params: IngestParams) -> int:
    """Return the length of the prefix by hash of the review, so that it never changes."""
    digest = hashlib.sha256(" ".join(words).encode()).digest()
    span = params.max_prefix_words - params.min_prefix_words + 1
    return params.min_prefix_words + int.from_bytes(digest[:8]) % span


def _alone(review: Review, source: str) -> Example:
    end = review.ends[review.num_prefix - 1]
    return Example(
        source=source,
        messages=(Message("text", review.text[:end]),),
        demonstrations=(review.text[end:],),
        labels=(review.sentiment,),
        file=review.file,
        line=review.line,
        byte_offset=review.byte_offset,
    )


def _paired(reviews: list[Review], params: IngestParams) -> Iterator[Example]:
    """Yield the pairs, then the other reviews.

    A repeat of a paired review is yielded as its pair again, so that it is counted as a duplicate.
    """
    pairs = pair_reviews(reviews, params.min_prefix_words, params.max_prefix_words)
    pair_of: dict[tuple[str, str], SharedPrefix] = {}
    for pair in pairs:
        other = reviews[max(pair.positive, pair.negative)]
        origins = (f"{other.file}:{other.line}",)
        yield _together(reviews, pair, reviews[pair.first], params.source, origins)
        for number in (pair.positive, pair.negative):
            pair_of[reviews[number].sentiment, reviews[number].text] = pair
    for number, review in enumerate(reviews):
        found = pair_of.get((review.sentiment, review.text))
        if found is None:
            yield _alone(review, params.source)
        elif number not in {found.positive, found.negative}:
            yield _together(reviews, found, review, params.source)


def _together(
    reviews: list[Review],
    pair: SharedPrefix,
    place: Review,
    source: str,
    more_origins: tuple[str, ...] = (),
) -> Example:
    positive, negative = reviews[pair.positive].text, reviews[pair.negative].text
    rests = (positive[pair.end :], negative[pair.end :])
    return Example(
        source=source,
        messages=(Message("text", positive[: pair.end]),),
        chosen=rests[0],
        rejected=rests[1],
        labeler=LABELER,
        demonstrations=rests,
        labels=("positive", "negative"),
        file=place.file,
        line=place.line,
        byte_offset=place.byte_offset,
        more_origins=more_origins,
    )
