import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tasks.annotation.page.figures_cache import FiguresCache


@pytest.fixture
def clock() -> Any:
    return type("Clock", (), {"now": 0.0, "__call__": lambda self: self.now})()


def test_figures_are_counted_again_after_five_seconds(clock: Any) -> None:
    counted: list[str] = []
    cache: Any = FiguresCache(lambda queue: counted.append(queue) or len(counted), clock)  # type: ignore[func-returns-value, return-value, arg-type]
    assert [cache.figures("q"), cache.figures("q"), cache.figures("r")] == [1, 1, 2]
    clock.now = 4.9
    assert cache.figures("q") == 1
    clock.now = 5.0
    assert cache.figures("q") == 3


def test_figures_are_counted_again_when_they_are_forgotten(clock: Any) -> None:
    counted: list[str] = []
    cache: Any = FiguresCache(lambda queue: counted.append(queue) or len(counted), clock)  # type: ignore[func-returns-value, return-value, arg-type]
    cache.figures("q")
    cache.forget("q")
    cache.forget("unknown")
    assert cache.figures("q") == 2


def test_many_who_look_at_once_wait_for_one_count(clock: Any) -> None:
    counted: list[str] = []

    def slow(queue: str) -> Any:
        time.sleep(0.05)
        counted.append(queue)
        return "figures"

    cache = FiguresCache(slow, clock)
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(cache.figures, ["q"] * 8)) == {"figures"}
    assert counted == ["q"]


def test_a_failure_is_not_kept(clock: Any) -> None:
    outcomes: list[Any] = ["figures"]

    def fail_first(queue: str) -> Any:
        if len(outcomes) == 1:
            outcomes.append(queue)
            raise ValueError(queue)
        return outcomes[0]

    cache = FiguresCache(fail_first, clock)
    with pytest.raises(ValueError, match="q"):
        cache.figures("q")
    assert cache.figures("q") == "figures"
