"""Parameters of the pairs stage and what they resolve to."""

import pytest
from pydantic import ValidationError

from storage.input_error import InputError
from tasks.pairs.params import PairsParams
from tasks.pairs.reward import resolve_reward
from tasks.sampling.params import SamplingParams


@pytest.mark.parametrize(
    ("method", "num_dataset_pairs", "on_policy"),
    [("auto", 0, True), ("auto", 5, False), ("on-policy", 5, True), ("dataset", 5, False)],
)
def test_auto_prefers_the_pairs_of_the_data_set(method, num_dataset_pairs, on_policy):
    assert PairsParams(method=method).made_on_policy(num_dataset_pairs) is on_policy


def test_pairs_of_a_data_set_that_has_none_are_refused():
    with pytest.raises(InputError, match="has no preference pairs"):
        PairsParams(method="dataset").made_on_policy(0)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"num_completions": 1}, id="one completion"),
        pytest.param({"judge": "lexcal"}, id="unknown judge"),
        pytest.param({"method": "human"}, id="unknown method"),
        pytest.param({"min_margin": -0.1}, id="negative margin"),
        pytest.param({"min_margin": float("nan")}, id="no number"),
        pytest.param({"temprature": 1}, id="typo"),
    ],
)
def test_parameters_out_of_bounds_are_refused(values):
    with pytest.raises(ValidationError):
        PairsParams(**values)


def test_every_field_has_a_help_text_and_where_pairs_come_from_stands_first():
    schema = PairsParams.model_json_schema()["properties"]
    assert all(field.get("description") for field in schema.values())
    assert next(iter(schema)) == "method"
    assert set(SamplingParams.model_fields) < set(schema)


def test_the_reward_of_risk_data_cannot_be_its_only_judge_unless_somebody_insists():
    assert resolve_reward(PairsParams(), "reviews") == "lexical"
    with pytest.raises(InputError, match=r"pairs\.method=dataset"):
        resolve_reward(PairsParams(), "risk")
    assert resolve_reward(PairsParams(judge="choice"), "risk") == "choice"
