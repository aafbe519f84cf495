"""What in the parameters decides which policy comes out."""

from tasks.judging.load_rubric import load_rubric
from tasks.judging.verdict_parser import PARSER
from tasks.sampling.api.connect import base_url
from tasks.sampling.api.params import ApiParams, BudgetParams
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.reward_params import RewardParams


def deciding(params: PPOParams) -> PPOParams:
    """Return the parameters with all that decides nothing as it is by default.

    So a run with more budget or another number of concurrent calls is the same work, which goes on
    from where the budget ended. Of the server its address stays; the rubric's name becomes its
    identity with the version of the parser, so that an edited file is other work.
    """
    asking, api = RewardParams(), ApiParams()
    if params.reward_model:
        rubric = f"{load_rubric(params.asking.rubric).identity}, {PARSER}"
        asking = params.asking.model_copy(update={"rubric": rubric})
        api = ApiParams(base_url=base_url(params.api))
    return params.model_copy(update={"asking": asking, "api": api, "budget": BudgetParams()})
