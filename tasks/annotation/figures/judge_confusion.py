"""What judges said about two answers, against what people say."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from storage.tables.labels import HumanLabel
from tasks.annotation.comparison_item import SIDES, TIE
from tasks.annotation.figures.coded_votes import figure_by_prompt
from tasks.annotation.figures.queue_figures import JudgeConfusion
from tasks.annotation.figures.said_about import SaidAbout
from tasks.judging.human_choice import human_choices
from tasks.judging.kappa import cohen_kappa

_TWO = 2
CATEGORIES = (*SIDES[:_TWO], TIE)


def judge_confusions(said: Sequence[SaidAbout]) -> tuple[JudgeConfusion, ...]:
    """Return each judge of items with two answers against people, by name.

    People's label is what `prefline judge-report` takes for it: an adjudication, otherwise what most
    of them chose, both_bad counted as a tie, and a tie where no choice has more labels than every
    other one. Items that nobody labelled, or on which the judge said nothing, are no part of it.
    """
    labels: list[HumanLabel] = []
    for row in said:
        labels += row.votes if row.adjudication is None else (row.adjudication,)
    choices = human_choices(labels)
    of_judge: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in said:
        item = row.item
        if len(item.responses) != _TWO or not item.judge or item.judged not in CATEGORIES:
            continue
        choice = choices.get((item.responses[0].completion_id, item.responses[1].completion_id))
        if choice is not None:
            cell = CATEGORIES.index(item.judged) * len(CATEGORIES) + CATEGORIES.index(choice)
            of_judge[item.judge].append((item.prompt_id, cell))
    return tuple(_confusion(judge, cases) for judge, cases in sorted(of_judge.items()))


def _confusion(judge: str, cases: Sequence[tuple[str, int]]) -> JudgeConfusion:
    side = len(CATEGORIES)
    counts = Counter(cell for _, cell in cases)
    table = tuple(
        tuple(counts[row * side + column] for column in range(side)) for row in range(side)
    )
    return JudgeConfusion(
        judge=judge,
        categories=CATEGORIES,
        counts=table,
        kappa=figure_by_prompt(
            [prompt for prompt, _ in cases],
            np.eye(side * side)[[cell for _, cell in cases]],
            cohen_kappa,
            count=sum(table[row][row] for row in range(side)),
            num=len(cases),
        ),
    )
