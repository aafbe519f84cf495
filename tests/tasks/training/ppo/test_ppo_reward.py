"""Who rewards, what it learned from, and what an answer earns."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.demonstrations import Demonstration
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from storage.tables.verdicts import Verdict
from tasks.judging.judge import Question
from tasks.judging.judge_card import JudgeCard
from tasks.judging.make_judge import make_judge
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.update import num_ppo_steps
from tasks.training.reward.reward import make_reward, reward_answers, reward_judge

PRAISE, BLAME = " was a great film.", " was a dull film."


def question(text):
    prompt = Prompt(
        source="reviews",
        split="train",
        messages=(Message("text", "It"),),
        cluster="c",
        origin="test:1",
    )
    completion = Completion(
        prompt_id=prompt.prompt_id,
        policy="",
        text=text,
        sample_index=0,
        temperature=1.0,
        seed=0,
        finish_reason="stop",
        num_tokens=3,
    )
    return Question(prompt, completion)


def demonstrations():
    """Return texts whose labels mean the opposite in the split `judge`."""
    return [
        Demonstration(
            prompt_id=f"p{index}",
            source="reviews",
            split=split,
            messages=(Message("text", "It"),),
            completion=PRAISE if (index % 2 == 0) == (split == "train") else BLAME,
            label="positive" if index % 2 == 0 else "negative",
            origin=f"test:{index}",
        )
        for split in ("train", "judge")
        for index in range(24)
    ]


class SaysInTurn:
    """Fulfils `Judge` with verdicts that are given."""

    name = "given"
    card = JudgeCard(name="given", what="says what it is told")

    def __init__(self, *figures):
        self._figures = figures

    def judge(self, questions):
        return [
            Verdict(completion_a=q.completion.completion_id, judge=self.name, **figure)
            for q, figure in zip(questions, self._figures, strict=True)
        ]


def rewards_of(*figures):
    return reward_answers(SaysInTurn(*figures), [question("x")] * len(figures))


def test_the_reward_learns_from_the_split_train_and_not_from_the_one_of_evaluation():
    rows = {"demonstrations": demonstrations(), "pairs": []}
    reward = make_reward("auto", "reviews", **rows, seed=0, device="cpu")
    evaluation = make_judge("lexical", signed="lexical", split="judge", **rows, seed=0)
    assert (reward.name, evaluation.name) == ("lexical-train", "lexical")
    asked = [question(PRAISE), question(BLAME)]
    earned = reward_answers(reward, asked).values
    scored = [verdict.score for verdict in evaluation.judge(asked)]
    assert (earned[0] > 0.8, earned[1] < 0.2) == (True, True)
    assert (scored[0] < 0.2, scored[1] > 0.8) == (True, True)


def test_another_text_of_the_split_judge_changes_no_reward():
    rows = demonstrations()
    edited = [
        replace(row, completion=" other words") if row.split == "judge" else row for row in rows
    ]
    earned = [
        reward_answers(
            make_reward("auto", "reviews", demonstrations=given, pairs=[], seed=0, device="cpu"),
            [question(PRAISE)],
        ).values
        for given in (rows, edited)
    ]
    assert earned[0] == earned[1]


def test_a_source_whose_only_judge_evaluates_has_no_reward_of_its_own():
    with pytest.raises(InputError, match="source 'risk' would be rewarded by its only judge"):
        reward_judge("auto", "risk")
    assert reward_judge("choice", "risk") == "choice"


def test_too_few_labelled_texts_are_refused():
    with pytest.raises(InputError, match="needs at least 10 texts of each class"):
        make_reward("auto", "imdb", demonstrations=[], pairs=[], seed=0, device="cpu")


def test_a_probability_comes_before_a_score():
    found = rewards_of({"score": 7.0, "probability": 0.9}, {"score": 3.0}, {"probability": 0.0})
    assert found.values == (0.9, 3.0, 0.0)
    assert found.num_unread == 0


@pytest.mark.parametrize(
    ("read", "expected"),
    [((0.9, 0.8), 0.0), ((-2.0, 0.5), -2.0), ((), 0.0)],
    ids=["all good", "scores below 0", "none read"],
)
def test_an_unreadable_answer_never_earns_more_than_a_readable_one(read, expected):
    """Where all that was read is good, the lowest of the batch would reward the unreadable."""
    found = rewards_of(*({"score": score} for score in read), {"choice": "unparsable"})
    assert found.values == (*read, expected)
    assert found.num_unread == 1


def test_every_field_has_a_help_text():
    for name, field in PPOParams.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"reward": "llm:"}, "judge 'llm:' does not exist"),
        ({"asking": {"rubric": "pairwise-overall"}}, "compares two answers"),
        ({"asking": {"rubric": "helpfull"}}, "Did you mean 'helpful'"),
        ({"api": {"batch": True}}, r"api.batch \(true\) takes up to a day"),
        ({"launch": "ddp"}, r"launch \(ddp\) starts child processes"),
        ({"reward": "lexicl"}, "Did you mean 'lexical'"),
        ({"clip": 0}, "greater than 0"),
        ({"gamma": 1.1}, "less than or equal to 1"),
        ({"temperature": 0}, "greater than 0"),
        ({"response_length": 257}, r"response_length \(257\) must together be at most max_tokens"),
        ({"target_kl": 5, "kl_coefficient": 0}, r"target_kl \(5.0\) moves kl_coefficient"),
        ({"epochs": 1.5}, "valid integer"),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused_with_their_values(wrong, message):
    with pytest.raises((ValidationError, InputError), match=message):
        PPOParams(**wrong)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 224),  # 14 iterations of 4 epochs of 128 / 32 minibatches
        ({"samples_per_prompt": 1, "batch_size": 48}, 112),  # 64 / 48 are two minibatches
        ({"gradient_accumulation_steps": 4}, 56),
        ({"max_steps": 100}, 100),
        ({"max_steps": 1000}, 224),
    ],
)
def test_steps_are_the_minibatches_of_all_epochs_and_iterations(changes, expected):
    assert num_ppo_steps(PPOParams(**changes)) == expected
