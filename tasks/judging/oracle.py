"""The judge of generated reviews: it reads the sentiment that the grammar wrote."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from storage.tables.verdicts import Verdict
from tasks.judging.judge import Question
from tasks.judging.judge_card import JudgeCard
from tasks.judging.review_lexicon import (
    DOMAINS,
    INTENSIFIERS,
    LEADING_CONCESSIONS,
    NEGATORS,
    OVERRIDES,
    SOFTENERS,
    TRAILING_CONCESSIONS,
    TURNS,
    Domain,
)

MIN_EVALUATIVE_SHARE = 0.5
_SENTENCE = re.compile(r"[^.!?]+[.!?]*")


@dataclass(frozen=True, slots=True)
class Reading:
    """The sentiment of a text and the rule that decided it (verdict, claims)."""

    sentiment: Literal["positive", "negative"]
    rule: Literal["verdict", "claims"]


@dataclass(frozen=True, slots=True)
class ReviewOracle:
    """Scores 1 for a positive review, 0 for a negative one, and says where it cannot tell."""

    name: str = "oracle"

    @property
    def card(self) -> JudgeCard:
        """What a report says about this judge."""
        return JudgeCard(
            name=self.name,
            what="reads the sentiment by the rules of the grammar that generates the reviews",
        )

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Return one verdict per question; the prompt and the completion are read as one text.

        `score` and `probability` are 1.0 (positive) or 0.0 (negative); `reply` is the rule that
        decided. A text that the grammar's rules do not decide is `unparsable` and has no score.
        """
        return [self._verdict(question) for question in questions]

    def _verdict(self, question: Question) -> Verdict:
        start = question.prompt.messages[-1].content if question.prompt.messages else ""
        reading = read_sentiment(start + question.completion.text)
        completion_id = question.completion.completion_id
        if reading is None:
            return Verdict(completion_a=completion_id, judge=self.name, choice="unparsable")
        score = 1.0 if reading.sentiment == "positive" else 0.0
        return Verdict(
            completion_a=completion_id,
            judge=self.name,
            score=score,
            probability=score,
            reply=reading.rule,
        )


def read_sentiment(text: str) -> Reading | None:
    """Return the sentiment of a review, None where the grammar's rules do not decide it.

    A verdict decides. Without one the claims are added up, leaving out what a contrast concedes.
    Undecided are verdicts that contradict each other, claims in balance, and any text in which
    fewer than half of the sentences evaluate: it is not the grammar's, and words that happen to be
    in the lexicon would be a guess. A last sentence that was cut off counts only if it evaluates.
    """
    sentences = [match[0].strip() for match in _SENTENCE.finditer(_plain(text)) if match[0].strip()]
    readings = [_read_sentence(sentence) for sentence in sentences]
    num_evaluative = sum(bool(reading.evaluates) for reading in readings)
    if sentences and sentences[-1][-1] not in ".!?" and not readings[-1].evaluates:
        readings.pop()
    if not num_evaluative or num_evaluative < MIN_EVALUATIVE_SHARE * len(readings):
        return None
    verdicts = {polarity for reading in readings for polarity in reading.verdicts}
    if verdicts:
        return Reading(_word(sum(verdicts)), "verdict") if len(verdicts) == 1 else None
    balance = 0
    for reading in readings:
        balance = sum(reading.claims) + (0 if reading.overrides else balance)
    return Reading(_word(balance), "claims") if balance else None


@dataclass(frozen=True, slots=True)
class _Sentence:
    """What one sentence says: polarities (1 praise, -1 blame) of its verdicts and claims.

    `claims` leaves out what is conceded, `evaluates` does not.
    """

    verdicts: tuple[int, ...]
    claims: tuple[int, ...]
    evaluates: bool
    overrides: bool


def _read_sentence(sentence: str) -> _Sentence:
    verdicts = _polarities(_verdicts(), sentence)
    rest = _verdicts().pattern.sub(" ", sentence)
    counted = _claims_of(_without_concession(rest))
    return _Sentence(
        verdicts=verdicts,
        claims=counted,
        evaluates=bool(verdicts or _claims_of(rest)),
        overrides=_override().match(sentence) is not None and bool(counted),
    )


