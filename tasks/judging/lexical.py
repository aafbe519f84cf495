"""The judge that reads words: TF-IDF and logistic regression."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.tables.verdicts import Verdict
from tasks.judging.judge import Question
from tasks.judging.judge_card import JudgeCard
from tasks.judging.lexical_examples import check_classes

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

NUM_FOLDS = 5
MANY_TEXTS = 500
"""From here on a word that occurs in one text only is left out: faster and as accurate."""


@dataclass(frozen=True, slots=True)
class LexicalJudge:
    """Scores an answer by the probability that its words belong to the preferred class.

    `accuracy` is the share of `num_held_out` texts that classifiers fitted on other texts put into
    their right class.
    """

    name: str
    accuracy: float
    num_held_out: int
    classifier: "Pipeline"

    @property
    def card(self) -> JudgeCard:
        """What a report says about this judge."""
        return JudgeCard(
            name=self.name,
            what="frequencies of words and word pairs, logistic regression",
            accuracy=self.accuracy,
            num_held_out=self.num_held_out,
        )

    def probabilities(self, texts: Sequence[str]) -> list[float]:
        """Return P(preferred class) of each text; a text without a known word gets the prior."""
        if not texts:
            return []
        return [float(p) for p in self.classifier.predict_proba(list(texts))[:, 1]]

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Return one verdict per question; the prompt is not read, only what continues it."""
        scores = self.probabilities([question.completion.text for question in questions])
        return [
            Verdict(
                completion_a=question.completion.completion_id,
                judge=self.name,
                score=score,
                probability=score,
            )
            for question, score in zip(questions, scores, strict=True)
        ]


def fit_lexical(
    texts: Sequence[str],
    labels: Sequence[int],
    *,
    name: str,
    seed: int,
    groups: Sequence[str] | None = None,
) -> LexicalJudge:
    """Return a judge fitted on all `texts`, with its cross-validated accuracy.

    `labels` are 1 (preferred) and 0. Each of five folds is guessed by a classifier fitted on the
    other four; texts of one group (the answers to one prompt) are in the same fold. The judge
    itself has seen all texts, so its accuracy is rather understated.

    Raises:
        InputError: fewer than 10 texts of either class, or a class besides 0 and 1.
    """
    from sklearn.model_selection import cross_val_predict

    check_classes(labels)
    folds = _folds(texts, labels, groups, seed)
    guessed = cross_val_predict(_unfitted(len(texts), seed), list(texts), list(labels), cv=folds)
    num_right = sum(int(a) == b for a, b in zip(guessed, labels, strict=True))
    return LexicalJudge(
        name=name,
        accuracy=num_right / len(texts),
        num_held_out=len(texts),
        classifier=_unfitted(len(texts), seed).fit(list(texts), list(labels)),
    )


def _unfitted(num_texts: int, seed: int) -> "Pipeline":
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        min_df=2 if num_texts >= MANY_TEXTS else 1,
        # keeps "a" and "don't"
        token_pattern=r"(?u)\b\w[\w']*\b",  # noqa: S106  - a pattern, no password
    )
    return make_pipeline(words, LogisticRegression(C=10.0, max_iter=1000, random_state=seed))


def _folds(
    texts: Sequence[str], labels: Sequence[int], groups: Sequence[str] | None, seed: int
) -> list[tuple[list[int], list[int]]]:
    """Return the folds as (fitted on, guessed) row numbers, classes balanced."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    num_groups = len(set(groups)) if groups is not None else 1
    if num_groups < NUM_FOLDS:  # all answers to a few prompts: they cannot be kept together
        plain = StratifiedKFold(NUM_FOLDS, shuffle=True, random_state=seed)
        return [(a.tolist(), b.tolist()) for a, b in plain.split(texts, labels)]
    grouped = StratifiedGroupKFold(NUM_FOLDS, shuffle=True, random_state=seed)
    return [(a.tolist(), b.tolist()) for a, b in grouped.split(texts, labels, groups)]
