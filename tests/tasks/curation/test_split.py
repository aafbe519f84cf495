from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tables.table import Message
from tasks.curation.split import cluster_of, opening_of, split_of

SHARES = {"judge_share": 0.45, "eval_share": 0.10}


def cluster(text):
    return cluster_of(opening_of([Message("text", text)]))


@pytest.mark.parametrize(
    "other",
    ["The film IS good!", "the  film\nis good", "The film, is good.", "\uff34he film is good"],
    ids=["case", "white space", "punctuation", "compatibility form"],
)
def test_openings_that_differ_in_form_only_share_a_cluster(other):
    assert cluster(other) == cluster("The film is good")


def test_other_words_make_another_cluster():
    assert cluster("The film is good") != cluster("The film is bad")


def test_only_the_first_message_that_is_not_a_system_message_counts():
    longer = [Message("system", "be kind"), Message("user", "Hi!"), Message("assistant", "Hello")]
    assert opening_of(longer) == opening_of([Message("user", "hi")])


def test_shares_of_the_splits_are_those_asked_for():
    splits = Counter(split_of(f"{n:016x}", seed=0, **SHARES) for n in range(20_000))
    # three standard deviations of a binomial share of 0.45 at n = 20,000 are 0.011
    assert splits["judge"] / 20_000 == pytest.approx(0.45, abs=0.011)
    assert splits["eval"] / 20_000 == pytest.approx(0.10, abs=0.011)
    assert set(splits) == {"train", "judge", "eval"}


@given(st.text(min_size=1), st.integers(0, 100))
def test_a_larger_eval_share_only_adds_prompts_to_eval(name, seed):
    small = split_of(name, seed=seed, judge_share=0.2, eval_share=0.1)
    large = split_of(name, seed=seed, judge_share=0.2, eval_share=0.3)
    assert large == "eval" if small == "eval" else True


def test_the_seed_decides():
    names = [f"{n:016x}" for n in range(200)]
    ours = [split_of(name, seed=0, **SHARES) for name in names]
    others = [split_of(name, seed=1, **SHARES) for name in names]
    assert ours != others
    assert ours == [split_of(name, seed=0, **SHARES) for name in names]
