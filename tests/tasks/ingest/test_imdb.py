"""Reviews become prefix prompts with labelled continuations, alone or two with a shared prefix."""

import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from storage.input_error import InputError
from storage.tables.quarantine import Refusal
from tasks.ingest.imdb import LABELER, imdb_rows
from tasks.ingest.imdb_pairs import Review, pair_reviews
from tasks.ingest.ingest_rows import IngestRows
from tasks.ingest.params import IngestParams
from tasks.ingest.record import Record
from tasks.ingest.text_prefix import shorten, token_ends, word_ends

SHARED = Path(__file__).parents[3] / "../shared"
REAL = SHARED / "data/imdb/IMDB_Dataset_8000.csv.gz"
GPT2 = SHARED / "models/gpt2-tokenizer"


def records_of(rows):
    return [
        Record(file="reviews.csv", line=line, raw="", values=values)
        for line, values in enumerate(rows, start=2)
    ]


def review(text, sentiment="positive"):
    return {"review": text, "sentiment": sentiment}


def imdb(*rows, **params):
    return list(imdb_rows(records_of(rows), IngestParams(source="imdb", path="r.csv", **params)))


def whole_of(example):
    return example.messages[0].content + example.demonstrations[0]


def test_a_review_is_its_prefix_and_the_rest():
    text = 'One <br /><br />two "three",\nfour five<BR/>six seven eight nine ten.'
    (example,) = imdb(review(text))
    (start,) = example.messages
    assert start.role == "text"
    assert 2 <= len(start.content.split()) <= 8
    assert whole_of(example) == 'One two "three", four five six seven eight nine ten.'
    assert example.demonstrations[0].startswith(" ")
    assert (example.labels, example.chosen, example.origin) == (
        ("positive",),
        None,
        "reviews.csv:2",
    )


def test_the_prefix_of_a_review_does_not_depend_on_its_neighbours():
    rows = [review(f"word {n} and then some more words follow here") for n in range(50)]
    forwards = {example.demonstrations for example in imdb(*rows)}
    backwards = {example.demonstrations for example in imdb(*rows[::-1])}
    assert forwards == backwards
    assert len({len(texts[0].split()) for texts in forwards}) > 3


@pytest.mark.parametrize(
    ("values", "label"),
    [
        pytest.param(review("a b c d", "Positive "), "positive", id="the CSV"),
        pytest.param(review("a b c d", "neg"), "negative", id="a folder neg"),
        pytest.param(review("a b c d", "pos"), "positive", id="a folder pos"),
        pytest.param({"text": "a b c d", "label": 1}, "positive", id="the hub, 1"),
        pytest.param({"text": "a b c d", "label": 0}, "negative", id="the hub, 0"),
        pytest.param({"text": "a b c d", "label": "0"}, "negative", id="the hub as CSV"),
    ],
)
def test_every_way_to_write_a_sentiment_is_read(values, label):
    (example,) = imdb(values)
    assert example.labels == (label,)


NEITHER = "sentiment is neither positive nor negative"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        pytest.param(review("good old\0 film"), "NUL character in column review", id="NUL"),
        pytest.param(review("a \udcff b c d"), "invalid UTF-8", id="no UTF-8"),
        pytest.param(review(None), "no value in column review", id="nothing"),
        pytest.param(review(3), "column review is no text", id="a number"),
        pytest.param(review("a b c d", "mixed"), NEITHER, id="mixed"),
        pytest.param(review("a b c d", None), NEITHER, id="no sentiment"),
        pytest.param({"text": "a b c d", "label": -1}, NEITHER, id="unlabelled on the hub"),
        pytest.param(review(""), "empty review", id="empty"),
        pytest.param(review("  <br />"), "empty review", id="only a line break"),
        pytest.param(review("Two words"), "no words after the prefix", id="too short"),
    ],
)
def test_a_review_that_cannot_be_used_is_refused_with_its_reason(values, reason):
    refusal, example = imdb(values, review("This one is fine."))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.line) == (reason, 2)
    assert example.line == 3


def test_a_row_that_could_not_be_read_keeps_its_own_fault():
    record = Record(file="f", line=2, raw=b'"', values={}, fault="broken quotes")
    (refusal,) = imdb_rows([record], IngestParams(source="imdb", path="f"))
    assert refusal.reason == "broken quotes"


def test_the_same_review_twice_is_one_duplicate():
    row = review("the same review twice is one too many")
    ingest = IngestRows(imdb(row, row))
    assert len(list(ingest)) == 1
    assert ingest.counts.duplicates == 1


@pytest.mark.parametrize(
    ("max_words", "expected"),
    [
        pytest.param(0, "a b c. d e f. g", id="all"),
        pytest.param(7, "a b c. d e f. g", id="as long as the text"),
        pytest.param(6, "a b c. d e f.", id="a sentence ends there"),
        pytest.param(5, "a b c.", id="back to the last end"),
        pytest.param(2, "a b", id="no end to go back to"),
    ],
)
def test_a_long_text_is_cut_at_the_end_of_a_sentence(max_words, expected):
    words = ["a", "b", "c.", "d", "e", "f.", "g"]
    assert " ".join(shorten(words, max_words=max_words, min_words=2)) == expected


