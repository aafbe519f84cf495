"""Best against worst: which pairs come of scored answers, and what is counted."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from storage.tables.verdicts import Verdict
from tasks.pairs.best_worst import best_worst


def prompt(name):
    return Prompt(
        source="reviews",
        split="train",
        messages=(Message("text", name),),
        cluster=name,
        origin=f"{name}:1",
    )


def answer(asked, index, text=None):
    return Completion(
        prompt_id=asked.prompt_id,
        policy="sft",
        text=text if text is not None else f" answer {index}",
        sample_index=index,
        temperature=1.0,
        seed=0,
        finish_reason="stop",
        num_tokens=3,
    )


def verdict(of, score):
    choice = "unparsable" if score is None else None
    return Verdict(completion_a=of.completion_id, judge="lexical-train", score=score, choice=choice)


def judged(name, scores, texts=None):
    asked = prompt(name)
    answers = [answer(asked, i, texts[i] if texts else None) for i in range(len(scores))]
    return asked, answers, [verdict(a, s) for a, s in zip(answers, scores, strict=True)]


def test_the_best_answer_is_chosen_and_the_worst_rejected():
    asked, answers, verdicts = judged("p", [0.4, 0.9, 0.1, 0.5])
    result = best_worst([asked], answers, verdicts, min_margin=0.1)
    (pair,) = result.pairs
    assert (pair.chosen, pair.rejected) == (" answer 1", " answer 2")
    assert (pair.chosen_id, pair.rejected_id) == (
        answers[1].completion_id,
        answers[2].completion_id,
    )
    assert pair.margin == pytest.approx(0.8)
    assert (pair.labeler_kind, pair.labeler) == ("judge", "lexical-train")
    assert (pair.prompt_id, pair.split, pair.origin) == (asked.prompt_id, "train", "p:1")


def test_every_prompt_without_a_pair_is_counted_under_its_reason():
    cases = [
        judged("clear", [0.9, 0.1]),
        judged("tie", [0.5, 0.55]),
        judged("equal scores", [0.5, 0.5]),
        judged("same text", [0.9, 0.1], texts=[" same", " same"]),
        judged("one readable", [0.9, None]),
        judged("none readable", [None, None]),
    ]
    # two draws of one text differ in their sample index only, and so in their id
    result = best_worst(
        [asked for asked, _, _ in cases],
        [row for _, answers, _ in cases for row in answers],
        [row for _, _, verdicts in cases for row in verdicts],
        min_margin=0.1,
    )
    counts = result.counts
    assert (counts.num_prompts, counts.num_pairs, counts.num_ties) == (6, 1, 2)
    assert (counts.num_same_text, counts.num_too_few, counts.num_unparsable) == (1, 2, 3)


def test_among_equal_scores_the_earlier_sample_is_taken_whatever_the_order_of_the_rows():
    asked, answers, verdicts = judged("p", [0.9, 0.1, 0.9, 0.1])
    for rows in (answers, answers[::-1]):
        (pair,) = best_worst([asked], rows, verdicts[::-1], min_margin=0.0).pairs
        assert (pair.chosen, pair.rejected) == (" answer 0", " answer 1")


def test_equal_scores_are_a_tie_even_without_a_margin():
    asked, answers, verdicts = judged("p", [0.5, 0.5])
    assert best_worst([asked], answers, verdicts, min_margin=0.0).counts.num_ties == 1


def test_scores_of_two_judges_are_not_compared():
    asked, answers, verdicts = judged("p", [0.9, 0.1])
    mixed = [verdicts[0], replace(verdicts[1], judge="oracle")]
    with pytest.raises(ValueError, match="different judges"):
        best_worst([asked], answers, mixed, min_margin=0.0)


def test_an_answer_without_a_verdict_takes_no_part():
    asked, answers, verdicts = judged("p", [0.9, 0.1, 0.5])
    (pair,) = best_worst([asked], answers, [verdicts[0], verdicts[2]], min_margin=0.0).pairs
    assert pair.rejected == " answer 2"


scores = st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=6)


@given(st.lists(scores, max_size=5), st.floats(0, 1))
def test_no_prompt_is_lost_and_a_pair_is_never_closer_than_the_margin(all_scores, min_margin):
    cases = [judged(f"prompt {index}", given) for index, given in enumerate(all_scores)]
    result = best_worst(
        [asked for asked, _, _ in cases],
        [row for _, answers, _ in cases for row in answers],
        [row for _, _, verdicts in cases for row in verdicts],
        min_margin=min_margin,
    )
    counts = result.counts
    ended = counts.num_pairs + counts.num_ties + counts.num_same_text + counts.num_too_few
    assert ended == counts.num_prompts == len(cases)
    assert all(pair.margin >= min_margin for pair in result.pairs)
    assert all(pair.margin > 0 for pair in result.pairs)
