"""Which prompts are asked."""

import random

import pytest

from storage.input_error import InputError
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.judging.draw_prompts import draw_prompts


def prompt(index, *, split="eval", cluster=None):
    return Prompt(
        source="imdb",
        split=split,
        messages=(Message("text", f"prompt {index}"),),
        cluster=cluster or f"c{index}",
        origin=f"f:{index}",
    )


PROMPTS = [prompt(i, split=("train", "eval")[i % 2]) for i in range(40)]


def test_the_draw_does_not_depend_on_the_order_of_the_rows():
    shuffled = random.Random(0).sample(PROMPTS, k=len(PROMPTS))
    drawn = draw_prompts(PROMPTS, split="eval", num_prompts=7, seed=0)
    assert drawn == draw_prompts(shuffled, split="eval", num_prompts=7, seed=0)


def test_a_larger_draw_contains_the_smaller_one_and_another_seed_draws_others():
    drawn = draw_prompts(PROMPTS, split="eval", num_prompts=12, seed=0)
    assert drawn[:5] == draw_prompts(PROMPTS, split="eval", num_prompts=5, seed=0)
    assert drawn != draw_prompts(PROMPTS, split="eval", num_prompts=12, seed=1)


def test_only_the_split_is_asked_and_fewer_prompts_are_no_error():
    drawn = draw_prompts(PROMPTS, split="eval", num_prompts=999, seed=0)
    assert len(drawn) == 20
    assert {row.split for row in drawn} == {"eval"}


def test_near_copies_are_asked_once():
    rows = [prompt(i, cluster=f"c{i % 3}") for i in range(12)]
    drawn = draw_prompts(rows, split="eval", num_prompts=12, seed=0)
    assert sorted(row.cluster for row in drawn) == ["c0", "c1", "c2"]


def test_an_empty_split_is_an_input_error_that_says_which_splits_exist():
    with pytest.raises(
        InputError, match=r"none of 40 prompts .* 'judge' \(there is: eval, train\)"
    ):
        draw_prompts(PROMPTS, split="judge", num_prompts=3, seed=0)
