"""Judges by name, and who may not judge whom."""

import pytest

from storage.input_error import InputError
from tasks.judging.judge_name import (
    KINDS,
    default_judges,
    default_reward,
    evaluation_judges,
    parse_judge_name,
    reward_name,
)


@pytest.mark.parametrize("name", list(KINDS))
def test_every_judge_is_found_by_its_name(name):
    assert parse_judge_name(name).kind == name


@pytest.mark.parametrize(
    ("name", "kind", "model"),
    [
        ("llm:gpt-6-luna", "llm", "gpt-6-luna"),
        ("llm:org/model:free", "llm", "org/model:free"),
        ("classifier:/models/a b", "classifier", "/models/a b"),
    ],
)
def test_a_judge_that_is_a_model_is_named_with_it(name, kind, model):
    parsed = parse_judge_name(name)
    assert (parsed.kind, parsed.model, parsed.text) == (kind, model, name)
    assert reward_name(name) == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("lexcal", "Did you mean 'lexical'", id="a typo"),
        pytest.param("Oracle", "Did you mean 'oracle'", id="a capital"),
        pytest.param("llm:", "judge 'llm:' does not exist", id="no model"),
        pytest.param("llm", "judge 'llm' does not exist; there is .*llm:<model>", id="no colon"),
        pytest.param("lexical:x", "judge 'lexical:x' does not exist", id="a model too many"),
        pytest.param("", "judge '' does not exist; there is lexical, oracle, choice", id="empty"),
    ],
)
def test_an_unknown_judge_is_named_with_what_exists(name, message):
    with pytest.raises(InputError, match=message):
        parse_judge_name(name)


def test_defaults_suit_the_source():
    assert default_judges("reviews") == ("lexical", "oracle")
    assert default_judges("imdb") == ("lexical",)
    assert default_judges("hh-rlhf") == ("lexical",)
    assert default_judges("risk") == ("choice",)


@pytest.mark.parametrize("source", ["reviews", "imdb", "hh-rlhf", "risk", "anything"])
def test_with_defaults_no_policy_is_scored_by_the_judge_that_it_was_trained_against(source):
    reward = default_reward(source)
    judges = evaluation_judges(["auto"], source, rewards=[reward] if reward else [])
    assert judges
    signed = None if reward is None else reward_name(reward)
    assert signed not in judges


def test_a_reward_drops_out_of_the_default_judges():
    assert evaluation_judges(["auto"], "reviews", rewards=["oracle"]) == ("lexical",)
    assert evaluation_judges(["auto"], "reviews", rewards=["lexical-train"]) == (
        "lexical",
        "oracle",
    )


@pytest.mark.parametrize(
    ("judges", "source", "reward", "message"),
    [
        pytest.param(["oracle"], "reviews", "oracle", "'oracle' labelled or rewarded", id="named"),
        pytest.param(["auto"], "risk", "choice", "no judge is left", id="the only one"),
        pytest.param(["lexcal"], "imdb", "lexical", "does not exist", id="typo"),
        pytest.param([], "imdb", "lexical", "no judge is left", id="none"),
    ],
)
def test_a_judge_that_would_score_its_own_labels_is_refused(judges, source, reward, message):
    with pytest.raises(InputError, match=message):
        evaluation_judges(judges, source, rewards=[reward])


def test_judges_named_twice_judge_once():
    assert evaluation_judges(["lexical", "auto"], "reviews", rewards=[]) == ("lexical", "oracle")


def test_every_reward_of_every_policy_is_left_out():
    rewards = ["lexical-train", "oracle"]
    assert evaluation_judges(["auto"], "reviews", rewards=rewards) == ("lexical",)
    with pytest.raises(InputError, match="'oracle' labelled or rewarded"):
        evaluation_judges(["oracle"], "reviews", rewards=rewards)
