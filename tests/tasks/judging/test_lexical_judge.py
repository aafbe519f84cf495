"""The lexical judge: what it learns, how it is measured, what it reads."""

import random

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.judging.judge import Question
from tasks.judging.lexical import fit_lexical

GOOD = ["great fun", "a great film", "wonderful acting", "great and wonderful", "fun for all"]
BAD = ["awful mess", "an awful film", "boring acting", "awful and boring", "a mess for all"]
TEXTS = [text for text in (*GOOD, *BAD) for _ in range(3)]
LABELS = [1] * 15 + [0] * 15


def question(text, prompt="The film"):
    asked = Prompt(
        source="reviews",
        split="eval",
        messages=(Message("text", prompt),),
        cluster="c",
        origin="f:1",
    )
    answer = Completion(
        prompt_id=asked.prompt_id,
        policy="p",
        text=text,
        sample_index=0,
        temperature=1.0,
        seed=0,
        finish_reason="stop",
        num_tokens=3,
    )
    return Question(asked, answer)


def test_words_of_the_preferred_class_score_above_those_of_the_other():
    judge = fit_lexical(TEXTS, LABELS, name="lexical", seed=0)
    high, low = judge.judge([question(" was great fun"), question(" was an awful mess")])
    assert high.probability > 0.7
    assert low.probability < 0.3
    assert high.score == high.probability
    assert (high.judge, high.choice) == ("lexical", None)


def test_verdicts_come_in_the_order_of_the_questions_whatever_that_order_is():
    judge = fit_lexical(TEXTS, LABELS, name="lexical", seed=0)
    questions = [question(text) for text in (*GOOD, *BAD)]
    forward = judge.judge(questions)
    backward = judge.judge(questions[::-1])
    assert forward == backward[::-1]
    assert [v.completion_a for v in forward] == [q.completion.completion_id for q in questions]


def test_the_prompt_is_not_scored():
    judge = fit_lexical(TEXTS, LABELS, name="lexical", seed=0)
    scores = [judge.judge([question(" ok", prompt)])[0].score for prompt in ("great", "awful")]
    assert scores[0] == scores[1]


def test_probabilities_are_those_of_scikit_learn_put_together_by_hand():
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\b\w[\w']*\b")
    regression = LogisticRegression(C=10.0, max_iter=1000)
    regression.fit(words.fit_transform(TEXTS), LABELS)
    expected = regression.predict_proba(words.transform(["a great mess"]))[0, 1]
    judge = fit_lexical(TEXTS, LABELS, name="lexical", seed=0)
    assert judge.probabilities(["a great mess"]) == pytest.approx([expected], abs=1e-9)


def test_the_same_seed_gives_the_same_judge():
    first, second = (fit_lexical(TEXTS, LABELS, name="lexical", seed=3) for _ in range(2))
    assert first.accuracy == second.accuracy
    assert first.probabilities(TEXTS) == second.probabilities(TEXTS)


def test_accuracy_is_about_one_half_where_labels_are_noise():
    """400 texts of random words: a judge measured on its own training texts would be near 1."""
    rng = random.Random(0)
    texts = [" ".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(400)]
    judge = fit_lexical(texts, [rng.randrange(2) for _ in texts], name="lexical", seed=0)
    assert 0.4 < judge.accuracy < 0.6
    assert judge.num_held_out == 400


def test_answers_to_one_prompt_are_never_on_both_sides_of_a_fold():
    """Each prompt's answers share a label and a rare word that tells it only within the prompt."""
    rng = random.Random(1)
    groups = [f"prompt {index // 4}" for index in range(400)]
    group_labels = {group: rng.randrange(2) for group in groups}
    texts = [f"word{group.split()[1]} {rng.choice('abc')}" for group in groups]
    labels = [group_labels[group] for group in groups]
    together = fit_lexical(texts, labels, name="lexical", seed=0, groups=groups)
    apart = fit_lexical(texts, labels, name="lexical", seed=0)
    assert apart.accuracy > 0.9
    assert together.accuracy < 0.65


def test_texts_without_any_word_are_scored_and_no_text_gives_no_score():
    judge = fit_lexical([*TEXTS, "", "!!"], [*LABELS, 1, 0], name="lexical", seed=0)
    assert len(judge.probabilities(["", "...", "\U0001f600"])) == 3
    assert judge.probabilities([]) == []
    assert judge.judge([]) == []


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        pytest.param([1] * 30, "30 positive and 0 negative", id="one class"),
        pytest.param([1] * 21 + [0] * 9, "21 positive and 9 negative", id="too few"),
        pytest.param([1] * 15 + [2] * 15, "class 2", id="unknown class"),
    ],
)
def test_labels_that_teach_nothing_are_refused(labels, message):
    with pytest.raises(InputError, match=message):
        fit_lexical(TEXTS, labels, name="lexical", seed=0)


def test_the_card_says_how_often_the_judge_is_right_and_on_how_many_texts():
    judge = fit_lexical(TEXTS, LABELS, name="lexical", seed=0)
    assert (judge.card.accuracy, judge.card.num_held_out) == (judge.accuracy, 30)
