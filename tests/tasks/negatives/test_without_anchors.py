"""Rejected sides of pairs and bare dispreferred answers, each once."""

from hypothesis import given
from hypothesis import strategies as st

from storage.tables.dispreferred import Dispreferred
from storage.tables.pairs import PreferencePair
from storage.tables.table import Message
from tasks.negatives.without_anchors import without_anchors


def shared(prompt, line):
    return {
        "prompt_id": f"id of {prompt}",
        "source": "rows",
        "split": "train",
        "messages": (Message("user", prompt),),
        "origin": f"rows.jsonl:{line}",
    }


def pair(prompt, chosen, rejected, line=1, labeler="people"):
    return PreferencePair(
        **shared(prompt, line),
        chosen=chosen,
        rejected=rejected,
        labeler_kind="dataset",
        labeler=labeler,
    )


def bare(prompt, rejected, line=1):
    return Dispreferred(**shared(prompt, line), rejected=rejected)


def test_the_rejected_side_of_a_pair_is_taken_and_its_pair_named():
    compared = pair("Why?", " good", " bad", line=3)
    (made,) = without_anchors([compared], [])
    assert (made.rejected, made.pair_id) == (" bad", compared.pair_id)
    assert (made.prompt_id, made.messages) == (compared.prompt_id, compared.messages)
    assert (made.source, made.split, made.origin) == ("rows", "train", "rows.jsonl:3")
    assert (made.anchors, made.anchor_seeds, made.anchor_templates) == ((), (), ())
    assert made.anchor_policy is None


def test_a_bare_answer_names_no_pair():
    disliked = bare("Why?", " bad", line=4)
    (made,) = without_anchors([], [disliked])
    assert (made.rejected, made.pair_id, made.origin) == (" bad", None, "rows.jsonl:4")
    assert (made.prompt_id, made.messages) == (disliked.prompt_id, disliked.messages)


def test_pairs_come_first_and_both_keep_their_order():
    made = without_anchors(
        [pair("b", " x", " 1"), pair("a", " x", " 2")], [bare("d", " 3"), bare("c", " 4")]
    )
    assert [row.rejected for row in made] == [" 1", " 2", " 3", " 4"]


def test_an_answer_that_is_rejected_against_two_others_counts_once():
    first = pair("Why?", " good", " bad")
    rows = [first, pair("Why?", " better", " bad"), pair("Why?", " good", " bad", labeler="others")]
    (made,) = without_anchors(rows, [bare("Why?", " bad")])
    assert made.pair_id == first.pair_id


def test_the_same_answer_to_two_prompts_counts_twice():
    made = without_anchors([pair("Why?", " good", " bad")], [bare("How?", " bad")])
    assert [row.prompt_id for row in made] == ["id of Why?", "id of How?"]


def test_an_answer_that_is_chosen_here_and_rejected_there_is_a_negative():
    """Labels of people contradict each other; neither row is dropped for the other."""
    made = without_anchors([pair("Why?", " a", " b"), pair("Why?", " b", " a")], [])
    assert [row.rejected for row in made] == [" b", " a"]


def test_nothing_gives_nothing():
    assert without_anchors([], []) == []


def test_streams_will_do():
    made = without_anchors(iter([pair("Why?", " good", " bad")]), iter([bare("How?", " bad")]))
    assert len(made) == 2


prompts, texts = st.sampled_from("pqr"), st.sampled_from([" a", " b", " c"])
pairs = st.lists(st.builds(pair, prompts, texts, texts), max_size=8)
bares = st.lists(st.builds(bare, prompts, texts), max_size=8)


@given(pairs, bares)
def test_every_rejected_answer_is_there_once_under_its_own_prompt(compared, disliked):
    made = [(row.prompt_id, row.rejected) for row in without_anchors(compared, disliked)]
    assert len(made) == len(set(made))
    assert set(made) == {(row.prompt_id, row.rejected) for row in [*compared, *disliked]}
    named = {row.rejected for row in without_anchors(compared, disliked) if row.pair_id is None}
    assert named <= {row.rejected for row in disliked}


@given(pairs, bares)
def test_what_is_listed_twice_changes_nothing(compared, disliked):
    once = without_anchors(compared, disliked)
    assert without_anchors(compared * 2, disliked * 2) == once