def test_words_end_before_spaces_and_the_last_word_is_no_prefix():
    assert word_ends(8)("ab c def") == (2, 4)
    assert word_ends(1)("ab c def") == (2,)
    assert word_ends(8)("ab") == ()
    assert word_ends(8)("") == ()


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory):
    """Return the directory of a tokenizer with one token a character and one a byte of an é."""
    vocabulary = {piece: number for number, piece in enumerate([*"abcdef Ã©Ġ", "ab", "cd", "Ġcd"])}
    merges = [("a", "b"), ("c", "d"), ("Ġ", "cd")]
    built = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    path = tmp_path_factory.mktemp("tokenizer")
    PreTrainedTokenizerFast(tokenizer_object=built).save_pretrained(path)
    return str(path)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        pytest.param("abcdef", (2, 4, 5), id="ab cd e f: inside a word"),
        pytest.param("ab cd ef", (2, 5, 6, 7), id="a token begins with its space"),
        pytest.param("éab", (1,), id="two bytes of one character are one piece"),
        pytest.param("ab", (), id="one token is the whole text"),
        pytest.param("", (), id="empty"),
    ],
)
def test_tokens_end_where_the_tokenizer_says(tokenizer, text, ends):
    assert token_ends(tokenizer, 8)(text) == ends
    assert token_ends(tokenizer, 2)(text) == ends[:2]


def test_a_text_is_cut_at_the_end_of_a_token_and_goes_on_verbatim(tokenizer):
    rows = [review("abcdef " + "ab " * n + "cd") for n in range(60)]
    examples = imdb(*rows, prefix_tokenizer=tokenizer, max_prefix_words=3)
    assert [whole_of(example) for example in examples] == [
        " ".join(shorten(row["review"].split(), max_words=40, min_words=6)) for row in rows
    ]
    assert {example.messages[0].content for example in examples} == {"abcd", "abcde"}
    (refusal,) = imdb(review("abcd"), prefix_tokenizer=tokenizer)
    assert refusal.reason == "no tokens after the prefix"


@given(st.text(alphabet="abcdef é", max_size=40))
def test_the_start_of_a_text_has_the_tokens_of_the_whole_text(tokenizer, text):
    """Only the first words are given to the tokenizer, which must not show."""
    text = " ".join(text.split())
    assert token_ends(tokenizer, 2)(text) == token_ends(tokenizer, 100)(text)[:2]


def test_a_tokenizer_that_cannot_be_loaded_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"prefix_tokenizer .* cannot be loaded"):
        imdb(review("a b c d"), prefix_tokenizer=str(tmp_path))


def paired(*rows, **params):
    return imdb(*rows, imdb_pairs="shared-prefix", max_words=0, **params)


def test_two_reviews_that_begin_alike_are_one_example():
    rows = [
        review("I was bored to death", "negative"),
        review("Great fun from start to end"),
        review("I was bored never once"),
    ]
    both, alone = paired(*rows)
    assert both.messages[0].content == "I was bored"
    assert (both.chosen, both.rejected) == (" never once", " to death")
    assert (both.demonstrations, both.labels) == (
        (" never once", " to death"),
        ("positive", "negative"),
    )
    assert (both.labeler, both.margin, both.negatives) == (LABELER, None, ())
    assert (both.origin, both.more_origins) == ("reviews.csv:2", ("reviews.csv:4",))
    assert (whole_of(alone), alone.chosen, alone.num_rows) == (rows[1]["review"], None, 1)


def test_the_longest_shared_prefix_wins_and_each_review_is_in_one_pair():
    rows = [
        review("a b c d e good", "positive"),
        review("a b x y z bad", "negative"),
        review("a b c d e poor", "negative"),
        review("a b v w fine", "positive"),
        review("a b only one left", "negative"),
    ]
    first, second, alone = paired(*rows)
    assert (first.messages[0].content, first.chosen, first.rejected) == (
        "a b c d e",
        " good",
        " poor",
    )
    assert (second.messages[0].content, second.chosen, second.rejected) == (
        "a b",
        " v w fine",
        " x y z bad",
    )
    assert alone.line == 6


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("The film was good", "the film was bad", id="another case"),
        pytest.param("The film, was good", "The film was bad", id="another sign"),
        pytest.param("One word in common", "One other in common", id="fewer words than asked for"),
        pytest.param("a b c d", "a b c d", id="the same text"),
    ],
)
def test_reviews_that_share_no_prompt_stand_alone(first, second):
    examples = paired(review(first), review(second, "negative"))
    assert [whole_of(example) for example in examples] == [first, second]
    assert [example.chosen for example in examples] == [None, None]


def test_both_reviews_of_a_pair_are_shortened():
    rows = [review("a b " + "x " * 60), review("a b " + "y " * 60, "negative")]
    (both,) = imdb(*rows, imdb_pairs="shared-prefix", max_words=10, max_prefix_words=4)
    assert (both.chosen, both.rejected) == (" x" * 8, " y" * 8)


