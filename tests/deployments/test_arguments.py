from pathlib import Path

import pytest
from pydantic import Field, model_validator

from deployments.arguments import flow_arguments
from storage.input_error import InputError
from tasks.params import Params


class Ranges(Params):
    low: int = 1
    high: int = 5
    beta: float = Field(default=0.1, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> "Ranges":
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")
        return self


class Group(Params):
    ranges: Ranges = Ranges()


NO_RANGES = Ranges()
NO_GROUP = Group()


def stage(pairs: str = "latest", params: Ranges = NO_RANGES, rerun: bool = False):
    """A stage flow in small."""


def whole(group: Group = NO_GROUP, model: str = "m"):
    """A nightly flow in small."""


def arguments(function, *settings, profile=None):
    return flow_arguments(function, profile=profile, settings=settings)


def test_without_settings_the_defaults_hold():
    assert arguments(stage) == {"pairs": "latest", "params": Ranges(), "rerun": False}


def test_a_dotted_path_sets_one_nested_parameter_and_keeps_the_others():
    assert arguments(whole, "group.ranges.beta=0.3")["group"] == Group(ranges=Ranges(beta=0.3))


def test_a_field_of_params_may_stand_alone():
    given = arguments(stage, "beta=0.5", "pairs=ab12", "rerun=true")
    assert given == {"pairs": "ab12", "params": Ranges(beta=0.5), "rerun": True}


def test_a_setting_overrides_the_profile_and_keeps_the_rest_of_it(tmp_path: Path):
    profile = tmp_path / "p.yaml"
    profile.write_text("group:\n  ranges: {low: 2, beta: 0.7}\nmodel: other\n")
    given = arguments(whole, "group.ranges.beta=0.3", profile=str(profile))
    assert given == {"group": Group(ranges=Ranges(low=2, beta=0.3)), "model": "other"}


@pytest.mark.parametrize(
    ("function", "settings", "message"),
    [
        pytest.param(stage, ["beta=-1"], r"params\.beta: .*greater than 0, got -1", id="bound"),
        pytest.param(
            stage, ["btea=1"], r"no parameter 'btea'.*has pairs, params, rerun", id="typo"
        ),
        pytest.param(
            whole,
            ["group.ranges.btea=1"],
            r"ranges has beta, high, low; did you mean 'beta'",
            id="deep",
        ),
        pytest.param(stage, ["low=9"], r"low \(9\) is above high \(5\)", id="cross-field"),
        pytest.param(stage, ["beta"], r"--set 'beta' is not of the form a\.b=value", id="no value"),
        pytest.param(
            stage, ["pairs.x=1", "pairs=2"], r"pairs: Input should be a valid string", id="int"
        ),
        pytest.param(whole, ["model=a", "model.b=1"], r"'model' is the value 'a'", id="no parts"),
        pytest.param(stage, ["beta=abc"], r"valid number.*got 'abc'", id="not a number"),
        pytest.param(stage, ["beta=nan"], r"params\.beta", id="nan"),
    ],
)
def test_a_wrong_setting_says_the_value_and_what_exists(function, settings, message):
    with pytest.raises(InputError, match=message):
        arguments(function, *settings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("group:\n  ragnes: {low: 1}\n", r"'group\.ragnes'.*did you mean 'ranges'.*p\.yaml"),
        ("- a\n- b\n", r"holds list"),
        ("group: [", r"not readable YAML"),
    ],
)
def test_a_wrong_profile_is_named_with_its_fault(tmp_path: Path, text: str, message: str):
    profile = tmp_path / "p.yaml"
    profile.write_text(text)
    with pytest.raises(InputError, match=message):
        arguments(whole, profile=str(profile))


def test_an_unknown_profile_lists_those_that_exist():
    with pytest.raises(InputError, match=r"no profile 'imbd'; profiles are .*imdb"):
        arguments(whole, profile="imbd")


def test_an_empty_profile_changes_nothing(tmp_path: Path):
    profile = tmp_path / "p.yaml"
    profile.write_text("")
    assert arguments(whole, profile=str(profile)) == arguments(whole)
