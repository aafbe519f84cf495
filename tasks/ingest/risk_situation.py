"""A choice situation: what a file says of it, and what holds after its labels are checked."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from tasks.ingest.risk_prompt import labels_in_style, lotteries_in, option_lines
from tasks.ingest.risk_utility import Cara, Linear, Lottery, Utility, best_options
from tasks.ingest.risk_values import unique

ALPHA = 0.01
"""CARA's alpha per dollar in the published data."""
Labels = tuple[str, ...]
_LABEL = re.compile(r"\(?(\d{1,2}|[a-zA-Z])\)?\.?")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedSituation:
    """What a file says of a situation.

    `cara_labels` and `linear_labels` are the best options of a risk-averse and a risk-neutral
    agent. Where the file lists the options, `lotteries` holds them and `option_types` their kinds,
    in order; `num_options` is 0 where it does not say. Spellings are further ways to write a label.
    """

    situation_id: str
    prompt_text: str
    cara_labels: Labels
    linear_labels: Labels
    lotteries: tuple[Lottery, ...] = ()
    option_types: tuple[str, ...] = ()
    num_options: int = 0
    cara_spellings: Labels = ()
    linear_spellings: Labels = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A prompt with the bare labels that two agents pick, which differ.

    `chosen` and `rejected` are the answers; `facts` is what the judge `choice` and reports read.
    """

    prompt_text: str
    chosen: str
    rejected: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def meta(self) -> str:
        """The facts as a JSON object."""
        return orjson.dumps(self.facts).decode()


def check_situation(stated: StatedSituation) -> Situation | str:
    """Return the situation with its labels as answers, or why they make no preference.

    Labels are computed again from the options that the file lists or, where it lists none, from
    those in the text of the prompt. Where that cannot be read either, `labels_recomputed` is false.
    """
    cara, linear = _bare(stated.cara_labels), _bare(stated.linear_labels)
    lines = option_lines(stated.prompt_text)
    labels = tuple(line.label for line in lines) or _assumed_labels(stated, cara, linear)
    lotteries = stated.lotteries or lotteries_in(lines)
    fault = (
        _missing(stated, cara, linear)
        or _label_fault(stated, labels, lotteries, {*cara, *linear})
        or _tie(cara, linear)
        or _disagreement(labels, lotteries, cara, linear)
    )
    if fault:
        return fault
    return Situation(
        prompt_text=stated.prompt_text,
        chosen=f" {cara[0]}",
        rejected=f" {linear[0]}",
        facts=_facts(stated, labels, cara, linear) | {"labels_recomputed": bool(lotteries)},
    )


def _facts(stated: StatedSituation, labels: Labels, cara: Labels, linear: Labels) -> dict[str, Any]:
    """Return what the judge reads of a situation, and the labels by which reports group answers."""
    return {
        "situation_id": stated.situation_id,
        "chosen_labels": unique((*cara, *stated.cara_spellings)),
        "rejected_labels": unique((*linear, *stated.linear_spellings)),
        "num_options": len(labels),
        "cara_labels": cara,
        "linear_labels": linear,
        **_typed(labels, stated.option_types),
    }


def _bare(labels: Iterable[str]) -> Labels:
    """Return the labels without brackets and full stops; `?` is one that cannot be a label."""
    return unique(match[1] if (match := _LABEL.fullmatch(label)) else "?" for label in labels)


def _assumed_labels(stated: StatedSituation, cara: Labels, linear: Labels) -> Labels:
    """Return the labels of options that the text does not list line by line.

    Without their number they reach as far as those that the file names, and are at least two.
    """
    alphabet = labels_in_style(cara[0] if cara else "", 26)
    named = [alphabet.index(label) + 1 for label in (*cara, *linear) if label in alphabet]
    return alphabet[: stated.num_options or max(2, *named)]


def _missing(stated: StatedSituation, cara: Labels, linear: Labels) -> str:
    if not stated.situation_id:
        return "no situation_id"
    if not stated.prompt_text:
        return "empty prompt"
    return "" if cara and linear else "no label"


def _label_fault(
    stated: StatedSituation, labels: Labels, lotteries: Sequence[Lottery], named: set[str]
) -> str:
    if {stated.num_options or len(labels), len(lotteries) or len(labels)} != {len(labels)}:
        return "the number of options is not that in the prompt"
    return "" if named <= set(labels) else "label is none of the options"


def _tie(cara: Labels, linear: Labels) -> str:
    """Return why the labels that the file names single out no two options."""
    if len(cara) > 1:
        return "tie: several options are risk-averse best"
    if len(linear) > 1:
        return "tie: several options are risk-neutral best"
    return "both agents choose the same option" if cara == linear else ""


def _disagreement(
    labels: Labels, lotteries: Sequence[Lottery], cara: Labels, linear: Labels
) -> str:
    """Return how the labels differ from those that the options give, empty if they do not."""
    if not lotteries:
        return ""
    averse = _best(Cara(ALPHA), labels, lotteries)
    neutral = _best(Linear(), labels, lotteries)
    if averse != cara and len(averse) == 1:
        return "the risk-averse label is not the recomputed one"
    if neutral != linear and len(neutral) == 1:
        return "the risk-neutral label is not the recomputed one"
    return _tie(averse, neutral)


def _best(utility: Utility, labels: Labels, lotteries: Sequence[Lottery]) -> Labels:
    return tuple(labels[index] for index in best_options(utility, lotteries))


def _typed(labels: Labels, option_types: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Return the labels of each type of option, nothing where the file has no types."""
    typed: dict[str, list[str]] = {}
    for label, kind in zip(labels, option_types, strict=False):
        if kind:
            typed.setdefault(kind, []).append(label)
    return {"option_types": typed} if typed else {}
