"""Prompts that begin alike share a split."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tables.table import Message
from tasks.ingest.params import IngestParams
from tasks.ingest.split import cluster_of, place_prompt, split_of

SHARES = {"judge_share": 0.45, "eval_share": 0.10}


def cluster(text):
    return cluster_of([Message("text", text)])


@pytest.mark.parametrize(
    "variant",
    [
        "What is  this?",
        "WHAT IS THIS",
        "what, is\tthis...",
        "\uff37\uff48\uff41\uff54 is this",
        " what_is-this ",
    ],
)
def test_case_punctuation_space_and_unicode_forms_do_not_make_a_cluster(variant):
    assert cluster(variant) == cluster("What is this?")


def test_other_words_and_signs_without_words_make_other_clusters():
    texts = ["What is this?", "What is that?", "", "???", "!!!", "\u4f60\u597d"]
    assert len({cluster(text) for text in texts}) == len(texts)
    assert all(len(cluster(text)) == 16 for text in texts)


def test_system_messages_and_later_turns_do_not_count():
    assert cluster_of(
        [
            Message("system", "Be kind."),
            Message("user", "Hi!"),
            Message("assistant", "Hello"),
            Message("user", "Bye"),
        ]
    ) == cluster_of([Message("user", "hi")])


def test_shares_are_met():
    """20,000 draws: three standard errors of a share of 0.45 are 0.0106."""
    splits = Counter(split_of(f"{n:016x}", seed=0, **SHARES) for n in range(20_000))
    assert splits["eval"] / 20_000 == pytest.approx(0.10, abs=0.0065)
    assert splits["judge"] / 20_000 == pytest.approx(0.45, abs=0.0106)
    assert splits["train"] / 20_000 == pytest.approx(0.45, abs=0.0106)


@given(st.text(alphabet="0123456789abcdef", min_size=16, max_size=16), st.integers(0, 1000))
def test_a_larger_evaluation_share_only_adds_prompts_to_it(name, seed):
    small = split_of(name, seed=seed, judge_share=0.2, eval_share=0.1)
    large = split_of(name, seed=seed, judge_share=0.2, eval_share=0.3)
    assert small != "eval" or large == "eval"


def test_another_seed_is_another_split():
    names = [f"{n:016x}" for n in range(200)]
    ours = [split_of(name, seed=0, **SHARES) for name in names]
    others = [split_of(name, seed=1, **SHARES) for name in names]
    assert ours != others
    assert ours == [split_of(name, seed=0, **SHARES) for name in names]


def test_prompts_of_one_cluster_are_placed_together():
    params = IngestParams()
    placed = [
        place_prompt(params, (Message("text", text),), origin="here:1")
        for text in ("I bought this", "i bought THIS!")
    ]
    assert placed[0].prompt_id != placed[1].prompt_id
    assert placed[0].cluster == placed[1].cluster
    assert placed[0].split == placed[1].split
