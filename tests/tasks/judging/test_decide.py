"""Two orders become one decision."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tables.verdicts import Verdict
from tasks.judging.comparison import Decision
from tasks.judging.decide import decide

MIRRORED = {"a": "b", "b": "a"}


def verdict(choice, probability=None, *, swapped=False, outcome="ok"):
    return Verdict(
        completion_a="x",
        completion_b="y",
        judge="llm:m",
        swapped=swapped,
        choice=choice,
        probability=probability,
        outcome=outcome,
    )


def both(first, second):
    return decide(first, replace(second, swapped=True))


@pytest.mark.parametrize(
    ("first", "second", "choice", "margin", "agreement"),
    [
        pytest.param("a", "a", "a", 1.0, 1.0, id="both a"),
        pytest.param("b", "b", "b", -1.0, 1.0, id="both b"),
        pytest.param("tie", "tie", "tie", 0.0, 1.0, id="both tie"),
        pytest.param("a", "b", "tie", 0.0, 0.0, id="always the first shown"),
        pytest.param("b", "a", "tie", 0.0, 0.0, id="always the second shown"),
        pytest.param("a", "tie", "tie", 0.5, 0.5, id="a and tie"),
        pytest.param("tie", "b", "tie", -0.5, 0.5, id="tie and b"),
    ],
)
def test_only_what_both_orders_say_is_decided(first, second, choice, margin, agreement):
    found = both(verdict(first), verdict(second))
    assert found == Decision(choice=choice, margin=margin, agreement=agreement)


def test_the_margin_is_the_mean_over_the_orders_of_what_the_probabilities_say():
    found = both(verdict("a", 0.9), verdict("a", 0.6))
    assert found.choice == "a"
    assert found.margin == pytest.approx(0.5)  # (0.8 + 0.2) / 2


def test_a_probability_in_one_order_alone_stands_beside_the_bare_choice_of_the_other():
    assert both(verdict("a", 0.75), verdict("a")).margin == pytest.approx(0.75)  # (0.5 + 1) / 2


@pytest.mark.parametrize(
    ("first", "second", "choice"),
    [
        pytest.param(("a", "ok"), ("unparsable", "ok"), "unparsable", id="unparsable"),
        pytest.param(("a", "ok"), ("unparsable", "refusal"), "unparsable", id="refused"),
        pytest.param(("a", "ok"), (None, "timeout"), "failed", id="failed"),
        pytest.param(("tie", "ok"), (None, "pending"), "pending", id="pending"),
        pytest.param((None, "timeout"), (None, "pending"), "failed", id="failed before pending"),
        pytest.param(
            ("unparsable", "ok"), (None, "timeout"), "unparsable", id="unparsable before failed"
        ),
        pytest.param(
            ("unparsable", "ok"), (None, "pending"), "unparsable", id="unparsable before pending"
        ),
        pytest.param((None, "pending"), (None, "pending"), "pending", id="nothing was asked"),
    ],
)
def test_nothing_is_decided_where_an_order_is_missing(first, second, choice):
    rows = [verdict(said, outcome=outcome) for said, outcome in (first, second)]
    missing = Decision(choice=choice, margin=None, agreement=None)
    assert both(*rows) == both(*reversed(rows)) == missing


def test_a_reply_that_was_cut_behind_its_verdict_counts():
    assert both(verdict("a", outcome="length"), verdict("a")).choice == "a"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(verdict("a"), verdict("a"), id="the same order twice"),
        pytest.param(verdict("a", swapped=True), verdict("a"), id="the other order first"),
        pytest.param(
            verdict("a"), replace(verdict("a", swapped=True), completion_b="z"), id="other answers"
        ),
        pytest.param(
            verdict("a"), replace(verdict("a", swapped=True), judge="llm:n"), id="other judge"
        ),
        pytest.param(
            verdict("a"), replace(verdict("a", swapped=True), rubric="r v2"), id="other rubric"
        ),
        pytest.param(
            replace(verdict("a"), completion_b=None),
            replace(verdict("a", swapped=True), completion_b=None),
            id="scores",
        ),
    ],
)
def test_what_is_not_one_comparison_in_both_orders_is_refused(first, second):
    with pytest.raises(ValueError, match="not the two orders of one comparison"):
        decide(first, second)


VERDICTS = st.builds(
    verdict,
    st.sampled_from(["a", "b", "tie", "unparsable", None]),
    st.none() | st.floats(0, 1),
    outcome=st.sampled_from(["ok", "length", "timeout", "pending"]),
)


def mirrored(said):
    """Return the same reply to the comparison in which a and b are called the other way round."""
    return replace(
        said,
        choice=MIRRORED.get(said.choice, said.choice),
        probability=None if said.probability is None else 1 - said.probability,
    )


@given(VERDICTS, VERDICTS)
def test_swapping_a_and_b_mirrors_the_decision(first, second):
    straight = both(first, second)
    # What was shown first as a is now shown first as b, which is the other order.
    swapped = both(mirrored(second), mirrored(first))
    assert swapped.choice == MIRRORED.get(straight.choice, straight.choice)
    assert swapped.agreement == straight.agreement
    if straight.margin is None:
        assert swapped.margin is None
    else:
        assert swapped.margin == pytest.approx(-straight.margin, abs=1e-12)


@given(st.floats(0, 1))
def test_a_judge_that_only_looks_at_the_position_decides_nothing(first_wins):
    said = "a" if first_wins > 0.5 else "b"
    found = both(verdict(said, first_wins), verdict(MIRRORED[said], 1 - first_wins))
    assert found.choice == "tie"
    assert found.margin == pytest.approx(0.0, abs=1e-12)
    assert found.agreement == 0.0
