"""Reading which option an answer chooses.

The strategies are tried from the most to the least explicit, and each says its name, as in the
answer parser of risk-averse-ai-eval. An answer that contradicts itself is not read.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tasks.judging.choice_labels import LABEL, normal_label


@dataclass(frozen=True, slots=True)
class Choice:
    """The label that was read and the strategy that read it (json, boxed, answer_line, bare)."""

    label: str
    strategy: str


_ENDS = r"(?=\W*$|\s*[.,;:!*](?!\d)|\s+(?:because|since|as|over|with|due|for|rather)\b)"
_OPTION = (
    rf"(?:\*\*)?(?:option\s*[(\[\"']?({LABEL})(?![\w'])"
    rf"|[(\[\"']({LABEL})[)\]\"']"
    rf"|({LABEL})(?![\w']){_ENDS})"  # "I choose a" is a label, "I choose a safe bet" is not
)
_JSON = re.compile(
    r"[{,]\s*[\"']?answer[\"']?\s*:\s*\[?\s*([\"']?)([^\"'{}\[\],]{1,24})\1\s*\]?\s*[,}]",
    re.IGNORECASE,
)
_BOXED = re.compile(r"\\boxed\s*\{\s*(?:\\text\s*\{)?([^{}]{1,24})\}")
_ANSWER_LINE = re.compile(
    r"^\W*(?:(?:my|the|so|thus|hence|therefore|final|overall|best|correct),?\s+)*"
    r"(?:answer|choice|decision|pick)\b[\s*:=-]*(?:(?:is|would be|will be)\b\s*:?\s*)?" + _OPTION,
    re.IGNORECASE,
)
_I_CHOOSE = re.compile(
    r"\bI(?:'d|'ll| would| will| should| must| am going to)?(?: therefore| rather| thus)?\s+"
    rf"(?:choose|pick|select|take|prefer|opt for|go with|go for)\s+{_OPTION}(?![^.\n]*\?)",
    re.IGNORECASE,
)
_MAX_LINE = 80


def read_choice(text: str, *, cut: bool = False) -> Choice | None:
    """Return the option that an answer chooses, None where nothing can be read.

    Reasoning between think tags is not read; a think block that never closes leaves no answer.
    `cut` says that the answer hit the token limit: its last word may then be half a word, so a
    label that ends it is believed only if it is the whole answer.
    """
    answer = _without_reasoning(text)
    if answer is None:
        return None
    for name, strategy in _STRATEGIES.items():
        labels = strategy(answer, cut)
        if len(set(labels)) > 1:
            return None
        if labels:
            return Choice(label=labels[0], strategy=name)
    return None


def _without_reasoning(text: str) -> str | None:
    """Return what follows the last closed think block, None inside one that never closes."""
    _, closed, after = text.rpartition("</think>")
    answer = after if closed else text
    return None if "<think>" in answer else answer


def _json(answer: str, cut: bool) -> list[str]:  # noqa: ARG001  - all strategies are called alike
    return _last([normal_label(match[2]) for match in _JSON.finditer(answer)])


def _boxed(answer: str, cut: bool) -> list[str]:  # noqa: ARG001  - all strategies are called alike
    return _last([normal_label(text) for text in _BOXED.findall(answer)])


def _answer_line(answer: str, cut: bool) -> list[str]:
    """Return the label of the last short line or sentence that announces a decision."""
    found: list[str | None] = []
    for line in _lines(answer.rpartition(" ")[0] if cut else answer):
        matches = [*_I_CHOOSE.finditer(line)]
        if len(line) <= _MAX_LINE and (announced := _ANSWER_LINE.match(line)):
            matches.append(announced)
        found += [normal_label(next(filter(None, match.groups()))) for match in matches]
    return _last(found)


def _bare(answer: str, cut: bool) -> list[str]:
    """Return the label that is the whole answer, or its whole first or last line.

    The last line of an answer that was cut decides nothing, but it can still contradict the first.
    """
    whole = normal_label(answer)
    if whole:
        return [whole]
    lines = _lines(answer)
    labels = [normal_label(line) for line in (*lines[:1], *lines[-1:])]
    if cut and labels[:1] == [None]:
        return []
    return [label for label in labels if label]


def _lines(answer: str) -> list[str]:
    return [line.strip() for line in answer.splitlines() if line.strip()]


def _last(labels: list[str | None]) -> list[str]:
    """Return the last label alone: what is said last holds; an unreadable last one reads nothing."""
    return [label for label in labels[-1:] if label]


_STRATEGIES: dict[str, Callable[[str, bool], list[str]]] = {
    "json": _json,
    "boxed": _boxed,
    "answer_line": _answer_line,
    "bare": _bare,
}
