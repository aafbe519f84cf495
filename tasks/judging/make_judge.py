"""Judges by name."""

from collections.abc import Sequence

from storage.tables.demonstrations import Demonstration
from storage.tables.pairs import PreferencePair
from tasks.judging.choice import ChoiceJudge
from tasks.judging.classifier import load_classifier
from tasks.judging.judge import Judge
from tasks.judging.judge_name import parse_judge_name
from tasks.judging.lexical import LexicalJudge, fit_lexical
from tasks.judging.lexical_examples import lexical_examples
from tasks.judging.oracle import ReviewOracle


def make_judge(
    name: str,
    *,
    signed: str,
    split: str,
    demonstrations: Sequence[Demonstration],
    pairs: Sequence[PreferencePair],
    seed: int,
    device: str = "auto",
) -> Judge:
    """Return the judge called `name`, which signs its verdicts with `signed`.

    A judge that has to learn learns from the rows of `split` only, so the reward (train) and the
    evaluation judge (judge) never share a text.

    Raises:
        InputError: no such judge, or too few labelled texts in the split.
    """
    parsed = parse_judge_name(name)
    kind = parsed.kind
    if kind == "classifier":
        return load_classifier(parsed.model, device=device, name=signed)
    if kind == "choice":
        return ChoiceJudge()
    if kind == "oracle":
        return ReviewOracle()
    return fit_on_split(signed, split, demonstrations, pairs, seed)


def fit_on_split(
    signed: str,
    split: str,
    demonstrations: Sequence[Demonstration],
    pairs: Sequence[PreferencePair],
    seed: int,
) -> LexicalJudge:
    """Return a lexical judge fitted on the texts of one split."""
    examples = lexical_examples(
        [row for row in demonstrations if row.split == split],
        [row for row in pairs if row.split == split],
    )
    return fit_lexical(
        examples.texts, examples.labels, name=signed, seed=seed, groups=examples.groups
    )
