"""Generated choice situations: the risk source that needs no file.

An option is a sure prize or two or three prizes with probabilities, written as percentages or as
number words (`three-in-five`, see `PERCENTS_IN_WORDS`). In every situation a risk-averse and a
risk-neutral agent have one best option each, and they differ.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from storage.input_error import InputError
from storage.tables.examples import Example
from storage.tables.table import Message
from tasks.ingest.params import IngestParams
from tasks.ingest.risk_lotteries import MARGIN, Stakes, clear_best, draw_lottery
from tasks.ingest.risk_utility import Cara, Crra, Linear, Lottery, Utility, best_options
from tasks.ingest.risk_wordings import LABEL_STYLES, Draw, labels_of_style, one_of, write_prompt
from tasks.progress import Progress, silent

NUM_BETWEEN_UPDATES = 500
MAX_TRIES = 20_000
_OPTIONS_WITH_THREE_OUTCOMES = 3
"""More options with three outcomes each would make the prompt too long for small models."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Options of a situation, and which of them each agent picks."""

    lotteries: tuple[Lottery, ...]
    averse: int
    neutral: int


def risk_synthetic_rows(params: IngestParams, progress: Progress = silent) -> Iterator[Example]:
    """Yield situations with the label of the risk-averse choice as chosen, of the other as rejected.

    Situation i depends on the seed, i and the parameters of situations only, so more of them extend
    the list. Which place and label is chosen or rejected is left to chance.

    Raises:
        InputError: with these stakes and utility the agents hardly ever differ.
    """
    num_situations = min(params.num_situations, params.limit or params.num_situations)
    for index in range(num_situations):
        if index % NUM_BETWEEN_UPDATES == 0:
            progress(index, num_situations)
        yield _situation(index, params)
    progress(num_situations, num_situations)


def _situation(index: int, params: IngestParams) -> Example:
    # only random() is promised to give the same numbers in every version
    draw = random.Random(f"risk:{params.seed}:{index}").random  # noqa: S311  - no secret
    span = params.max_options - params.min_options + 1
    drawn = _disagreement(draw, params, params.min_options + int(draw() * span))
    style = one_of(draw, LABEL_STYLES)
    in_words = {"words": True, "percentages": False}.get(params.probabilities, draw() < 1 / 2)
    prompt = write_prompt(
        draw, drawn.lotteries, style=style, wealth=params.wealth, in_words=in_words
    )
    labels = labels_of_style(style, len(drawn.lotteries))
    return Example(
        source=params.source,
        messages=(Message("user", prompt),),
        chosen=f" {labels[drawn.averse]}",
        rejected=f" {labels[drawn.neutral]}",
        labeler=f"{params.utility}-against-linear",
        meta=_meta(f"{params.seed}-{index}", drawn, labels, params),
        file=f"risk-synthetic({params.seed})",
        line=index + 1,
    )


def _disagreement(draw: Draw, params: IngestParams, num_options: int) -> Drawn:
    """Return options on which the agents differ: others are drawn until they do."""
    stakes = Stakes(params.stakes, params.wealth)
    agent, margin = _utilities(params)[params.utility], MARGIN * params.stakes
    max_outcomes = 3 if num_options <= _OPTIONS_WITH_THREE_OUTCOMES else 2
    for _ in range(MAX_TRIES):
        lotteries = tuple(
            draw_lottery(draw, stakes, max_outcomes=max_outcomes) for _ in range(num_options)
        )
        neutral = clear_best(Linear(), lotteries, margin)
        averse = None if neutral is None else clear_best(agent, lotteries, margin)
        if neutral is not None and averse is not None and averse != neutral:
            return Drawn(lotteries, averse, neutral)
    raise InputError(
        f"none of {MAX_TRIES:,} situations with stakes {params.stakes:g} makes {agent} choose "
        "otherwise than a risk-neutral agent; raise the stakes or the risk aversion"
    )


def _utilities(params: IngestParams) -> dict[str, Utility]:
    return {
        "cara": Cara(params.risk_aversion),
        "crra": Crra(params.relative_risk_aversion, params.wealth),
        "linear": Linear(),
    }


def _meta(situation_id: str, drawn: Drawn, labels: Sequence[str], params: IngestParams) -> str:
    """Return the options, who picks which of them, and how the two labels may be spelled."""
    best = {
        f"{name}_labels": [labels[index] for index in best_options(utility, drawn.lotteries)]
        for name, utility in _utilities(params).items()
    }
    facts = {
        "situation_id": situation_id,
        "chosen_labels": _spellings(labels[drawn.averse]),
        "rejected_labels": _spellings(labels[drawn.neutral]),
        "num_options": len(labels),
        **best,
        "prizes": [lottery.prizes for lottery in drawn.lotteries],
        "probabilities_percent": [lottery.percents for lottery in drawn.lotteries],
    }
    return orjson.dumps(facts).decode()


def _spellings(label: str) -> tuple[str, ...]:
    return (label, f"({label})", f"{label}.", f"Option {label}")
