"""What a lexical judge learns from."""

import pytest

from storage.input_error import InputError
from storage.tables.demonstrations import Demonstration
from storage.tables.pairs import PreferencePair
from storage.tables.table import Message
from tasks.judging.lexical_examples import lexical_examples


def demonstration(index, label):
    return Demonstration(
        prompt_id=f"p{index}",
        source="imdb",
        split="judge",
        messages=(Message("text", "The film"),),
        completion=f" text {index}",
        label=label,
        origin=f"f:{index}",
    )


def pair(index, rejected=None):
    return PreferencePair(
        prompt_id=f"p{index}",
        source="hh-rlhf",
        split="judge",
        messages=(Message("user", "?"),),
        chosen=f" good {index}",
        rejected=rejected or f" bad {index}",
        labeler_kind="dataset",
        labeler="hh-rlhf",
        origin=f"f:{index}",
    )


def test_labelled_demonstrations_become_examples_and_unlabelled_ones_do_not():
    rows = [demonstration(i, ("positive", "negative", None)[i % 3]) for i in range(33)]
    examples = lexical_examples(rows, [pair(1)])
    assert examples.texts[:2] == (" text 0", " text 1")
    assert examples.labels == (1, 0) * 11
    assert examples.groups[:3] == ("p0", "p1", "p3")


def test_without_labels_chosen_answers_are_one_class_and_rejected_ones_the_other():
    examples = lexical_examples([demonstration(0, None)], [pair(i) for i in range(10)])
    assert examples.texts[:2] == (" good 0", " bad 0")
    assert examples.labels == (1, 0) * 10
    assert examples.groups[:2] == ("p0", "p0")


def test_pairs_of_one_text_say_nothing():
    rows = [*(pair(i) for i in range(10)), pair(99, rejected=" good 99")]
    assert len(lexical_examples([], rows).texts) == 20


@pytest.mark.parametrize(
    ("demonstrations", "pairs"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([], [pair(i) for i in range(9)], id="nine pairs"),
        pytest.param([demonstration(i, "positive") for i in range(50)], [], id="one class"),
        pytest.param([demonstration(i, None) for i in range(50)], [], id="no label"),
    ],
)
def test_too_little_to_learn_from_is_refused_with_the_counts(demonstrations, pairs):
    with pytest.raises(InputError, match=r"at least 10 texts of each class and got \d+ positive"):
        lexical_examples(demonstrations, pairs)
