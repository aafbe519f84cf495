"""Options as they stand in the text of a risk prompt."""

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.ingest.risk_utility import Lottery, lottery_fault

VERBAL_PERCENTS = {
    "almost certainly won't give": 5,
    "highly unlikely to give": 10,
    "very unlikely to give": 15,
    "unlikely to give": 20,
    "improbable to give": 25,
    "fairly unlikely to give": 30,
    "somewhat unlikely to give": 35,
    "less than a half-chance of": 40,
    "just less than a half-chance of": 45,
    "a half-chance of": 50,
    "just more than a half-chance of": 55,
    "more than a half-chance of": 60,
    "somewhat likely to give": 65,
    "fairly likely to give": 70,
    "probable to give": 75,
    "likely to give": 80,
    "very likely to give": 85,
    "highly likely to give": 90,
    "almost certain to give": 95,
    "certainly will give": 100,
}
"""What verbal probabilities of the published prompts mean, in percent.

Read from the 600 published training situations, which give both the words and the numbers: each
phrase stands for one number wherever it is used.
"""
_OPTION_LINE = re.compile(r"^\(?(\d{1,2}|[a-zA-Z])\)?[.:]?(?:[ \t]+(.*))?$", re.MULTILINE)
_ALPHABETS = (
    [str(number) for number in range(1, 27)],
    list(string.ascii_lowercase),
    list(string.ascii_uppercase),
)
_OUTCOME = re.compile(r"(?P<chance>.+?)\s+(?P<prize>-?\$\d[\d,]*(?:\.\d+)?)")
_NUMERIC = re.compile(
    r"(?P<percent>\d+(?:\.\d+)?)% (?:chance|probability) of"
    r"|(?P<share>\d+(?:\.\d+)?) (?:chance|probability) of"
    r"|probability (?P<of>\d+(?:\.\d+)?) of"
)


@dataclass(frozen=True, slots=True)
class OptionLine:
    """A line of a prompt that lists an option: its bare label and what follows."""

    label: str
    text: str


def option_lines(prompt_text: str) -> tuple[OptionLine, ...]:
    """Return the lines of a prompt that begin with a label: `(a).`, `a.`, `1` and the like.

    They have to count up from 1, a or A, or else a line that begins with a word of one letter would
    be an option. Without at least two there are none.
    """
    begun = [OptionLine(match[1], match[2] or "") for match in _OPTION_LINE.finditer(prompt_text)]
    runs = [_counted_up(begun, alphabet) for alphabet in _ALPHABETS]
    return max((run for run in runs if len(run) > 1), key=len, default=())


def labels_in_style(label: str, num_options: int) -> tuple[str, ...]:
    """Return the first labels of the alphabet that a bare label belongs to."""
    alphabet = next((letters for letters in _ALPHABETS if label in letters), [])
    return tuple(alphabet[:num_options])


def lotteries_in(lines: Sequence[OptionLine]) -> tuple[Lottery, ...]:
    """Return what each option gives, none where one of them cannot be read completely.

    Read is what the published prompts say: `0.31 chance of -$5`, `31% probability of $1,100`,
    `probability 0.31 of $5` and the verbal probabilities.
    """
    lotteries = [_lottery(line.text) for line in lines]
    read = tuple(lottery for lottery in lotteries if lottery)
    return read if len(read) == len(lines) else ()


def _counted_up(begun: Sequence[OptionLine], alphabet: Sequence[str]) -> tuple[OptionLine, ...]:
    """Return the lines that count through the alphabet, in order."""
    run: list[OptionLine] = []
    for line in begun:
        if len(run) < len(alphabet) and line.label == alphabet[len(run)]:
            run.append(line)
    return tuple(run)


def _lottery(text: str) -> Lottery | None:
    prizes: list[float] = []
    percents: list[float] = []
    for outcome in text.replace("\u2019", "'").strip().split(", "):
        match = _OUTCOME.fullmatch(outcome)
        percent = _percent(match["chance"]) if match else None
        if match is None or percent is None:
            return None
        prizes.append(float(match["prize"].replace("$", "").replace(",", "")))
        percents.append(percent)
    return None if lottery_fault(prizes, percents) else Lottery(tuple(prizes), tuple(percents))


def _percent(chance: str) -> float | None:
    """Return what a chance is, in percent."""
    match = _NUMERIC.fullmatch(chance)
    if match is None:
        return VERBAL_PERCENTS.get(chance.casefold())
    if match["percent"]:
        return float(match["percent"])
    return 100 * float(match["share"] or match["of"])
