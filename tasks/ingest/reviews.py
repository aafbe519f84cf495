"""Generated reviews of films and products: the source that needs no file."""

import hashlib
from collections.abc import Iterator

from storage.tables.examples import Example
from storage.tables.table import Message
from tasks.ingest.params import IngestParams
from tasks.ingest.review_grammar import MIN_WORDS, derive_review
from tasks.ingest.text_prefix import cut_prefix
from tasks.progress import Progress, silent

NUM_BETWEEN_UPDATES = 500


def review_rows(params: IngestParams, progress: Progress = silent) -> Iterator[Example]:
    """Yield the start of each review as a prompt and the rest as a labelled demonstration."""
    num_reviews = min(params.num_reviews, params.limit or params.num_reviews)
    for index in range(num_reviews):
        if index % NUM_BETWEEN_UPDATES == 0:
            progress(index, num_reviews)
        yield _review(index, params)
    progress(num_reviews, num_reviews)


def _review(index: int, params: IngestParams) -> Example:
    review = derive_review(params.seed, index)
    text = cut_prefix(review.text.split(), _num_prefix_words(index, params))
    return Example(
        source=params.source,
        messages=(Message("text", text.prefix),),
        demonstrations=(text.rest,),
        labels=(review.label,),
        file=f"reviews({params.seed})",
        line=index + 1,
    )


def _num_prefix_words(index: int, params: IngestParams) -> int:
    """Return the length of the prefix by hash; a review has at least 15 words."""
    digest = hashlib.sha256(f"prefix:{params.seed}:{index}".encode()).digest()
    span = params.max_prefix_words - params.min_prefix_words + 1
    return min(params.min_prefix_words + int.from_bytes(digest[:8]) % span, MIN_WORDS - 1)
