"""Whose choice a judge is measured by: people who were asked, otherwise the data set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tables.completions import Completion
from storage.tables.labels import HumanLabel
from storage.tables.verdicts import Verdict
from tasks.judging.agreement import agreement
from tasks.judging.human_choice import human_choices, latest_labels
from tasks.judging.judged_comparison import judged_comparisons

OPPOSITE = {"a": "b", "b": "a"}


def answer(prompt, text, policy="policy"):
    return Completion(
        prompt_id=prompt,
        policy=policy,
        text=text,
        sample_index=0,
        temperature=1.0,
        seed=0,
        finish_reason="stop",
        num_tokens=1,
    )


def label(choice, annotator="anna", completions=("x", "y"), at=0, **more):
    known = {
        "comparison_id": " ".join(completions),
        "prompt_id": "p",
        "completions": tuple(completions),
        "annotator": annotator,
        "choice": choice,
        "shown_order": "ab",
        "seconds": 1.0,
        "queue": "q",
        "labelled_at": f"2026-01-01T00:00:{at:02d}+00:00",
    }
    return HumanLabel(**(known | more))


def labels_of(said, **more):
    """Return a label of each of as many people as there are words."""
    return [label(choice, f"p{number}", **more) for number, choice in enumerate(said.split())]


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        pytest.param("a", "a", id="one label"),
        pytest.param("a b b", "b", id="two to one"),
        pytest.param("a b", "tie", id="one to one"),
        pytest.param("a a b tie", "a", id="a plurality"),
        pytest.param("a a b b tie", "tie", id="two leaders"),
        pytest.param("both_bad", "tie", id="both bad"),
        pytest.param("tie both_bad a", "tie", id="a tie and both bad are two ties"),
        pytest.param("skip skip b", "b", id="skips say nothing"),
        pytest.param("skip", None, id="only skips"),
        pytest.param("", None, id="nobody"),
    ],
)
def test_what_most_people_chose_is_their_choice(said, choice):
    expected = (
        {} if choice is None else {("x", "y"): choice, ("y", "x"): OPPOSITE.get(choice, choice)}
    )
    assert human_choices(labels_of(said)) == expected


def test_labels_of_both_orders_of_two_answers_count_together():
    labels = [*labels_of("a a"), *labels_of("b b b", completions=("y", "x"), queue="other")]
    assert human_choices(labels)["x", "y"] == "a"
    labels = [*labels_of("a a"), *labels_of("a a a", completions=("y", "x"), queue="other")]
    assert human_choices(labels)["x", "y"] == "b"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"is_gold": True}, id="a gold item"),
        pytest.param({"completions": ("x", "y", "z")}, id="three answers"),
        pytest.param({"completions": ("x", "z")}, id="other answers"),
        pytest.param({"completions": ("x",)}, id="one answer"),
        pytest.param({"choice": "skip"}, id="a skip"),
        pytest.param({"choice": "good"}, id="no known word"),
    ],
)
def test_what_says_nothing_about_two_answers_is_left_out(other):
    labels = [*labels_of("a"), label(**({"choice": "b", "annotator": "zoe"} | other))]
    assert human_choices(labels)["x", "y"] == "a"


def test_an_adjudication_settles_it_and_the_last_one_of_several():
    labels = labels_of("a a a", at=9)
    first = label("b", "admin", at=5, is_adjudication=True)
    second = label("both_bad", "other", at=7, is_adjudication=True)
    skipped = label("skip", "third", at=8, is_adjudication=True)
    assert human_choices([*labels, first])["x", "y"] == "b"
    assert human_choices([second, *labels, first])["x", "y"] == "tie"
    assert human_choices([*labels, first, second, skipped])["x", "y"] == "tie"


def test_a_label_that_was_frozen_twice_counts_once_and_a_later_one_instead_of_it():
    """A queue that is collected again has its earlier labels again."""
    once = labels_of("a b b")
    assert human_choices([*once, once[0], once[0]])["x", "y"] == "b"
    changed = [label("a", f"p{number}", at=1) for number in (1, 2)]
    assert human_choices([*changed, *once])["x", "y"] == "a"
    assert latest_labels([*changed, *once]) == [once[0], *changed]


def test_one_person_in_two_queues_was_asked_twice():
    labels = [label("a"), label("b", at=1, queue="other")]
    assert human_choices(labels)["x", "y"] == "tie"


def test_who_adjudicates_again_has_the_last_word():
    labels = [
        label(choice, admin, at=at, is_adjudication=True)
        for at, (admin, choice) in enumerate([("one", "a"), ("other", "b"), ("one", "tie")])
    ]
    assert human_choices(labels)["x", "y"] == "tie"


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "tie", "both_bad", "skip"]), st.booleans())),
    st.randoms(use_true_random=False),
)
def test_names_of_answers_and_the_order_of_labels_change_nothing(said, shuffler):
    labels = [label(choice, f"p{number}") for number, (choice, _) in enumerate(said)]
    turned = [
        label(OPPOSITE.get(choice, choice), f"p{number}", ("y", "x")) if is_turned else one
        for number, ((choice, is_turned), one) in enumerate(zip(said, labels, strict=True))
    ]
    assert human_choices(shuffler.sample(turned, len(turned))) == human_choices(labels)


CHOSEN = [answer(f"p{number}", "good", "dataset:chosen") for number in range(3)]
REJECTED = [answer(f"p{number}", "bad", "dataset:rejected") for number in range(3)]
COMPLETIONS = [*CHOSEN, *REJECTED]


def judged(labels):
    """Return what people say where a judge calls the data set's preferred answer b."""
    pairs = list(zip(REJECTED, CHOSEN, strict=True))
    verdicts = [
        Verdict(
            completion_a=rejected.completion_id,
            completion_b=chosen.completion_id,
            judge="m",
            choice="b",
            swapped=swapped,
        )
        for rejected, chosen in pairs
        for swapped in (False, True)
    ]
    return judged_comparisons(verdicts, COMPLETIONS, labels)


def about(number, choice, annotator="anna"):
    completions = (CHOSEN[number].completion_id, REJECTED[number].completion_id)
    return label(choice, annotator, completions)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param([], ["b", "b", "b"], id="the data set's own"),
        pytest.param([about(1, "b")], ["b", "a", "b"], id="people who were asked say otherwise"),
        pytest.param([about(0, "skip"), about(2, "tie")], ["b", "b", "tie"], id="a skip, a tie"),
        pytest.param([about(1, "a"), about(1, "b", "ben")], ["b", "tie", "b"], id="they disagree"),
    ],
)
def test_people_who_were_asked_come_before_the_data_set(labels, expected):
    assert [row.label for row in judged(labels)] == expected


def test_kappa_is_with_people_who_were_asked():
    (judge,) = agreement(judged([about(0, "b"), about(1, "tie")]))
    assert judge.confusion == ((0, 0, 0), (1, 1, 1), (0, 0, 0))
    assert (judge.accuracy.count, judge.accuracy.num) == (1, 3)
