"""Parameters of the pairs stage, one model for each method."""

from typing import Literal, Self

from pydantic import Field, model_validator

from storage.input_error import InputError
from tasks.judging.params import JudgingParams
from tasks.params import Params
from tasks.sampling.api.params import ApiParams, BudgetParams, ChatParams
from tasks.sampling.params import SamplingParams

Method = Literal[
    "auto", "dataset", "on-policy", "sample-and-judge", "contrast", "critique-revise", "relabel"
]
DEFAULT_MODEL = "gpt-6-luna"
POLICY = "policy"
"""Names the flow's policy among the models of sample-and-judge."""


class OnPolicyParams(SamplingParams):
    """Candidates from our own policy, so that today's pairs come from yesterday's policy."""

    num_completions: int = Field(default=8, ge=2, le=1024)
    """Answers drawn for each prompt. More answers give a larger margin between the best and the
    worst one, and take longer. The DPO paper draws 4 and takes all 6 pairs."""


class SampleAndJudgeParams(Params):
    """Candidates from one or several models, ours and those behind an API."""

    models: tuple[str, ...] = Field(default=(f"llm:{DEFAULT_MODEL}",), min_length=1)
    """Who answers: `llm:<model>` for a model behind the API, `policy` for the flow's policy, and
    `policy:<artifact id, unique prefix, tag or latest>` for further policies of ours."""
    num_completions: int = Field(default=4, ge=1, le=128)
    """Answers of each model to each prompt."""
    chat: ChatParams = ChatParams(temperature=1.0)
    """How the API models sample; the policy samples by the parameters of on-policy."""

    @model_validator(mode="after")
    def _are_candidates(self) -> Self:
        for model in self.models:
            kind, _, name = model.partition(":")
            if model != POLICY and not (kind in {"llm", POLICY} and name):
                raise ValueError(
                    f"model {model!r} is none of 'llm:<model>', 'policy', 'policy:<artifact>'"
                )
        if len(set(self.models)) < len(self.models):
            raise ValueError(f"models {list(self.models)} name one twice; raise num_completions")
        if len(self.models) * self.num_completions < 2:  # noqa: PLR2004  - a pair is two
            raise ValueError(
                f"{len(self.models)} model with num_completions {self.num_completions} gives one "
                "answer a prompt, but a pair needs two"
            )
        return self

    @property
    def api_models(self) -> tuple[str, ...]:
        """The models behind the API, by the names that it knows them by."""
        return tuple(
            model.removeprefix("llm:") for model in self.models if model.startswith("llm:")
        )

    @property
    def policies(self) -> tuple[str, ...]:
        """The policies that answer, as they are named; empty for the flow's own."""
        named = (model.partition(":") for model in self.models)
        return tuple(name for kind, _, name in named if kind == POLICY)


class ContrastParams(Params):
    """A helpful answer and a deliberately poor one to each prompt, from two system prompts."""

    model: str = DEFAULT_MODEL
    """The model that writes both."""
    helpful_system: str = Field(
        default="You are a careful assistant. Answer the user as helpfully, truthfully and clearly "
        "as you can, and as briefly as the question allows.",
        min_length=1,
    )
    """System prompt of the chosen answer."""
    poor_system: str = Field(
        default="You write examples of poor answers from which a model learns what to avoid. Answer "
        "the user with a poor answer: vague, careless, beside the point or subtly wrong, in about "
        "the length of a good one. Do not say that it is poor, and never write anything dangerous.",
        min_length=1,
    )
    """System prompt of the rejected answer."""
    chat: ChatParams = ChatParams()
    """How the model samples."""
    verify: bool = False
    """Let the judge compare both answers, and keep a pair only where the helpful one wins."""


