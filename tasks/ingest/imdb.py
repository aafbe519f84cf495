"""Film reviews with a sentiment: the large movie review dataset.

Source: Maas et al. 2011; prompts are the first words of a review, as in the DPO paper (section 6,
there 2 to 8 tokens, here 2 to 8 words, so that the data does not depend on a tokenizer).
"""

import hashlib
import re
from collections.abc import Iterable, Iterator

from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.ingest.answered import demonstration_of
from tasks.ingest.params import IngestParams
from tasks.ingest.record import Kept, Record, fault_of, refuse
from tasks.ingest.split import place_prompt
from tasks.ingest.text_prefix import cut_prefix, shorten

SHAPES = (("review", "sentiment"), ("text", "label"))
"""The well-known CSV, and the dataset on the hub (label 1 is positive)."""
_SENTIMENTS = {"positive": "positive", "negative": "negative", "1": "positive", "0": "negative"}
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def imdb_rows(records: Iterable[Record], params: IngestParams) -> Iterator[Kept | Refusal]:
    """Yield the start of a review as a prompt and the rest as a labelled demonstration, per row."""
    for record in records:
        text_column, label_column = SHAPES[1] if "text" in record.values else SHAPES[0]
        fault = fault_of(record, (text_column,))
        sentiment = _SENTIMENTS.get(str(record.values.get(label_column)).strip().lower())
        if not fault and sentiment is None:
            fault = "sentiment is neither positive nor negative"
        if fault:
            yield refuse(record, params.source, fault)
            continue
        words = _LINE_BREAK.sub(" ", record.values[text_column]).split()
        if len(words) <= params.min_prefix_words:
            reason = "no words after the prefix" if words else "empty review"
            yield refuse(record, params.source, reason)
            continue
        yield _kept(record, words, sentiment, params)


def _kept(record: Record, words: list[str], sentiment: str | None, params: IngestParams) -> Kept:
    num_prefix = min(_num_prefix_words(words, params), len(words) - 1)
    kept = shorten(words, max_words=params.max_words, min_words=2 * params.max_prefix_words)
    text = cut_prefix(kept, num_prefix)
    prompt = place_prompt(params, (Message("text", text.prefix),), origin=record.origin)
    demonstration = demonstration_of(prompt, text.rest, sentiment)
    return Kept(prompt=prompt, demonstrations=(demonstration,))


def _num_prefix_words(words: list[str], params: IngestParams) -> int:
    """Return the length of the prefix by hash of the review, so that it never changes."""
    digest = hashlib.sha256(" ".join(words).encode()).digest()
    span = params.max_prefix_words - params.min_prefix_words + 1
    return params.min_prefix_words + int.from_bytes(digest[:8]) % span
