"""What a judge's reply comes to under a rubric."""

from dataclasses import dataclass, replace

from tasks.judging.choice_labels import ChoiceKey, normal_label
from tasks.judging.reply_format import NO_LABEL, verdicts_of
from tasks.judging.rubric import Rubric
from tasks.judging.verdict_parser import (
    PARSER,
    ReadAspects,
    ReadScore,
    ReadVerdict,
    Strategy,
    read_aspects,
    read_label,
    read_score,
    read_verdict,
)
from tasks.judging.verdict_probabilities import (
    LOGPROB_READER,
    Stated,
    expected_score,
    likeliest,
    preference,
    value_probabilities,
)
from tasks.sampling.api.reply import Choice

PARSER_AND_LOGPROBS = f"{PARSER}, {LOGPROB_READER}"
"""Reader of a verdict whose numbers come from log-probabilities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A reply that was understood.

    `said` is what the judge said in shown terms: `1`, `2` or `tie`, a score, or a label. `shown` is
    the verdict of a comparison in the same terms: what was said, or the likeliest where
    probabilities are known. `probability` is that of the answer shown first (ties counted half), or
    of the preferred class of a choice rubric. `parser` names the reader.
    """

    said: str
    shown: str | None = None
    score: float | None = None
    probability: float | None = None
    parser: str = PARSER


@dataclass(frozen=True, slots=True)
class _Text:
    reading: Reading
    stated: tuple[Stated, ...]


def read_choice(
    choice: Choice, rubric: Rubric, *, cut: bool = False, key: ChoiceKey | None = None
) -> Reading | None:
    """Return what a reply says, None where it does not say it in an allowed form.

    Where log-probabilities came and can be read, the expected verdict replaces the drawn one. `cut`
    says that the reply hit the limit of tokens: its last word may then be half a word, and is
    believed only inside a JSON object that is closed. `key` goes with choice rubrics.
    """
    read = _read_text(choice.text, rubric, key)
    if read is not None and cut and any(part.strategy != "json" for part in read.stated):
        shorter = _read_text(_without_last_word(choice.text), rubric, key)
        if shorter is None or shorter.reading != read.reading:
            return None
    if read is None:
        return None
    return _expected(read, choice, rubric, key) or read.reading


def _read_text(text: str, rubric: Rubric, key: ChoiceKey | None) -> _Text | None:
    if rubric.kind == "pairwise":
        verdict = read_verdict(text, tie=rubric.allows_tie)
        return None if verdict is None else _verdict(verdict)
    if rubric.kind == "choice":
        label = read_label(text)
        return None if label is None else _label(label.value, label.strategy, key)
    low, high = rubric.scores[0], rubric.scores[-1]
    if rubric.kind == "score":
        score = read_score(text, low=low, high=high)
        return None if score is None else _score(score)
    aspects = read_aspects(text, aspects=list(rubric.aspects), low=low, high=high)
    return None if aspects is None else _mean(aspects)


def _verdict(verdict: ReadVerdict) -> _Text:
    stated = Stated("verdict", verdict.value, verdict.strategy)
    return _Text(Reading(said=verdict.value, shown=verdict.value), (stated,))


def _score(score: ReadScore) -> _Text:
    stated = Stated("score", str(score.value), score.strategy)
    return _Text(Reading(said=stated.value, score=float(score.value)), (stated,))


def _mean(aspects: ReadAspects) -> _Text:
    mean = sum(aspects.values.values()) / len(aspects.values)
    # In both forms the scores stand in a JSON object that is closed.
    stated = tuple(Stated(name, str(value), "json") for name, value in aspects.values.items())
    return _Text(Reading(said=f"{mean:g}", score=mean), stated)


def _label(spelled: str, strategy: Strategy, key: ChoiceKey | None) -> _Text | None:
    """Return the reading of a label that the situation has, as ChoiceJudge scores it."""
    label = normal_label(spelled)
    if key is None or label is None or label not in labels_of(key):
        return None
    score = 1.0 if label in key.chosen else 0.0
    return _Text(Reading(said=label, score=score), (Stated("label", label, strategy),))


def labels_of(key: ChoiceKey) -> list[str]:
    """Return all labels that an answer to a situation may choose."""
    return sorted(key.chosen | key.rejected | key.options)


def preferred(probabilities: dict[str, float], key: ChoiceKey) -> float | None:
    """Return the probability of a risk-averse label, given that any label was chosen."""
    any_label = sum(probabilities.get(label, 0.0) for label in labels_of(key))
    if not any_label:
        return None
    return sum(probabilities.get(label, 0.0) for label in key.chosen) / any_label


def _expected(read: _Text, choice: Choice, rubric: Rubric, key: ChoiceKey | None) -> Reading | None:
    """Return the reading with the expected verdict, None where probabilities cannot be read."""
    if rubric.kind == "pairwise":
        allowed = verdicts_of(rubric)
    elif rubric.kind == "choice":
        allowed = [*(labels_of(key) if key else ()), NO_LABEL]
    else:
        allowed = [str(score) for score in rubric.scores]
    found = [value_probabilities(choice, stated, allowed) for stated in read.stated]
    known = [probabilities for probabilities in found if probabilities is not None]
    if len(known) < len(read.stated):
        return None
    reading = replace(read.reading, parser=PARSER_AND_LOGPROBS)
    if rubric.kind == "pairwise":
        shown = likeliest(known[0], reading.said)
        return replace(reading, shown=shown, probability=preference(known[0]))
    if key is not None:
        share = preferred(known[0], key)
        return None if share is None else replace(reading, score=share, probability=share)
    return replace(reading, score=sum(map(expected_score, known)) / len(known))


def _without_last_word(text: str) -> str:
    return text if text[-1:].isspace() else text.removesuffix(text.rsplit(maxsplit=1)[-1])
