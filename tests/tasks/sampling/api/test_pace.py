"""Limits of requests and tokens a minute."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.sampling.api.pace import Pace

ROUNDING = 1e-6


def starts(per_minute: int | None, units: list[int], gaps: list[float]) -> list[float]:
    """Return when calls start that come after these gaps and each start as soon as they may."""
    pace, now, at = Pace(per_minute), 0.0, []
    for number, gap in zip(units, gaps, strict=True):
        now = pace.ready_at(number, now + gap)
        pace.take(number, now)
        at.append(now)
    return at


def test_calls_are_evenly_spaced_from_the_first() -> None:
    assert starts(120, [1] * 5, [0.0] * 5) == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0])


def test_time_without_calls_is_not_saved_up() -> None:
    # 60 a minute, idle until second 100: the calls then are a second apart as before.
    at = starts(60, [1] * 4, [0.0, 100.0, 0.0, 0.0])
    assert at == pytest.approx([0.0, 100.0, 101.0, 102.0])


def test_large_calls_wait_until_the_minute_has_room_for_them() -> None:
    # 1,000 a minute. 600 at 0; another 600 fit only when the first are a minute old; 300 fit 36 s
    # after that by the spacing.
    assert starts(1000, [600, 600, 300], [0.0] * 3) == pytest.approx([0.0, 60.0, 96.0])


def test_a_call_beyond_the_limit_has_a_minute_for_itself() -> None:
    # 100 a minute: the 250 wait for the 50 to be a minute old; they take two and a half minutes.
    assert starts(100, [50, 250, 1], [0.0] * 3) == pytest.approx([0.0, 60.0, 210.0])


def test_no_limit_is_no_wait() -> None:
    assert starts(None, [10**9] * 3, [0.0] * 3) == [0.0] * 3


def test_what_is_given_back_can_be_used_again() -> None:
    pace = Pace(60)
    busy = pace.take(1, 0.0)
    assert pace.ready_at(1, 0.0) == pytest.approx(1.0)
    pace.give_back(busy)
    assert pace.ready_at(1, 0.0) == 0.0
    pace.take(1, 0.0)
    pace.give_back(pace.take(1, 1.0))
    assert pace.ready_at(1, 1.0) == pytest.approx(1.0)
    assert pace.ready_at(1, 61.5) == pytest.approx(61.5)


def test_what_is_given_back_after_its_minute_frees_nothing_twice() -> None:
    pace = Pace(2)
    old = pace.take(1, 0.0)
    pace.take(1, 60.0)
    assert pace.ready_at(1, 90.0) == pytest.approx(90.0)  # the first is a minute old
    pace.give_back(old)
    pace.take(1, 90.0)
    assert pace.ready_at(1, 90.0) == pytest.approx(120.0)


CALLS = st.lists(st.tuples(st.integers(1, 130), st.floats(0, 90)), min_size=1, max_size=80)


@given(per_minute=st.integers(1, 300), calls=CALLS)
@example(per_minute=100, calls=[(99, 0.0), (99, 0.0), (2, 0.0), (99, 0.0)])
@example(per_minute=7, calls=[(1, 0.0)] * 30)
def test_no_minute_holds_more_than_the_limit(
    per_minute: int, calls: list[tuple[int, float]]
) -> None:
    units = [number for number, _ in calls]
    at = starts(per_minute, units, [gap for _, gap in calls])
    assert at == sorted(at)
    for begin in at:
        within = [
            n for start, n in zip(at, units, strict=True) if 0 <= start - begin < 60 - ROUNDING
        ]
        assert sum(within) <= per_minute or len(within) == 1
