import pytest

from storage.input_error import InputError
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.evaluation.leak import check_unseen


def prompt(cluster, split, line=1):
    return Prompt(
        source="rows",
        split=split,
        messages=(Message("user", f"question {line}"),),
        cluster=cluster,
        origin=f"rows.jsonl:{line}",
    )


def test_prompts_of_other_clusters_or_splits_are_unseen():
    trained = [prompt("a", "train"), prompt("b", "judge"), prompt("c", "eval")]
    check_unseen([prompt("b", "eval"), prompt("c", "eval")], trained, "prompts 1234")
    check_unseen([prompt("a", "eval")], [], "prompts 1234")


def test_a_near_copy_that_was_trained_on_stops_the_evaluation():
    held_out = [prompt("b", "eval", 7), prompt("a", "eval", 8), prompt("d", "eval", 9)]
    trained = [prompt("a", "train", 1), prompt("d", "train", 2)]
    with pytest.raises(InputError) as caught:
        check_unseen(held_out, trained, "prompts 1234")
    assert "2 of 3 evaluation prompts" in str(caught.value)
    assert "rows.jsonl:8" in str(caught.value)
    assert "prompts 1234" in str(caught.value)
