"""Which examples are refused, for which reason, and in which split the others are."""

from collections import Counter
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.tables.examples import Example
from storage.tables.table import Message
from tasks.curation.curate import curate
from tasks.curation.params import CurateParams
from tasks.curation.split import cluster_of, opening_of, split_of

CHECKS = {
    "equal_answers",
    "special_tokens",
    "encoding",
    "length",
    "duplicates",
    "near_duplicates",
    "overlap",
    "length_bias",
    "splits",
}


def example(prompt, chosen=" yes", rejected=" no", **fields):
    messages = (Message("user", prompt),)
    given_fields = {"file": "rows.jsonl", "line": 1, **fields}
    return Example(
        source="rows", messages=messages, chosen=chosen, rejected=rejected, **given_fields
    )


def curated(examples, **params):
    return curate(batches_of(examples, 2), CurateParams(**params), source="rows")


def batches_of(examples, size):
    def batches(wanted):
        left = (
            [row for row, is_wanted in zip(examples, wanted, strict=True) if is_wanted]
            if wanted is not None
            else examples
        )
        return [left[start : start + size] for start in range(0, len(left), size)]

    return batches


def found(curation):
    return {finding.check_name: finding for finding in curation.findings}


def prompt_in(split, words="question {n}"):
    """Return the first prompt of a form that falls into a split."""
    for n in count():
        text = words.format(n=n)
        cluster = cluster_of(opening_of([Message("user", text)]))
        if split_of(cluster, seed=0, judge_share=0.45, eval_share=0.10) == split:
            return text
    raise AssertionError


def test_good_examples_pass_and_every_check_reports():
    curation = curated([example(prompt_in("train", f"{word} {{n}}")) for word in "abcd"])
    assert curation.refused == {}
    assert curation.failures == ()
    assert set(found(curation)) == CHECKS
    assert not any(finding.num_found for finding in curation.findings)
    assert set(curation.splits) == {"train"}


@pytest.mark.parametrize(
    ("check", "bad", "reason"),
    [
        pytest.param(
            "equal_answers",
            example("q", " Yes.", " yes"),
            "chosen equals rejected but for case, punctuation or white space",
            id="equal answers",
        ),
        pytest.param("length", example("q", " a" * 5000), "over max_tokens", id="over-long"),
        pytest.param("length", example("q", "  "), "empty prompt or answer", id="blank answer"),
        pytest.param("length", example(""), "empty prompt or answer", id="empty prompt"),
        pytest.param(
            "special_tokens",
            example("q", " a <|endoftext|> b"),
            "special token in the text",
            id="special token in an answer",
        ),
        pytest.param(
            "special_tokens",
            example("[INST] q"),
            "special token in the text",
            id="special token in the prompt",
        ),
        pytest.param(
            "special_tokens",
            example("q", None, None, negatives=("a<|im_end|>",)),
            "special token in the text",
            id="special token in a dispreferred answer",
        ),
    ],
)
def test_a_bad_row_is_refused_warned_of_or_not_looked_at(check, bad, reason):
    rows = [example("first"), bad, example("last")]
    refusing = curated(rows, **{check: "quarantine"})
    assert refusing.refused == {1: reason}
    assert refusing.refused_rows == {reason: 1}
    warning = curated(rows, **{check: "warn"})
    assert warning.refused == {}
    assert (found(warning)[check].num_found, found(warning)[check].flagged) == (1, True)
    silent = curated(rows, **{check: "off"})
    assert silent.refused == {}
    assert check not in found(silent) or found(silent)[check].num_found == 0


def test_a_row_that_repeats_another_in_other_form_is_refused_and_the_first_one_stays():
    curation = curated([example("A b?"), example("a  B"), example("a b", " other")])
    assert list(curation.refused) == [1]
    assert found(curation)["duplicates"].num_found == 1


def test_the_copy_of_a_refused_row_is_refused_for_its_own_fault():
    curation = curated([example("q", ""), example("Q", ""), example("q")])
    assert set(curation.refused.values()) == {"empty prompt or answer"}
    assert list(curation.refused) == [0, 1]


def test_near_duplicates_share_a_split_whatever_becomes_of_them():
    """Left to its own hash the second question would be in another split than the first."""
    words = "why does the old clock on the wall of the village school strike thirteen at noon {n}"
    first, second = prompt_in("eval", words), prompt_in("train", words)
    curation = curated([example(first), example(second)], near_duplicate_threshold=0.7)
    assert curation.splits == ["eval", "eval"]
    assert curation.refused == {}
    assert found(curation)["near_duplicates"].num_found == 1
    strict = curated(
        [example(first), example(second)],
        near_duplicates="quarantine",
        near_duplicate_threshold=0.7,
    )
    assert list(strict.refused) == [1]
    assert curated([example(first), example(second)], near_duplicates="off").splits == [
        "eval",
        "train",
    ]


SHARED = "one two three four five six seven eight nine ten eleven twelve thirteen"


def leaking():
    """An evaluation prompt, and training rows that repeat 13 and 12 words of it."""
    twelve = SHARED.rsplit(maxsplit=1)[0]
    return [
        example(prompt_in("eval", f"{{n}} {SHARED}")),
        example(prompt_in("train", "other {n}"), f" well, {SHARED.upper()}!"),
        example(prompt_in("train", "another {n}"), f" {twelve} and no more"),
    ]


def test_a_training_row_with_thirteen_words_of_an_evaluation_prompt_is_refused():
    curation = curated(leaking())
    assert curation.splits == ["eval", "train", "train"]
    assert curation.refused == {1: "shares a run of words with an evaluation prompt"}


def test_the_gate_can_stop_everything():
    curation = curated(leaking(), overlap="fail")
    assert curation.refused == {}
    (failure,) = curation.failures
    assert "overlap: 1 of 3 examples" in failure
    assert "quarantine" in failure


def test_what_was_taken_out_no_longer_overlaps():
    rows = leaking()
    refused = curated(rows).refused
    left = [row for index, row in enumerate(rows) if index not in refused]
    assert found(curated(left))["overlap"].num_found == 0


def test_longer_chosen_answers_are_flagged_with_an_interval():
    """Chosen has 6 words, rejected 2: the difference is 4 in every pair."""
    rows = [
        example(prompt_in("train", f"{word} {{n}}"), f" {word} b c d e f", f" {word} b")
        for word in ("red", "green", "blue", "white", "black")
    ]
    finding = found(curated(rows))["length_bias"]
    assert finding.flagged
    assert finding.metric == "difference_words"
    assert (finding.value, finding.low, finding.high) == pytest.approx((4, 4, 4))
    assert curated(rows, length_bias="fail").failures
    assert "length_bias" not in found(curated(rows, length_bias="off"))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["q", "Q!", "r", ""]), st.sampled_from([" a", " A.", " b", ""])),
        max_size=12,
    )
)
def test_no_row_gets_lost(rows):
    examples = [example(prompt, chosen, " c") for prompt, chosen in rows]
    curation = curated(examples)
    kept = [row for index, row in enumerate(examples) if index not in curation.refused]
    assert len(kept) + sum(curation.refused_rows.values()) == len(examples)
    assert len(curation.splits) == len(curation.clusters) == len(examples)
    forms = Counter(
        (row.messages[0].content.strip("!?").lower(), row.chosen.strip(" .").lower())
        for row in kept
    )
    assert set(forms.values()) <= {1}


def test_batches_do_not_matter():
    rows = leaking() + [example(f"q {n}", f" a {n}") for n in range(20)]
    whole, parts = (
        curate(batches_of(rows, size), CurateParams(), source="rows") for size in (len(rows), 3)
    )
    assert parts == whole