class CritiqueReviseParams(Params):
    """A draft, its critique against principles, and its revision, which is preferred to the draft."""

    model: str = DEFAULT_MODEL
    """The model that drafts, criticises and revises."""
    principles: tuple[str, ...] = Field(
        default=(
            "The answer should be helpful: it does all that the user asks, and keeps to the point.",
            "The answer should be honest: it should claim nothing false and hide no doubt.",
            "The answer should be harmless: it should help nobody to hurt people or break the law.",
        ),
        min_length=1,
    )
    """What an answer should be. Each round criticises against one of them, drawn by the seed."""
    num_rounds: int = Field(default=1, ge=1, le=8)
    """How often the answer is criticised and revised; the last revision is the chosen answer."""
    chat: ChatParams = ChatParams()
    """How the model samples."""
    verify: bool = False
    """Let the judge compare draft and revision, and keep a pair only where the revision wins."""


class PairsParams(Params):
    """Where preference pairs come from."""

    method: Method = "auto"
    """`dataset` takes the preferences of the ingested data as they come. `on-policy` lets the policy
    answer training prompts and a judge prefer. `sample-and-judge` does so with the answers of
    several models. `contrast` asks one model for a helpful and for a poor answer, `critique-revise`
    for a draft and its revision. `relabel` lets the judge compare the data set's own pairs again,
    which `prefline judge-report` then holds against the people who labelled them. `auto` takes the data set's pairs where it has some, otherwise
    on-policy."""
    num_prompts: int = Field(default=512, ge=1, le=10_000_000)
    """How many training prompts are answered; fewer if the split has fewer."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the choice of prompts and of the sampling."""
    on_policy: OnPolicyParams = OnPolicyParams()
    """For method on-policy, and for `policy` in sample-and-judge."""
    sample_and_judge: SampleAndJudgeParams = SampleAndJudgeParams()
    """For method sample-and-judge."""
    contrast: ContrastParams = ContrastParams()
    """For method contrast."""
    critique_revise: CritiqueReviseParams = CritiqueReviseParams()
    """For method critique-revise."""
    judging: JudgingParams = JudgingParams()
    """Who prefers, and how verdicts become pairs."""
    api: ApiParams = ApiParams()
    """The server of the models that answer."""
    judge_api: ApiParams = ApiParams()
    """The server of an LLM judge; with an empty base_url it is the one that answers."""
    budget: BudgetParams = BudgetParams()
    """What one run may spend, on answers and verdicts together."""

    @property
    def api_models(self) -> tuple[str, ...]:
        """The models that answer through the API."""
        match self.method:
            case "contrast":
                return (self.contrast.model,)
            case "critique-revise":
                return (self.critique_revise.model,)
            case "sample-and-judge":
                return self.sample_and_judge.api_models
            case _:
                return ()

    @property
    def policies(self) -> tuple[str, ...]:
        """The policies of ours that answer, as they are named; empty for the flow's own."""
        if self.method in {"auto", "on-policy"}:
            return ("",)
        return self.sample_and_judge.policies if self.method == "sample-and-judge" else ()

    @property
    def is_judged(self) -> bool:
        """Whether a judge is asked."""
        match self.method:
            case "contrast":
                return self.contrast.verify
            case "critique-revise":
                return self.critique_revise.verify
            case method:
                return method != "dataset"

    @property
    def judge_model(self) -> str:
        """The model of the LLM judge, empty if none is asked."""
        judge = self.judging.judge
        return judge.removeprefix("llm:") if self.is_judged and judge.startswith("llm:") else ""

    @property
    def judge_server(self) -> ApiParams:
        """The server of an LLM judge."""
        return self.judge_api if self.judge_api.base_url else self.api

    def made(self, num_dataset_pairs: int, num_dispreferred: int = 0) -> bool:
        """Return whether pairs are to be made; `auto` prefers what the data set has.

        With `auto` bare dispreferred answers will do, as D2O needs no pairs.

        Raises:
            InputError: the pairs of the data set are asked for and it has none.
        """
        if self.method == "dataset" and num_dataset_pairs == 0 and num_dispreferred == 0:
            raise InputError(
                "pairs.method is 'dataset' but the ingested data has no preference pairs; use "
                "'on-policy' (the SFT policy answers and a judge prefers), or a source with pairs "
                "(hh-rlhf, risk)"
            )
        has_data = num_dataset_pairs > 0 or num_dispreferred > 0
        return self.method not in {"dataset", "auto"} or (self.method == "auto" and not has_data)
