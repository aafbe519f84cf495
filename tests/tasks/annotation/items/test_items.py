"""Rows of the store become comparisons for people."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from storage.tables.verdicts import Verdict
from tasks.annotation.comparison_item import ComparisonItem, Response
from tasks.annotation.items.compare_completions import compare_completions
from tasks.annotation.items.compare_pairs import compare_pairs
from tasks.annotation.items.compare_verdicts import compare_verdicts
from tasks.annotation.items.draw_items import draw_items
from tasks.annotation.items.neutral_sides import neutral_sides
from tasks.annotation.params import ComparisonsParams
from tasks.judging.dataset_answers import dataset_answers

PAIR = PreferencePair(
    prompt_id="p1",
    source="rows",
    split="train",
    messages=(Message("user", "Why?"),),
    chosen="Because.",
    rejected="No idea.",
    labeler_kind="dataset",
    labeler="rows",
    origin="rows.jsonl:1",
)


def prompt(text: str, split: str = "train") -> Prompt:
    return Prompt(
        source="rows",
        split=split,
        messages=(Message("user", text),),
        cluster=text,
        origin=f"rows.jsonl:{text}",
    )


def answer(asked: Prompt, text: str, index: int = 0) -> Completion:
    return Completion(
        prompt_id=asked.prompt_id,
        policy=f"model {index}",
        text=text,
        sample_index=index,
        temperature=1.0,
        seed=0,
        finish_reason="stop",
        num_tokens=2,
    )


def both_orders(a: Completion, b: Completion, first: str | None, second: str | None):
    asked = {
        "completion_a": a.completion_id,
        "completion_b": b.completion_id,
        "judge": "llm:m",
        "rubric": "helpful 1",
    }
    return [
        Verdict(**asked, choice=first, swapped=False),
        Verdict(**asked, choice=second, swapped=True),
    ]


def test_a_pair_is_compared_with_the_preferred_answer_as_side_a():
    (item,) = compare_pairs([PAIR])
    assert [response.text for response in item.responses] == ["Because.", "No idea."]
    assert (item.judge, item.judged, item.prompt_id, item.split) == ("rows", "a", "p1", "train")


def test_answers_of_a_data_set_have_the_ids_under_which_a_judge_labels_them_again():
    (item,) = compare_pairs([PAIR])
    ids = [response.completion_id for response in item.responses]
    assert ids == [row.completion_id for row in dataset_answers(PAIR)]


def test_sampled_answers_keep_their_ids():
    (item,) = compare_pairs([replace(PAIR, chosen_id="c1", rejected_id="c2")])
    assert [response.completion_id for response in item.responses] == ["c1", "c2"]


def test_a_pair_of_equal_texts_is_no_comparison():
    assert compare_pairs([replace(PAIR, rejected=PAIR.chosen)]) == []


JUDGED = [
    ("decided", "a", "a", "all", "a"),
    ("decided for b", "b", "b", "all", "b"),
    ("by the order", "a", "b", "undecided", "tie"),
    ("half a tie", "a", "tie", "undecided", "tie"),
    ("a tie twice", "tie", "tie", "tied", "tie"),
    ("unreadable", "a", "unparsable", "all", None),
    ("never answered", "a", None, "all", None),
]


@pytest.mark.parametrize(
    ("first", "second", "which", "judged"),
    [row[1:] for row in JUDGED],
    ids=[row[0] for row in JUDGED],
)
@pytest.mark.parametrize("wanted", ["undecided", "tied", "all"])
def test_verdicts_are_chosen_by_what_both_orders_came_to(first, second, which, judged, wanted):
    asked = prompt("Why?")
    a, b = answer(asked, "Because."), answer(asked, "No idea.", 1)
    outcome = "ok" if second else "server-error"
    verdicts = both_orders(a, b, first, second)
    verdicts[1] = replace(verdicts[1], outcome=outcome)
    items = compare_verdicts(
        verdicts,
        {row.completion_id: row for row in (a, b)},
        {asked.prompt_id: asked},
        wanted,
    )
    assert bool(items) == (wanted in {which, "all"})
    for item in items:
        assert (item.judge, item.judged) == ("llm:m", judged)
        assert [response.policy for response in item.responses] == ["model 0", "model 1"]


def test_scores_and_comparisons_with_one_order_are_left_out():
    asked = prompt("Why?")
    a, b = answer(asked, "Because."), answer(asked, "No idea.", 1)
    alone = both_orders(a, b, "a", "a")[:1]
    score = Verdict(completion_a=a.completion_id, judge="lexical", score=0.5)
    by_id = {row.completion_id: row for row in (a, b)}
    assert compare_verdicts([*alone, score], by_id, {asked.prompt_id: asked}, "all") == []


def test_all_different_answers_to_a_prompt_are_one_comparison_of_at_most_nine():
    many, one = prompt("many"), prompt("one")
    answers = [answer(many, f"text {i % 11}", i) for i in range(30)] + [answer(one, "same", 0)]
    answers.append(answer(one, "same", 1))
    (item,) = compare_completions(answers, {row.prompt_id: row for row in (many, one)})
    assert [response.text for response in item.responses] == [f"text {i}" for i in range(9)]
    assert [response.policy for response in item.responses] == [f"model {i}" for i in range(9)]


def item(number: int, split: str = "train", gold: str | None = None) -> ComparisonItem:
    return ComparisonItem(
        prompt_id=f"p{number}",
        source="rows",
        split=split,
        messages=(),
        origin="",
        gold=gold,
        responses=(
            Response(completion_id=f"c{number}", text="x"),
            Response(completion_id=f"d{number}", text="y"),
        ),
    )


ITEMS = [item(number) for number in range(20)]


@given(st.permutations(ITEMS), st.integers(0, 5))
def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_the_rows(shuffled, seed):
    params = ComparisonsParams(num_comparisons=7, seed=seed)
    drawn = draw_items(shuffled, params, what="pairs")
    assert drawn == draw_items([*ITEMS, ITEMS[3]], params, what="pairs")
    assert len({row.item_id for row in drawn}) == 7


def test_another_seed_draws_others():
    draws = {
        tuple(row.item_id for row in draw_items(ITEMS, ComparisonsParams(seed=seed), what="pairs"))
        for seed in range(5)
    }
    assert len(draws) == 5


def test_gold_items_come_with_every_draw_whatever_their_split():
    gold = [item(100, split="eval", gold="a"), item(101, gold="tie")]
    drawn = draw_items([*gold, *ITEMS], ComparisonsParams(num_comparisons=2), what="pairs")
    assert {row.item_id for row in drawn if row.gold} == {row.item_id for row in gold}
    assert len(drawn) == 4


def test_only_the_split_that_is_asked_for_is_compared():
    rows = [item(1, "train"), item(2, "eval"), item(3, "judge")]
    drawn = draw_items(rows, ComparisonsParams(split="eval"), what="pairs")
    assert [row.prompt_id for row in drawn] == ["p2"]
    assert len(draw_items(rows, ComparisonsParams(split="all"), what="pairs")) == 3


@given(
    st.lists(st.integers(0, 99), min_size=2, max_size=9, unique=True),
    st.integers(0, 8),
    st.booleans(),
)
def test_neutral_sides_keep_what_is_known_of_each_answer(numbers, best, is_tie):
    responses = tuple(Response(completion_id=f"{n:02}", text=f"text {n}") for n in numbers)
    best = best % len(numbers)
    letter = "tie" if is_tie else "abcdefghi"[best]
    named = replace(item(1), responses=responses, judge="m", judged=letter, gold=letter)
    neutral = neutral_sides(named)
    assert [row.completion_id for row in neutral.responses] == sorted(f"{n:02}" for n in numbers)
    assert neutral_sides(neutral) == neutral
    for letter in (neutral.judged, neutral.gold):
        assert letter == "tie" if is_tie else neutral.side(letter) == responses[best]
    assert neutral_sides(replace(named, judged=None, gold=None)).judged is None


def test_no_comparison_of_the_split_is_an_error_that_names_the_others():
    with pytest.raises(InputError, match=r"pairs 12 hold no .* 'train' \(of all splits 1: eval\)"):
        draw_items([item(1, "eval")], ComparisonsParams(), what="pairs 12")
