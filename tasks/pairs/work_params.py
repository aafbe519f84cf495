"""What decides which pairs come out: the parameters of the method in use, and nothing else."""

from tasks.judging.load_rubric import load_rubric
from tasks.judging.verdict_parser import PARSER
from tasks.pairs.params import PairsParams
from tasks.sampling.api.connect import base_url

_PLACE = {"device", "batch_size"}
"""Where and how fast a policy runs does not decide what it says."""


def work_params(params: PairsParams) -> dict[str, object]:
    """Return what goes into the key of the work.

    Limits, prices and budgets do not, nor do the sections of other methods. The content of the rubric and
    the version of the parser do: a new parser reads the stored replies again, without new calls.
    """
    method = "on-policy" if params.method == "auto" else params.method
    key: dict[str, object] = {"method": method, "num_prompts": params.num_prompts}
    if params.policies:
        key["on_policy"] = params.on_policy.model_dump(mode="json", exclude=_PLACE)
    match method:
        case "contrast":
            key[method] = params.contrast.model_dump(mode="json")
        case "critique-revise":
            key[method] = params.critique_revise.model_dump(mode="json")
        case "sample-and-judge":
            key[method] = params.sample_and_judge.model_dump(mode="json")
    if params.api_models:
        key["api"] = base_url(params.api)
    if params.is_judged:
        key |= _judging(params)
    return key


def _judging(params: PairsParams) -> dict[str, object]:
    judging = params.judging
    if not params.judge_model:
        chosen = judging.model_dump(mode="json", include={"judge", "pairing", "min_margin"})
        return {"judging": chosen}
    return {
        "judging": judging.model_dump(mode="json"),
        "judge_api": base_url(params.judge_server),
        "rubric": load_rubric(judging.rubric).identity,
        "parser": PARSER,
    }
