from dataclasses import replace

import pyarrow.parquet as pq

from storage.tables.reference_logps import REFERENCE_LOGPS
from tasks.sampling.encoding import Encoded
from tasks.training.preference.preference_batch import PreferenceExample
from tasks.training.reference.known_logps import tokens_sha256, with_known_logps
from tasks.training.reference.logp_files import KnownLogps


def example(*responses, prompt=(1, 2)):
    return PreferenceExample(
        encoded=tuple(Encoded(prompt_ids=prompt, completion_ids=ids) for ids in responses)
    )


def scorer():
    """Return a reference that says minus the sum of a response's ids, and what it was asked."""
    asked = []

    def score(examples):
        asked.extend(examples)
        return [
            replace(item, ref_logps=tuple(-float(sum(row.completion_ids)) for row in item.encoded))
            for item in examples
        ]

    return score, asked


EXAMPLES = [example((3, 4), (5,)), example((6,), (7, 8))]


def handed_on(files):
    """Give the next run what this one left."""
    files.scored.rename(files.known)


def test_what_one_run_computed_the_next_does_not(tmp_path):
    files = KnownLogps(tmp_path)
    score, asked = scorer()
    first = with_known_logps(EXAMPLES, ["a", "b"], score, tmp_path, bf16=False)
    assert [item.ref_logps for item in first] == [(-7.0, -5.0), (-6.0, -15.0)]
    assert asked == EXAMPLES
    handed_on(files)
    score, asked = scorer()
    assert with_known_logps(EXAMPLES, ["a", "b"], score, tmp_path, bf16=False) == first
    assert asked == []
    assert not files.scored.exists()


def test_only_examples_with_an_unknown_response_are_scored_and_join_the_known_ones(tmp_path):
    files = KnownLogps(tmp_path)
    with_known_logps(EXAMPLES, ["a", "b"], scorer()[0], tmp_path, bf16=False)
    handed_on(files)
    longer = [EXAMPLES[1], example((6,), (7, 9))]
    score, asked = scorer()
    scored = with_known_logps(longer, ["b", "c"], score, tmp_path, bf16=False)
    assert asked == [longer[1]]
    assert [item.ref_logps for item in scored] == [(-6.0, -15.0), (-6.0, -16.0)]
    handed_on(files)
    score, asked = scorer()
    with_known_logps([*EXAMPLES, *longer], ["a", "b", "b", "c"], score, tmp_path, bf16=False)
    assert asked == []


def test_other_tokens_of_the_prompt_are_another_response(tmp_path):
    files = KnownLogps(tmp_path)
    with_known_logps(EXAMPLES, ["a", "b"], scorer()[0], tmp_path, bf16=False)
    handed_on(files)
    score, asked = scorer()
    truncated = [example((3, 4), (5,), prompt=(2,))]
    with_known_logps(truncated, ["a"], score, tmp_path, bf16=False)
    assert asked == truncated


def test_other_arithmetic_is_computed_anew(tmp_path):
    files = KnownLogps(tmp_path)
    with_known_logps(EXAMPLES, ["a", "b"], scorer()[0], tmp_path, bf16=False)
    handed_on(files)
    score, asked = scorer()
    with_known_logps(EXAMPLES, ["a", "b"], score, tmp_path, bf16=True)
    assert asked == EXAMPLES
    handed_on(files)
    for bf16 in (False, True):  # the one did not take the place of the other
        score, asked = scorer()
        with_known_logps(EXAMPLES, ["a", "b"], score, tmp_path, bf16=bf16)
        assert asked == []


def test_a_response_of_two_rows_is_kept_for_both(tmp_path):
    files = KnownLogps(tmp_path)
    with_known_logps([EXAMPLES[0]] * 2, ["a", "b"], scorer()[0], tmp_path, bf16=False)
    rows = REFERENCE_LOGPS.from_arrow(pq.read_table(files.scored))
    assert sorted((row.row_id, row.response, row.logp) for row in rows) == [
        ("a", 0, -7.0),
        ("a", 1, -5.0),
        ("b", 0, -7.0),
        ("b", 1, -5.0),
    ]


def test_where_a_prompt_ends_matters():
    """The same ids, parted elsewhere, are scored elsewhere."""
    one = Encoded(prompt_ids=(1, 2), completion_ids=(3,))
    other = Encoded(prompt_ids=(1,), completion_ids=(2, 3))
    assert tokens_sha256(one) != tokens_sha256(other)


def test_without_a_place_everything_is_scored():
    score, asked = scorer()
    with_known_logps(EXAMPLES, ["a", "b"], score, None, bf16=False)
    assert asked == EXAMPLES
