"""What can be refused before a run makes its first pair."""

from storage.input_error import InputError
from tasks.judging.check_classifier import check_classifier
from tasks.judging.judge_name import parse_judge_name
from tasks.judging.load_rubric import load_rubric
from tasks.pairs.params import PairsParams
from tasks.sampling.api.prices import Prices

PAIRWISE = "pairwise"


def check_pairs(params: PairsParams) -> None:
    """Refuse parameters that name something that is not there or does not fit.

    Raises:
        InputError: a rubric, classifier or price table that is missing or unusable, or a judge that
            cannot compare where answers are to be compared.
    """
    Prices.read(params.budget.prices)
    if not params.is_judged:
        return
    judging = params.judging
    if judging.judge.startswith("classifier:"):
        check_classifier(parse_judge_name(judging.judge).model)
    kind = load_rubric(judging.rubric).kind if params.judge_model else ""
    if params.method in {"contrast", "critique-revise"} and kind != PAIRWISE:
        said = f"rubric {judging.rubric!r}" if params.judge_model else f"judge {judging.judge!r}"
        raise InputError(
            f"verify compares two answers, which {said} cannot; use judging.judge=llm:<model> with "
            "judging.rubric=pairwise-overall"
        )