def _claims_of(text: str) -> tuple[int, ...]:
    """Return the polarities of all reactions and of all predicates said of an aspect."""
    reactions = _polarities(_reactions(), text)
    predicates = _predicates()
    said: list[int] = []
    for match in _aspect_claim().finditer(_reactions().pattern.sub(" ", text)):
        said.append(predicates[match["first"]] * (-1 if match["negator"] else 1))
        if match["second"]:
            said.append(predicates[match["second"]])
    return (*reactions, *said)


def _without_concession(sentence: str) -> str:
    """Return the sentence without the side of a contrast that does not count."""
    leading = _leading().match(sentence)
    if leading:
        return sentence[leading.end() :]
    turned = _turn().split(sentence)
    return _trailing().split(turned[-1])[0]


def _plain(text: str) -> str:
    straight = text.replace("\u2019", "'").casefold()
    return " ".join(straight.split())


def _word(balance: int) -> Literal["positive", "negative"]:
    return "positive" if balance > 0 else "negative"


@dataclass(frozen=True, slots=True)
class _Phrases:
    """Literal clauses and their polarities, as one pattern."""

    pattern: re.Pattern[str]
    polarity: dict[str, int]


def _polarities(phrases: _Phrases, text: str) -> tuple[int, ...]:
    return tuple(phrases.polarity[match[0]] for match in phrases.pattern.finditer(text))


@cache
def _verdicts() -> _Phrases:
    return _phrases(side for domain in DOMAINS for side in _sides(domain, verdicts=True))


@cache
def _reactions() -> _Phrases:
    return _phrases(side for domain in DOMAINS for side in _sides(domain, verdicts=False))


def _sides(domain: Domain, *, verdicts: bool) -> list[tuple[str, int]]:
    groups = (
        (domain.verdicts, domain.faint_verdicts)
        if verdicts
        else (domain.strong, domain.plain, domain.faint)
    )
    praise = [(phrase, 1) for group in groups for phrase in group.praise]
    return praise + [(phrase, -1) for group in groups for phrase in group.blame]


def _phrases(phrases: Iterable[tuple[str, int]]) -> _Phrases:
    polarity = {phrase.casefold(): sign for phrase, sign in phrases}
    return _Phrases(re.compile(rf"\b(?:{_any(polarity)})\b"), polarity)


@cache
def _predicates() -> dict[str, int]:
    found: dict[str, int] = {}
    for domain in DOMAINS:
        for aspect in domain.aspects:
            found |= dict.fromkeys(aspect.predicates.praise, 1)
            found |= dict.fromkeys(aspect.predicates.blame, -1)
    return found


@cache
def _aspect_claim() -> re.Pattern[str]:
    names = _any(aspect.name for domain in DOMAINS for aspect in domain.aspects)
    degrees = _any((*INTENSIFIERS, *SOFTENERS.praise, *SOFTENERS.blame))
    negators = _any(("not", *NEGATORS.praise, *NEGATORS.blame))
    predicates = _any(_predicates())
    return re.compile(
        rf"\b(?:{names})(?: (?:in|of|on) this \w+(?: \w+)?)? (?:is|are|was|were) "
        rf"(?:(?P<negator>{negators}) )?(?:(?:{degrees}) )?(?P<first>{predicates})\b"
        rf"(?: and (?:(?:{degrees}) )?(?P<second>{predicates})\b)?"
    )


@cache
def _leading() -> re.Pattern[str]:
    return re.compile(rf"(?:{_any(LEADING_CONCESSIONS)}) [^,]*,")


@cache
def _trailing() -> re.Pattern[str]:
    return re.compile(rf",? (?:{_any(TRAILING_CONCESSIONS)}) ")


@cache
def _turn() -> re.Pattern[str]:
    return re.compile(rf", (?:{_any(TURNS)}) ")


@cache
def _override() -> re.Pattern[str]:
    return re.compile(rf"(?:{_any(OVERRIDES)}),")


def _any(phrases: Iterable[str]) -> str:
    """Return an alternation that prefers the longest phrase."""
    return "|".join(re.escape(phrase) for phrase in sorted(set(phrases), key=len, reverse=True))
