"""The oracle reads what the grammar wrote and does not guess at anything else."""

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.ingest.review_grammar import derive_review
from tasks.judging.judge import Question
from tasks.judging.oracle import ReviewOracle, read_sentiment
from tasks.judging.review_lexicon import DOMAINS

IMDB = Path(__file__).parents[3] / "../shared/data/imdb/IMDB_Dataset_8000.csv.gz"


def sentiment(text):
    reading = read_sentiment(text)
    return None if reading is None else reading.sentiment


def question(prompt, completion):
    return Question(
        prompt=Prompt(
            source="reviews",
            split="eval",
            messages=(Message("text", prompt),),
            cluster="0" * 16,
            origin="here:1",
        ),
        completion=Completion(
            prompt_id="p",
            policy="policy",
            text=completion,
            sample_index=0,
            temperature=1.0,
            seed=0,
            finish_reason="stop",
            num_tokens=1,
        ),
    )


def test_the_oracle_agrees_with_the_derivation():
    reviews = [derive_review(seed, index) for seed in (0, 7) for index in range(2500)]
    agreed = sum(sentiment(review.text) == review.label for review in reviews)
    assert agreed / len(reviews) >= 0.99


def test_the_oracle_seldom_errs_where_it_sees_the_continuation_alone():
    """Without the first words it may not know, but what it reads is right."""
    reviews = [derive_review(3, index) for index in range(2000)]
    readings = [sentiment(" ".join(review.text.split()[5:])) for review in reviews]
    read = [(r, review.label) for r, review in zip(readings, reviews, strict=True) if r]
    assert len(read) / len(reviews) > 0.8
    assert sum(r == label for r, label in read) / len(read) > 0.99


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The acting is superb.", "positive"),
        ("The acting is wooden.", "negative"),
        ("The acting is not wooden.", "positive"),
        ("The acting is anything but superb.", "negative"),
        ("The plot is far from thin and moving.", "positive"),
        ("The handle of this rice cooker is a bit loose.", "negative"),
        ("The jokes in this crime film were not at all stale.", "positive"),
        ("It is not bad at all.", "positive"),
        ("It is not very good.", "negative"),
        ("The plot is thin, but the cast is charming.", "positive"),
        ("The cast is charming, but the plot is thin.", "negative"),
        ("Although the plot is thin, the cast is charming.", "positive"),
        ("The cast is charming, even though the plot is thin.", "positive"),
        ("The plot is thin. Still, the cast is charming.", "positive"),
        ("The plot is thin. The cast is charming and the music is lovely.", "positive"),
        ("The plot is thin, yet the cast is charming. I would not watch it again.", "negative"),
        ("The plot is thin and confusing. I would happily watch it again.", "positive"),
        ("I could not be happier with it.", "positive"),
        ("I could not be less happy with it.", "negative"),
        ("We saw this drama at home. IT IS NOTHING SPECIAL!", "negative"),
        ("The plot is thin. The cast is", "negative"),
    ],
)
def test_negation_contrast_and_verdict_are_read_by_the_rules(text, expected):
    assert sentiment(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("...", id="only stops"),
        pytest.param("We saw this drama at home.", id="no claim"),
        pytest.param("The plot is thin. The cast is charming.", id="in balance"),
        pytest.param("The plot is thin and the cast is charming.", id="in balance in a sentence"),
        pytest.param(
            "I would happily watch it again. I would not watch it again.", id="two verdicts"
        ),
        pytest.param("Superb! Superb! Wonderful!", id="words without a clause"),
        pytest.param("The actor is superb and the plotting is thin.", id="unknown aspects"),
        pytest.param(
            "He walked in. She sat there. They talked. The acting is superb.", id="mostly other"
        ),
        pytest.param("The plot is thin, but the cast is", id="cut before the side that counts"),
    ],
)
def test_what_the_rules_do_not_decide_is_not_guessed(text):
    assert sentiment(text) is None


def test_swapping_the_sides_of_a_contrast_swaps_the_sentiment():
    claims = {"the plot is thin": "negative", "the cast is charming": "positive"}
    for (one, its), (other, others) in (claims.items(), list(claims.items())[::-1]):
        assert sentiment(f"{one}, but {other}.") == others
        assert sentiment(f"{one}, even if {other}.") == its
        assert sentiment(f"Although {one}, {other}.") == others


def test_no_phrase_has_two_polarities():
    praise, blame = set(), set()
    for domain in DOMAINS:
        sides = [aspect.predicates for aspect in domain.aspects]
        sides += [domain.strong, domain.plain, domain.faint, domain.verdicts]
        sides += [domain.faint_verdicts]
        praise |= {phrase for side in sides for phrase in side.praise}
        blame |= {phrase for side in sides for phrase in side.blame}
    assert not praise & blame


def test_prompt_and_completion_are_read_as_one_text():
    judge = ReviewOracle()
    cut, whole = judge.judge(
        [
            question("I would not", " watch it again."),
            question("We saw it.", " It is not bad at all."),
        ]
    )
    assert (cut.score, cut.probability, cut.choice, cut.reply) == (0.0, 0.0, None, "verdict")
    assert (whole.score, whole.probability, whole.reply) == (1.0, 1.0, "claims")


def test_an_unreadable_answer_is_a_verdict_without_a_score():
    asked = question("We saw this", " drama at home.")
    (verdict,) = ReviewOracle().judge([asked])
    assert verdict.choice == "unparsable"
    assert verdict.score is None
    assert verdict.probability is None
    assert verdict.completion_a == asked.completion.completion_id
    assert verdict.judge == "oracle"


@given(st.text(max_size=300))
def test_any_text_gets_an_answer(text):
    assert sentiment(text) in (None, "positive", "negative")


OTHER_REVIEWS = """\
If you like original gut wrenching laughter you will like this movie, hell even my mom liked it.
This is why most action films are the same. Generic and boring, there's nothing worth watching here.
I watched it with low hopes and the acting was good, I guess. Not my thing at all though.
""".splitlines()


@pytest.mark.parametrize("text", OTHER_REVIEWS)
def test_reviews_that_people_wrote_are_not_read(text):
    assert sentiment(text) is None


@pytest.mark.skipif(not IMDB.exists(), reason="the real IMDb file is not beside the checkout")
def test_real_reviews_are_almost_never_read():
    with gzip.open(IMDB, "rb") as packed:
        rows = list(csv.reader(io.TextIOWrapper(packed, encoding="utf-8")))[1:1501]
    starts = [" ".join(text.replace("<br />", " ").split()[:40]) for text, _ in rows]
    assert sum(sentiment(start) is None for start in starts) / len(starts) > 0.98
