"""The report: one line a check, and reasons to stop where a check may stop everything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.curation.findings import Report
from tasks.curation.length_bias import LengthBias

LONGER = LengthBias(
    num_pairs=40,
    mean_chosen_tokens=12.0,
    mean_rejected_tokens=8.0,
    difference_tokens=4.0,
    low=3.0,
    high=5.0,
    share_chosen_longer=0.9,
    ratio=1.5,
)


def reported(check, action, num_checked, reasons):
    report = Report("rows")
    report.found(check, action, num_checked, reasons)
    (finding,) = report.findings
    return report, finding


@pytest.mark.parametrize("action", ["quarantine", "warn", "fail"])
def test_what_a_check_found_is_counted_by_reason_with_its_share(action):
    reasons = {"over max_tokens": 3, "empty prompt or answer": 1_200}
    _, finding = reported("length", action, 4_812, reasons)
    assert (finding.source, finding.check_name, finding.action) == ("rows", "length", action)
    assert (finding.num_checked, finding.num_found) == (4_812, 1_203)
    assert (finding.metric, finding.value) == ("share", 0.25)
    assert (finding.low, finding.high) == (None, None)
    assert finding.flagged
    assert finding.detail == "1,200 empty prompt or answer; 3 over max_tokens"


def test_a_check_that_found_nothing_is_reported_and_not_flagged():
    report, finding = reported("overlap", "fail", 100, {})
    assert (finding.num_found, finding.value, finding.flagged, finding.detail) == (0, 0, False, "")
    assert report.failures == ()


def test_without_rows_there_is_no_share():
    _, finding = reported("length", "quarantine", 0, {})
    assert finding.value is None
    assert not finding.flagged


def test_only_a_check_that_may_stop_everything_does_so_and_says_how_to_go_on():
    for action in ("quarantine", "warn"):
        report, _ = reported("overlap", action, 50, {"shares a run of words": 2})
        assert report.failures == ()
    report, _ = reported("overlap", "fail", 50, {"shares a run of words": 2})
    (failure,) = report.failures
    assert failure.startswith("overlap: 2 of 50 examples (shares a run of words); set overlap to")
    assert "'quarantine'" in failure
    assert "'warn'" in failure


def test_several_failures_are_all_told_in_order():
    report = Report("rows")
    report.found("overlap", "fail", 50, {"shares a run of words": 2})
    report.length_bias(LONGER, "fail", "tokens")
    report.splits(["c1", "c1"], ["train", "eval"])
    assert [failure.split(":")[0].split()[0] for failure in report.failures] == [
        "overlap",
        "length_bias",
        "1",
    ]
    assert [finding.check_name for finding in report.findings] == [
        "overlap",
        "length_bias",
        "splits",
    ]


def test_the_difference_in_length_is_told_with_its_interval_and_unit():
    report = Report("rows")
    report.length_bias(LONGER, "warn", "tokens")
    (finding,) = report.findings
    assert (finding.metric, finding.value) == ("difference_tokens", 4.0)
    assert (finding.low, finding.high) == (3.0, 5.0)
    assert (finding.num_checked, finding.num_found, finding.flagged) == (40, 40, True)
    assert finding.detail == (
        "chosen 12.0, rejected 8.0 tokens on average; chosen is longer in 90.0%"
    )
    assert report.failures == ()


def test_lengths_that_are_alike_stop_nothing():
    report = Report("rows")
    report.length_bias(
        LengthBias(
            num_pairs=40,
            mean_chosen_tokens=8.0,
            mean_rejected_tokens=8.0,
            difference_tokens=0.0,
            low=-1.0,
            high=1.0,
            share_chosen_longer=0.5,
            ratio=1.0,
        ),
        "fail",
        "words",
    )
    (finding,) = report.findings
    assert (finding.num_found, finding.flagged) == (0, False)
    assert report.failures == ()


def test_a_cluster_in_two_splits_is_found_as_a_share_of_the_clusters():
    """Of the clusters a, b, c and d only b stands in two splits: one of four."""
    report = Report("rows")
    report.splits(
        ["a", "a", "b", "b", "b", "c", "c", "d"],
        ["train", "train", "train", "eval", "eval", "judge", "judge", "train"],
    )
    (finding,) = report.findings
    assert (finding.num_checked, finding.num_found, finding.value) == (4, 1, 0.25)
    assert finding.flagged
    assert finding.detail == "examples: eval 2, judge 2, train 4"
    assert len(report.failures) == 1


def test_no_rows_at_all_are_in_no_split():
    report = Report("rows")
    report.splits([], [])
    (finding,) = report.findings
    assert (finding.num_checked, finding.value, finding.detail) == (0, None, "examples: none")
    assert report.failures == ()


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["train", "judge", "eval"]))))
def test_splits_are_in_order_whichever_row_comes_first(rows):
    def of(placed):
        report = Report("rows")
        report.splits([cluster for cluster, _ in placed], [split for _, split in placed])
        return report.findings, report.failures

    assert of(rows) == of(sorted(rows))
    torn = {a for a, split in rows for b, other in rows if a == b and split != other}
    assert of(rows)[0][0].num_found == len(torn)


def test_findings_of_two_checks_have_two_ids():
    report = Report("rows")
    report.found("encoding", "warn", 10, {})
    report.found("language", "warn", 10, {})
    first, second = report.findings
    assert first.finding_id != second.finding_id
