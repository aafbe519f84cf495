"""Parameters of the pairs stage, what they resolve to, and what decides which pairs come out."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from storage.input_error import InputError
from tasks.pairs.check_pairs import check_pairs
from tasks.pairs.params import PairsParams
from tasks.pairs.reward import resolve_reward
from tasks.pairs.work_params import work_params
from tasks.sampling.params import SamplingParams

LLM = {"judge": "llm:m"}


@pytest.mark.parametrize(
    ("method", "num_dataset_pairs", "made"),
    [
        ("auto", 0, True),
        ("auto", 5, False),
        ("dataset", 5, False),
        ("on-policy", 5, True),
        ("contrast", 5, True),
        ("relabel", 5, True),
    ],
)
def test_auto_prefers_the_pairs_of_the_data_set(method, num_dataset_pairs, made):
    assert PairsParams(method=method).made(num_dataset_pairs) is made


def test_pairs_of_a_data_set_that_has_none_are_refused():
    with pytest.raises(InputError, match="has no preference pairs"):
        PairsParams(method="dataset").made(0)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"on_policy": {"num_completions": 1}}, id="one completion"),
        pytest.param({"judging": {"judge": "lexcal"}}, id="unknown judge"),
        pytest.param({"method": "human"}, id="unknown method"),
        pytest.param({"judging": {"min_margin": -0.1}}, id="negative margin"),
        pytest.param({"judging": {"min_margin": float("nan")}}, id="no number"),
        pytest.param({"temprature": 1}, id="typo"),
        pytest.param({"budget": {"max_cost_usd": -1}}, id="negative budget"),
        pytest.param({"api": {"base_url": "127.0.0.1:8000"}}, id="no scheme"),
        pytest.param({"api": {"key_env": "MY KEY"}}, id="no variable"),
        pytest.param({"sample_and_judge": {"models": ["gpt"]}}, id="no kind of model"),
        pytest.param({"sample_and_judge": {"models": ["llm:"]}}, id="no model"),
        pytest.param({"sample_and_judge": {"models": []}}, id="no models"),
        pytest.param({"sample_and_judge": {"models": ["llm:m", "llm:m"]}}, id="twice"),
        pytest.param({"sample_and_judge": {"num_completions": 1}}, id="one candidate"),
        pytest.param({"critique_revise": {"principles": []}}, id="no principle"),
    ],
)
def test_parameters_out_of_bounds_are_refused(values):
    with pytest.raises(ValidationError):
        PairsParams(**values)


def models_of(model: type[BaseModel]) -> list[type[BaseModel]]:
    inner = [
        field.annotation
        for field in model.model_fields.values()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    ]
    return [model, *(found for kind in inner for found in models_of(kind))]


def test_every_field_of_every_section_has_a_help_text():
    for model in models_of(PairsParams):
        fields = model.model_json_schema()["properties"]
        assert [name for name, field in fields.items() if not field.get("description")] == []
    assert next(iter(PairsParams.model_fields)) == "method"
    assert set(SamplingParams.model_fields) < set(PairsParams().on_policy.model_dump())


def test_the_reward_of_risk_data_cannot_be_its_only_judge_unless_somebody_insists():
    assert resolve_reward("auto", "reviews") == "lexical"
    with pytest.raises(InputError, match=r"pairs\.method=dataset"):
        resolve_reward("auto", "risk")
    assert resolve_reward("choice", "risk") == "choice"


@pytest.mark.parametrize(
    ("values", "policies", "api_models", "judge_model"),
    [
        ({"method": "auto"}, ("",), (), ""),
        ({"method": "on-policy", "judging": LLM}, ("",), (), "m"),
        ({"method": "contrast", "judging": LLM}, (), ("gpt-6-luna",), ""),
        (
            {"method": "contrast", "judging": LLM, "contrast": {"model": "x", "verify": True}},
            (),
            ("x",),
            "m",
        ),
        (
            {
                "method": "sample-and-judge",
                "sample_and_judge": {"models": ["policy", "llm:a", "policy:best", "llm:org/b"]},
            },
            ("", "best"),
            ("a", "org/b"),
            "",
        ),
        ({"method": "relabel", "judging": LLM}, (), (), "m"),
    ],
    ids=["auto", "on-policy", "contrast", "verified", "several", "relabel"],
)
def test_a_method_says_whom_it_asks(values, policies, api_models, judge_model):
    params = PairsParams(**values)
    assert params.policies == policies
    assert params.api_models == api_models
    assert params.judge_model == judge_model


def test_a_judge_without_a_server_of_its_own_is_asked_where_answers_come_from():
    here = {"base_url": "http://a/v1", "max_concurrency": 3}
    assert PairsParams(api=here).judge_server.base_url == "http://a/v1"
    other = PairsParams(api=here, judge_api={"base_url": "http://b/v1"})
    assert other.judge_server.base_url == "http://b/v1"


BASE: dict[str, Any] = {"method": "contrast", "api": {"base_url": "http://a/v1"}}


@pytest.mark.parametrize(
    ("change", "is_other_work"),
    [
        ({"api": {"base_url": "http://a/v1", "max_concurrency": 1, "batch": True}}, False),
        ({"budget": {"max_cost_usd": 1.0}}, False),
        ({"judging": {"judge": "oracle"}}, False),
        ({"sample_and_judge": {"num_completions": 9}}, False),
        ({"api": {"base_url": "http://b/v1"}}, True),
        ({"contrast": {"model": "other"}}, True),
        ({"contrast": {"chat": {"temperature": 0.5}}}, True),
        ({"num_prompts": 3}, True),
    ],
    ids=["limits", "budget", "unused judge", "unused section", "server", "model", "chat", "num"],
)
def test_only_what_decides_the_pairs_makes_other_work(change, is_other_work):
    changed = work_params(PairsParams(**(BASE | change)))
    assert (changed != work_params(PairsParams(**BASE))) is is_other_work


def test_an_edited_rubric_is_other_work(tmp_path: Path):
    rubric = tmp_path / "mine.yaml"
    text = "name: mine\nversion: 1\nkind: pairwise\nquestion: Which?\ninstructions: {}\ntie: true\n"

    def key(instructions: str) -> dict[str, object]:
        rubric.write_text(text.format(instructions), encoding="utf-8")
        judging = {"judge": "llm:m", "rubric": str(rubric)}
        return work_params(PairsParams(method="on-policy", judging=judging))

    assert key("Be strict.") != key("Be kind.")
    assert key("Be kind.") == key("Be kind.")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(
            {"method": "on-policy", "judging": LLM | {"rubric": "pairwise"}},
            "no rubric 'pairwise'.*Did you mean 'pairwise-overall'",
            id="rubric",
        ),
        pytest.param(
            {"method": "contrast", "contrast": {"verify": True}},
            "verify compares two answers, which judge 'auto' cannot",
            id="no llm",
        ),
        pytest.param(
            {
                "method": "critique-revise",
                "critique_revise": {"verify": True},
                "judging": LLM | {"rubric": "helpful"},
            },
            "which rubric 'helpful' cannot",
            id="scores",
        ),
        pytest.param(
            {"method": "on-policy", "judging": {"judge": "classifier:/nowhere"}},
            "/nowhere.*does not exist",
            id="classifier",
        ),
        pytest.param(
            {"budget": {"prices": "/nowhere.yaml"}}, "price table '/nowhere.yaml'", id="prices"
        ),
    ],
)
def test_what_cannot_work_is_refused_before_the_start(values, message):
    with pytest.raises(InputError, match=message):
        check_pairs(PairsParams(**values))
