"""One choice situation, whatever file it came from."""

import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

_OPTION_LINE = re.compile(r"^\(?(\d{1,2}|[a-zA-Z])\)?[.:]?\s", re.MULTILINE)
_ALPHABETS = (
    [str(number) for number in range(1, 27)],
    list(string.ascii_lowercase),
    list(string.ascii_uppercase),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A prompt with options, which of them each agent picks, and the two answers.

    The first of `chosen_labels` is the label of the option that a risk-averse agent picks, the
    others are further labels or spellings that count as it; `rejected_labels` are those of the
    risk-neutral agent.
    """

    situation_id: str
    prompt_text: str
    chosen_labels: tuple[str, ...]
    rejected_labels: tuple[str, ...]
    num_options: int
    chosen: str
    rejected: str

    @property
    def meta(self) -> str:
        """What the judge `choice` reads, as a JSON object."""
        return orjson.dumps(
            {
                "situation_id": self.situation_id,
                "chosen_labels": self.chosen_labels,
                "rejected_labels": self.rejected_labels,
                "num_options": self.num_options,
            }
        ).decode()


def labels_of(value: Any) -> tuple[str, ...]:
    """Return labels from a list, a JSON list as text, a comma-separated text or one label."""
    if value is None:
        return ()
    if isinstance(value, str):
        text = value.strip()
        try:
            read = orjson.loads(text) if text.startswith("[") else text.split(",")
        except orjson.JSONDecodeError:
            read = text.strip("[]").split(",")
    else:
        read = value if isinstance(value, list) else [value]
    return unique(str(label).strip().strip("\"'") for label in read)


def unique(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the labels in order, without repeats and empty ones."""
    return tuple(dict.fromkeys(label for label in labels if label))


def options_in(prompt_text: str) -> tuple[str, ...]:
    """Return the labels with which lines of a prompt begin: `(a).`, `a.`, `1` and the like.

    They have to count up from 1, a or A, or else a line that begins with a word of one letter would
    be an option. Without at least two there are none.
    """
    begun = [match[1] for match in _OPTION_LINE.finditer(prompt_text)]
    runs = [_counted_up(begun, alphabet) for alphabet in _ALPHABETS]
    return max((run for run in runs if len(run) > 1), key=len, default=())


def _counted_up(begun: Sequence[str], alphabet: Sequence[str]) -> tuple[str, ...]:
    """Return how far `begun` counts through the alphabet, in order."""
    length = 0
    for label in begun:
        if label == alphabet[length]:
            length += 1
        if length == len(alphabet):
            break
    return tuple(alphabet[:length])
