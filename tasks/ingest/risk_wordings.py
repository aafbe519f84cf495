"""How generated choice situations are worded."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from tasks.ingest.risk_utility import Lottery

Draw = Callable[[], float]
"""Gives the next number from 0 up to 1."""
_T = TypeVar("_T")

PERCENTS_IN_WORDS = {
    5: "one-in-twenty",
    10: "one-in-ten",
    20: "one-in-five",
    25: "one-in-four",
    30: "three-in-ten",
    40: "two-in-five",
    50: "one-in-two",
    60: "three-in-five",
    70: "seven-in-ten",
    75: "three-in-four",
    80: "four-in-five",
    90: "nine-in-ten",
    95: "nineteen-in-twenty",
}
"""Number words for probabilities in percent; each says its value and leaves nothing to guess."""
LABEL_STYLES = ("1", "1.", "(1)", "(1).", "a", "a.", "(a)", "(a).")
_OPENINGS = (
    "You have {wealth} and get one of these offers.",
    "Your savings are {wealth}. Below are the gambles on the table.",
    "With {wealth} in the bank, you may enter one draw.",
    "A client pays you through a lottery of your choice; you own {wealth}.",
    "Your balance is {wealth}. One of these deals will be settled today.",
    "You keep {wealth} in cash and must accept one bet.",
)
_QUESTIONS = (
    "Which option do you choose?",
    "Which one do you take?",
    "What is your pick?",
    "Name the option you prefer.",
)
_UNCERTAIN = ("{chance} chance of {prize}", "{prize} at {chance} odds", "{chance}: {prize}")
_CERTAIN = ("{prize} for sure", "{prize} with certainty", "{prize} guaranteed")


def one_of(draw: Draw, items: Sequence[_T]) -> _T:
    """Return one of the items, each as likely as the others."""
    return items[int(draw() * len(items))]


def labels_of_style(style: str, num_options: int) -> tuple[str, ...]:
    """Return the bare labels that options have in a style."""
    first = "1" if "1" in style else "a"
    return tuple(chr(ord(first) + index) for index in range(num_options))


def write_prompt(
    draw: Draw, lotteries: Sequence[Lottery], *, style: str, wealth: float, in_words: bool
) -> str:
    """Return the options as lines under an opening with the wealth, and a question after them."""
    opening = one_of(draw, _OPENINGS).format(wealth=money(wealth))
    uncertain, certain = one_of(draw, _UNCERTAIN), one_of(draw, _CERTAIN)
    first = style.strip("().")
    lines = []
    for label, lottery in zip(labels_of_style(style, len(lotteries)), lotteries, strict=True):
        outcomes = [
            (uncertain if percent < 100 else certain).format(  # noqa: PLR2004  - percent
                chance=_chance(percent, in_words=in_words), prize=money(prize)
            )
            for prize, percent in zip(lottery.prizes, lottery.percents, strict=True)
        ]
        lines.append(f"{style.replace(first, label)} {', '.join(outcomes)}")
    return "\n".join((opening, *lines, one_of(draw, _QUESTIONS)))


def money(dollars: float) -> str:
    """Return an amount as people write it: `-$1,200`, `$0.50`."""
    amount = f"{abs(dollars):,.2f}".removesuffix(".00")
    return f"{'-' if dollars < 0 else ''}${amount}"


def _chance(percent: float, *, in_words: bool) -> str:
    return PERCENTS_IN_WORDS.get(int(percent), "") if in_words else f"{percent:g}%"
