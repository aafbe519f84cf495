"""The grammar of generated reviews: a derivation gives the text and its sentiment together.

    review   -> opening "." body  |  opening ", and" claim "." body  |  body opening "."
    strong   -> claim and claim | reaction, each at full strength, with or without a verdict
    plain    -> one or two claims, with or without a verdict
    faint    -> a lukewarm reaction or softened claims
    mixed    -> a claim of each side, then a verdict, which decides
    contrast -> a claim of each side, joined so that one of them counts; no verdict

Every review is a function of the seed and its index alone, so review i is the same however many are
generated.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from tasks.ingest.review_openings import FILM_SUBJECT, PRODUCT_SUBJECTS, Subject
from tasks.judging.review_lexicon import (
    ABSOLUTE,
    INTENSIFIERS,
    LEADING_CONCESSIONS,
    NEGATORS,
    OVERRIDES,
    SOFTENERS,
    TRAILING_CONCESSIONS,
    TURNS,
    Aspect,
    Polarity,
    Sides,
)

MIN_WORDS, MAX_WORDS = 15, 45
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Review:
    """A review, its sentiment by derivation, and the kind of derivation."""

    text: str
    label: Literal["positive", "negative"]
    kind: str


def derive_review(seed: int, index: int) -> Review:
    """Return review `index` of a seed: 15 to 45 words, positive and negative equally often."""
    chance = _Chance(f"{seed}:{index}")
    while True:
        polarity: Polarity = 1 if chance.happens(0.5) else -1
        kind = chance.one_of(_KINDS_WEIGHTED)
        subject = chance.one_of((FILM_SUBJECT, chance.one_of(PRODUCT_SUBJECTS)))
        text = _Derivation(chance, subject).review(kind, polarity)
        if MIN_WORDS <= len(text.split()) <= MAX_WORDS:
            return Review(text, "positive" if polarity > 0 else "negative", kind)


class _Chance:
    """Draws that depend on nothing but a key, on any platform and Python version."""

    def __init__(self, key: str) -> None:
        # only random() is promised to give the same numbers in every version
        self._draw = random.Random(key).random  # noqa: S311  - no secret

    def happens(self, probability: float) -> bool:
        return self._draw() < probability

    def one_of(self, items: Sequence[_T]) -> _T:
        return items[int(self._draw() * len(items))]


class _Derivation:
    """One review in the making; an aspect or a reaction is said once."""

    def __init__(self, chance: _Chance, subject: Subject) -> None:
        self._chance = chance
        self._subject = subject
        self._domain = subject.domain
        self._noun = chance.one_of(subject.nouns)
        self._is = "was" if subject is FILM_SUBJECT and chance.happens(0.4) else "is"
        self._names_thing = False
        self._said: set[str] = set()

    def review(self, kind: str, polarity: Polarity) -> str:
        """Return the sentences of a review of one kind."""
        place = self._chance.one_of(_PLACES)
        self._names_thing = place == "after"
        body = _KINDS[kind](self, polarity)
        opening = self._opening()
        if place == "after":
            return _sentences(*body[:1], opening, *body[1:])
        if place == "joined" and not any(joint in body[0] for joint in (", ", " and ")):
            return _sentences(f"{opening}, and {body[0]}", *body[1:])
        return _sentences(opening, *body)

    def _opening(self) -> str:
        template = self._fresh(self._subject.openings)
        parts = template.split("{")
        filled = [parts[0]]
        for part in parts[1:]:
            slot, _, rest = part.partition("}")
            word = self._noun if slot == "noun" else self._fresh(self._subject.slots[slot])
            filled += [word, rest]
        return "".join(filled)

    def strong(self, polarity: Polarity) -> list[str]:
        """Return emphatic sentences that all say the same."""
        form = self._chance.one_of(("reaction", "claims", "double"))
        if form == "reaction":
            return [self._reaction(self._domain.strong, polarity), *self._perhaps_verdict(polarity)]
        if form == "double":
            return [self._double(polarity), self._verdict(polarity)]
        first = self._said_of_aspect(polarity, INTENSIFIERS)
        return [f"{first} and {self._reaction(self._domain.strong, polarity)}"]

    def plain(self, polarity: Polarity) -> list[str]:
        """Return one or two claims."""
        form = self._chance.one_of(("one", "two", "two in one"))
        claim = self._claim(polarity)
        if form == "two":
            return [claim, self._claim(polarity)]
        if form == "two in one":
            claim = f"{claim} and {self._claim(polarity)}"
        return [claim, *self._perhaps_verdict(polarity)]

    def faint(self, polarity: Polarity) -> list[str]:
        """Return lukewarm sentences that all say the same."""
        lukewarm = self._reaction(self._domain.faint, polarity)
        form = self._chance.one_of(("reaction", "claim", "verdict"))
        if form == "verdict":
            verdicts = self._domain.faint_verdicts.of(polarity)
            return [lukewarm, self._fresh(verdicts)]
        softened = self._said_of_aspect(polarity, SOFTENERS.of(polarity))
        return [f"{softened} and {lukewarm}"] if form == "claim" else [softened, lukewarm]

    def mixed(self, polarity: Polarity) -> list[str]:
        """Return a claim of each side and the verdict that decides between them."""
        sides: list[Polarity] = [polarity, -polarity]
        first = self._chance.one_of(sides)
        one, other = self._claim(first), self._claim(-first)
        joint = f", {self._chance.one_of(TURNS)} "
        return [f"{one}{joint}{other}", self._verdict(polarity)]

    def contrast(self, polarity: Polarity) -> list[str]:
        """Return a claim of each side of which only one counts."""
        counts = self._claim(polarity)
        conceded = self._claim(-polarity)
        form = self._chance.one_of(("turn", "leading", "trailing", "override", "majority"))
        if form == "turn":
            return [f"{conceded}, {self._chance.one_of(TURNS)} {counts}"]
        if form == "leading":
            return [f"{self._chance.one_of(LEADING_CONCESSIONS)} {conceded}, {counts}"]
        if form == "trailing":
            return [f"{counts}, {self._chance.one_of(TRAILING_CONCESSIONS)} {conceded}"]
        if form == "override":
            return [conceded, f"{self._chance.one_of(OVERRIDES)}, {counts}"]
        return [conceded, f"{counts} and {self._claim(polarity)}"]

    def _claim(self, polarity: Polarity) -> str:
        """Return a clause that praises or blames, at ordinary strength."""
        form = self._chance.one_of(("reaction", "aspect", "aspect", "degree", "negated"))
        if form == "reaction":
            return self._reaction(self._domain.plain, polarity)
        if form == "negated":
            return self._negated(polarity)
        return self._said_of_aspect(polarity, INTENSIFIERS if form == "degree" else ())

    def _said_of_aspect(self, polarity: Polarity, degrees: Sequence[str]) -> str:
        """Return a predicate of an aspect, with a degree where the predicate can have one."""
        aspect = self._aspect()
        predicate = self._fresh(aspect.predicates.of(polarity))
        graded = " " not in predicate and (predicate not in ABSOLUTE or degrees == INTENSIFIERS)
        degree = f"{self._chance.one_of(degrees)} " if degrees and graded else ""
        return f"{self._named(aspect)} {degree}{predicate}"

    def _double(self, polarity: Polarity) -> str:
        """Return two predicates of one aspect."""
        aspect = self._aspect()
        predicates = aspect.predicates.of(polarity)
        return f"{self._named(aspect)} {self._fresh(predicates)} and {self._fresh(predicates)}"

    def _negated(self, polarity: Polarity) -> str:
        """Return the opposite predicate of an aspect, turned around where it is one word."""
        aspect = self._aspect()
        opposite = aspect.predicates.blame if polarity > 0 else aspect.predicates.praise
        words = [word for word in opposite if " " not in word]
        if not words:
            return f"{self._named(aspect)} {self._fresh(aspect.predicates.of(polarity))}"
        negator = self._chance.one_of(NEGATORS.of(polarity))
        return f"{self._named(aspect)} {negator} {self._fresh(words)}"

    def _aspect(self) -> Aspect:
        while True:
            aspect = self._chance.one_of(self._domain.aspects)
            if aspect.name not in self._said:
                self._said.add(aspect.name)
                return aspect

    def _named(self, aspect: Aspect) -> str:
        """Return the aspect with its verb, and with the thing where that was not named before."""
        verb = {"is": "are", "was": "were"}[self._is] if aspect.plural else self._is
        thing = ""
        if self._names_thing and self._chance.happens(0.6):
            preposition = "in" if self._subject is FILM_SUBJECT else "of"
            thing = f" {preposition} this {self._noun}"
        self._names_thing = False
        return f"{aspect.name}{thing} {verb}"

    def _reaction(self, sides: Sides, polarity: Polarity) -> str:
        return self._fresh(sides.of(polarity))

    def _verdict(self, polarity: Polarity) -> str:
        return self._fresh(self._domain.verdicts.of(polarity))

    def _perhaps_verdict(self, polarity: Polarity) -> list[str]:
        return [self._verdict(polarity)] if self._chance.happens(0.4) else []

    def _fresh(self, phrases: Sequence[str]) -> str:
        """Return a phrase that the review does not hold yet, as long as there is one."""
        fresh = [phrase for phrase in phrases if phrase not in self._said]
        phrase = self._chance.one_of(fresh or phrases)
        self._said.add(phrase)
        return phrase


def _sentences(*clauses: str) -> str:
    return " ".join(f"{clause[0].upper()}{clause[1:]}." for clause in clauses)


_PLACES = ("before", "before", "before", "joined", "joined", "after")
_KINDS: dict[str, Callable[[_Derivation, Polarity], list[str]]] = {
    "strong": _Derivation.strong,
    "plain": _Derivation.plain,
    "faint": _Derivation.faint,
    "mixed": _Derivation.mixed,
    "contrast": _Derivation.contrast,
}
_KINDS_WEIGHTED = (
    *("strong",) * 4,
    *("plain",) * 5,
    *("faint",) * 3,
    *("mixed",) * 3,
    *("contrast",) * 5,
)
