"""Parameters of the evaluation stage."""

import pytest
from pydantic import ValidationError

from tasks.evaluation.params import EvaluateParams


def test_every_field_has_a_help_text_and_the_judges_stand_first():
    schema = EvaluateParams.model_json_schema()["properties"]
    assert all(field.get("description") for field in schema.values())
    assert next(iter(schema)) == "judges"


def test_judges_named_twice_count_once():
    assert EvaluateParams(judges=("oracle", "oracle", "auto")).judges == ("oracle", "auto")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"judges": ("lexcal",)}, "Did you mean 'lexical'", id="unknown judge"),
        pytest.param({"judges": ()}, "judges is empty", id="no judge"),
        pytest.param({"num_prompts": 0}, "num_prompts", id="no prompt"),
        pytest.param({"max_unparsable_share": 1.1}, "max_unparsable_share", id="above all"),
        pytest.param({"num_sample": 2}, "num_sample", id="typo"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        EvaluateParams(**values)


@pytest.mark.parametrize(
    ("values", "measures_kl"),
    [({}, True), ({"temperature": 0.5}, False), ({"top_p": 0.9}, False)],
)
def test_kl_is_measured_only_on_the_policys_own_distribution(values, measures_kl):
    assert EvaluateParams(**values).measures_kl is measures_kl
