"""The judge that the parameters name, ready to be asked."""

from collections.abc import Sequence

from storage.tables.demonstrations import Demonstration
from storage.tables.pairs import PreferencePair
from tasks.judging.judge_name import reward_name
from tasks.judging.llm_judge import LlmJudge
from tasks.judging.load_rubric import load_rubric
from tasks.judging.make_judge import make_judge
from tasks.pairs.asked_judge import AskedJudge, Compares, Scores
from tasks.pairs.check_pairs import PAIRWISE
from tasks.pairs.params import PairsParams
from tasks.pairs.reward import resolve_reward
from tasks.sampling.api.api import Api


def who_judges(
    params: PairsParams,
    api: Api | None,
    *,
    source: str,
    demonstrations: Sequence[Demonstration],
    pairs: Sequence[PreferencePair],
) -> AskedJudge | None:
    """Return the judge, None where the method asks none.

    A judge that has to learn learns from the split `train` of `demonstrations` or `pairs`.

    Raises:
        InputError: no judge suits the source, or there is too little to learn from.
    """
    if not params.is_judged:
        return None
    if params.judge_model and api is not None:
        rubric = load_rubric(params.judging.rubric)
        judge = LlmJudge(api, params.judge_model, rubric, params.judging)
        return Compares(judge) if rubric.kind == PAIRWISE else Scores(judge)
    name = resolve_reward(params.judging.judge, source)
    return Scores(
        make_judge(
            name,
            signed=reward_name(name),
            split="train",
            demonstrations=demonstrations,
            pairs=pairs,
            seed=params.seed,
            device=params.on_policy.device,
        )
    )