def test_a_repeat_of_a_paired_review_is_a_duplicate_of_its_pair():
    good, bad = review("a b good"), review("a b bad", "negative")
    ingest = IngestRows(paired(good, good, bad, review("a b worse", "negative"), bad))
    kept = [example for _, example in ingest]
    assert [example.rejected for example in kept] == [" bad", None]
    counts = ingest.counts
    assert (counts.rows_read, counts.rows_kept, counts.duplicates) == (5, 3, 2)


def test_pairs_share_prefixes_of_tokens_too(tokenizer):
    rows = [review("abcd ef"), review("abcd fe", "negative")]
    (both,) = paired(*rows, prefix_tokenizer=tokenizer)
    assert both.messages[0].content + both.chosen == "abcd ef"
    assert both.messages[0].content == "abcd "
    assert (both.chosen, both.rejected) == ("ef", "fe")


letters = st.lists(st.sampled_from("abc"), min_size=1, max_size=7).map(" ".join)
sentiments = st.sampled_from(["positive", "negative", "?"])


@given(st.lists(st.tuples(letters, sentiments), max_size=20))
def test_every_review_is_read_once_and_prompts_are_shared_to_the_letter(rows):
    reviews = [review(*row) for row in rows]
    outcomes = paired(*reviews)
    ingest = IngestRows(outcomes)
    kept = [example for _, example in ingest if not isinstance(example, Refusal)]
    assert ingest.counts.rows_read == len(rows)
    texts = [
        (example.messages[0].content + rest, label)
        for example in kept
        for rest, label in zip(example.demonstrations, example.labels, strict=True)
    ]
    usable = {row for row in rows if row[1] != "?" and len(row[0].split()) > 2}
    assert sorted(texts) == sorted(usable)
    for example in kept:
        assert 2 <= len(example.messages[0].content.split()) <= 8
        assert example.num_rows == len(example.demonstrations)
        if example.chosen is not None:
            assert (example.chosen, example.rejected) == example.demonstrations
            assert example.chosen != example.rejected
    left = [example for example in kept if example.chosen is None]
    assert not any(_could_be_paired(a, b, texts) for a in left for b in left)


def _could_be_paired(first, second, texts):
    if (first.labels, second.labels) != (("positive",), ("negative",)):
        return False
    ours, theirs = whole_of(first), whole_of(second)
    contradicted = {ours, theirs} & {
        text for text, label in texts if (text, "negative") in texts and label == "positive"
    }
    return not contradicted and ours.split()[:2] == theirs.split()[:2]


class CountedReads(list):
    """A list that counts how often an item is looked up."""

    reads = 0

    def __getitem__(self, number):
        """Return the item and count the look-up."""
        self.reads += 1
        return super().__getitem__(number)


@pytest.mark.parametrize("num_positive", [0, 1, 1000, 2000])
def test_a_review_is_looked_at_once_for_each_length_of_prefix(num_positive):
    """Seven lengths from 8 down to 2: the work grows with the reviews, not with their pairs."""
    reviews = CountedReads(
        Review(
            text=f"a b c d e f g h {number}",
            sentiment="positive" if number < num_positive else "negative",
            ends=(1, 3, 5, 7, 9, 11, 13, 15),
            num_prefix=2,
            file="f",
            line=number,
            byte_offset=None,
        )
        for number in range(2000)
    )
    pairs = pair_reviews(reviews, 2, 8)
    assert len(pairs) == min(num_positive, 2000 - num_positive)
    assert reviews.reads <= 7 * 2000


def real_records():
    with gzip.open(REAL, "rt", encoding="utf-8", newline="") as file:
        return records_of(csv.DictReader(file))


needs_reviews = pytest.mark.skipif(
    not REAL.exists(), reason="the real IMDb file is not beside the checkout"
)


@needs_reviews
def test_the_real_file_has_only_duplicates_to_complain_about():
    params = IngestParams(source="imdb", path=str(REAL), max_words=0)
    ingest = IngestRows(imdb_rows(real_records(), params))
    texts = [whole_of(example) for _, example in ingest]
    counts = ingest.counts
    assert (counts.rows_read, counts.rows_kept, counts.duplicates) == (8000, 7992, 8)
    assert not counts.refused
    assert not any("<br" in text for text in texts)


@needs_reviews
def test_pairing_loses_none_of_the_real_reviews():
    params = IngestParams(source="imdb", path=str(REAL), max_words=0, imdb_pairs="shared-prefix")
    ingest = IngestRows(imdb_rows(real_records(), params))
    kept = [example for _, example in ingest]
    counts = ingest.counts
    assert (counts.rows_read, counts.rows_kept, counts.duplicates) == (8000, 7992, 8)
    pairs = [example for example in kept if example.chosen is not None]
    assert len(pairs) > 1000
    assert len(kept) == 7992 - len(pairs)


@pytest.mark.skipif(not GPT2.exists(), reason="GPT-2's tokenizer is not beside the checkout")
def test_tokens_of_gpt2_are_those_of_its_vocabulary():
    ends = token_ends(str(GPT2), 4)
    assert ends("Unbelievably bad film") == (2, 5, 8, 12)  # Un bel iev ably
