"""One look at every example: what can be told of it without the others."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from storage.tables.examples import Example
from storage.tables.table import text_id
from tasks.curation.language import LanguageCheck
from tasks.curation.normalized_text import normalized
from tasks.curation.params import Action, CurateParams
from tasks.curation.split import cluster_of, opening_of
from tasks.curation.text_faults import encoding_fault, special_token_in
from tasks.curation.token_count import TokenCounter

OVER_LONG = "over max_tokens"
EMPTY = "empty prompt or answer"
EQUAL_ANSWERS = "chosen equals rejected but for case, punctuation or white space"
SPECIAL_TOKEN = "special token in the text"  # noqa: S105  - a token of a tokenizer
NO_TOKENS = -1


@dataclass(slots=True)
class Screening:
    """What was seen of the examples, in their order.

    `num_rows` are the source rows of each, `openings` the distinct first questions by cluster in
    order of appearance, `contents` an id of the normalized text, `pair_tokens` the lengths of
    chosen and rejected (-1 without a pair). `found` maps a check to the index of an example and
    the reason.
    """

    num_rows: list[int] = field(default_factory=list)
    clusters: list[str] = field(default_factory=list)
    openings: dict[str, str] = field(default_factory=dict)
    contents: list[int] = field(default_factory=list)
    chosen_tokens: list[int] = field(default_factory=list)
    rejected_tokens: list[int] = field(default_factory=list)
    found: dict[str, dict[int, str]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.num_rows)


def answers_of(example: Example) -> tuple[str, ...]:
    """Return all answers of an example, chosen and rejected first."""
    compared = tuple(text for text in (example.chosen, example.rejected) if text is not None)
    return (*compared, *example.demonstrations, *example.negatives)


class Screener:
    """Looks at batches of examples and gathers a `Screening`."""

    def __init__(self, params: CurateParams, counter: TokenCounter) -> None:
        self.seen = Screening()
        self._params = params
        self._counter = counter
        self._language = LanguageCheck(frozenset(params.languages))
        self._checks: dict[str, Callable[[Example], str]] = {
            check: look for check, action, look in self._looks() if action != "off"
        }
        self.seen.found = {check: {} for check in (*self._checks, "length")}

    def look_at(self, examples: Sequence[Example]) -> None:
        """Look at the next examples."""
        start = len(self.seen)
        for index, example in enumerate(examples, start):
            self._remember(example)
            for check, look in self._checks.items():
                if reason := look(example):
                    self.seen.found[check][index] = reason
        self._measure(examples, start)

    def _looks(self) -> Iterator[tuple[str, Action, Callable[[Example], str]]]:
        params = self._params
        yield "equal_answers", params.equal_answers, _equal_answers
        yield "special_tokens", params.special_tokens, self._special_token
        yield "encoding", params.encoding, _encoding
        if params.languages:
            yield "language", params.language, self._other_language

    def _remember(self, example: Example) -> None:
        seen, opening = self.seen, opening_of(example.messages)
        cluster = cluster_of(opening)
        seen.num_rows.append(example.num_rows)
        seen.clusters.append(cluster)
        seen.contents.append(_content(example))
        if cluster not in seen.openings:
            seen.openings[cluster] = next(
                (turn.content for turn in example.messages if turn.role != "system"), ""
            )

    def _measure(self, examples: Sequence[Example], start: int) -> None:
        """Count the tokens of all texts in one call, and find what is empty or too long."""
        texts = [_prompt_and_answers(example) for example in examples]
        counted = iter(self._counter.count([*chain.from_iterable(texts)]).tolist())
        for index, (example, own) in enumerate(zip(examples, texts, strict=True), start):
            prompt, *answers = islice(counted, len(own))
            paired = example.chosen is not None and example.rejected is not None
            self.seen.chosen_tokens.append(answers[0] if paired else NO_TOKENS)
            self.seen.rejected_tokens.append(answers[1] if paired else NO_TOKENS)
            if self._params.length == "off":
                continue
            if not all(text and not text.isspace() for text in own):
                self.seen.found["length"][index] = EMPTY
            elif prompt + max(answers, default=0) > self._params.max_tokens:
                self.seen.found["length"][index] = OVER_LONG

    def _special_token(self, example: Example) -> str:
        extra = self._counter.special_tokens
        found = any(special_token_in(text, extra) for text in _texts(example))
        return SPECIAL_TOKEN if found else ""

    def _other_language(self, example: Example) -> str:
        return next(filter(None, map(self._language.fault, answers_of(example))), "")


def _prompt_and_answers(example: Example) -> list[str]:
    return ["\n".join([turn.content for turn in example.messages]), *answers_of(example)]


def _texts(example: Example) -> Iterable[str]:
    for turn in example.messages:
        yield turn.content
    yield from answers_of(example)


def _encoding(example: Example) -> str:
    return next(filter(None, map(encoding_fault, _texts(example))), "")


def _equal_answers(example: Example) -> str:
    if example.chosen is None or example.rejected is None:
        return ""
    return EQUAL_ANSWERS if normalized(example.chosen) == normalized(example.rejected) else ""


def _content(example: Example) -> int:
    """Return an id of the normalized prompt and answers."""
    compared = [text and normalized(text) for text in (example.chosen, example.rejected)]
    listed = [*example.demonstrations, "", *example.negatives, ""]
    turns = [turn.role + normalized(turn.content) for turn in example.messages]
    return int(text_id([*compared, *map(normalized, listed), *turns]), 16)
