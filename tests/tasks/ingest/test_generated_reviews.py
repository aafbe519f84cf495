"""The embedded source: varied, balanced, repeatable, and learnable but not trivial."""

from collections import Counter

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tasks.curation.split import cluster_of, opening_of, split_of
from tasks.ingest.params import IngestParams
from tasks.ingest.read_source import read_source
from tasks.ingest.review_grammar import derive_review


@pytest.fixture(scope="module")
def reviews():
    return [derive_review(0, index) for index in range(20_000)]


@pytest.fixture(scope="module")
def rows():
    return [example for _, example in read_source(IngestParams())]


def split(example):
    cluster = cluster_of(opening_of(example.messages))
    return split_of(cluster, seed=0, judge_share=0.45, eval_share=0.10)


def test_exact_repeats_are_rare(reviews):
    """The bound that the source promises is 5 %; the grammar stays far below it."""
    assert 1 - len({review.text for review in reviews}) / len(reviews) < 0.01


def test_positive_and_negative_are_equally_frequent_within_every_kind(reviews):
    """4 standard errors of a half among at least 2,500 reviews of a kind are 0.04."""
    kinds = Counter(review.kind for review in reviews)
    positive = Counter(review.kind for review in reviews if review.label == "positive")
    assert set(kinds) == {"strong", "plain", "faint", "mixed", "contrast"}
    for kind, count in kinds.items():
        assert count > 2500
        assert positive[kind] / count == pytest.approx(0.5, abs=0.04)


def test_reviews_are_short_sentences_of_few_words(reviews):
    for review in reviews:
        assert 15 <= len(review.text.split()) <= 45
        assert 1 <= review.text.count(".") <= 3
        assert review.text.endswith(".")
        assert not set(review.text) & set("{}")
        assert "  " not in review.text
    words = {word.strip(".,").lower() for review in reviews for word in review.text.split()}
    assert len(words) < 700


def test_a_review_does_not_depend_on_how_many_there_are():
    few = list(read_source(IngestParams(num_reviews=20)))
    many = list(read_source(IngestParams(num_reviews=200)))
    assert many[: len(few)] == few
    assert list(read_source(IngestParams(num_reviews=200, limit=20))) == few


def test_another_seed_writes_other_reviews():
    ours = {derive_review(0, index).text for index in range(500)}
    assert not ours & {derive_review(1, index).text for index in range(500)}


def test_prompt_and_completion_are_the_review(reviews, rows):
    texts = [row.messages[0].content + row.demonstrations[0] for row in rows]
    assert set(texts) == {review.text for review in reviews}
    lengths = {len(row.messages[0].content.split()) for row in rows}
    assert lengths == set(range(2, 9))


def test_there_are_enough_different_prompts_to_evaluate_on(rows):
    clusters = {opening_of(row.messages): split(row) for row in rows}
    assert Counter(clusters.values())["eval"] >= 256
    of_rows = Counter(map(split, rows))
    assert of_rows["eval"] / of_rows.total() == pytest.approx(0.10, abs=0.02)


def test_the_sentiment_can_be_learned_but_not_from_single_words_alone(rows):
    """Scikit-learn on word pairs: contrasts keep it below 95 %, and the prefix gives nothing away.

    Fitted on the judge's half, scored on the training half, so no review is in both.
    """
    fitted_on = [row for row in rows if split(row) == "judge"][:5000]
    scored = [row for row in rows if split(row) == "train"][:4000]

    def accuracy(text_of):
        model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10))
        model.fit([text_of(row) for row in fitted_on], [row.labels[0] for row in fitted_on])
        return model.score([text_of(row) for row in scored], [row.labels[0] for row in scored])

    assert 0.80 <= accuracy(lambda row: row.demonstrations[0]) <= 0.95
    assert accuracy(lambda row: row.messages[0].content) < 0.60
