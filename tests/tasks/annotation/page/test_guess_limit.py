from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.annotation.page.guess_limit import GuessLimit, TooManyGuessesError
from tasks.annotation.queue.queue_state import Annotator

ANN = Annotator(annotator_id=1, name="ann", role="annotator")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def look_up(valid: dict[str, Annotator], seen: list[str]) -> Callable[[str], Annotator | None]:
    def who(token: str) -> Annotator | None:
        seen.append(token)
        return valid.get(token)

    return who


def guess(limit: GuessLimit, count: int, client: str = "10.0.0.1", word: str = "wrong") -> None:
    for number in range(count):
        assert limit.who(f"{word}-{number}", client) is None


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_sixth_guess_of_a_client_is_not_looked_at(clock: Clock) -> None:
    seen: list[str] = []
    limit = GuessLimit(look_up({"right": ANN}, seen), clock)
    guess(limit, 5)
    clock.now += 20
    with pytest.raises(TooManyGuessesError) as refused:
        limit.who("right", "10.0.0.1")
    assert "right" not in seen
    assert 40 <= refused.value.retry_after_seconds <= 41
    assert limit.who("right", "10.0.0.2") == ANN
    clock.now += refused.value.retry_after_seconds
    assert limit.who("right", "10.0.0.1") == ANN


def test_after_fifty_wrong_guesses_from_anywhere_no_new_token_is_looked_at(clock: Clock) -> None:
    limit = GuessLimit(look_up({"right": ANN}, []), clock)
    for client in range(10):
        guess(limit, 5, client=f"10.0.1.{client}")
    with pytest.raises(TooManyGuessesError):
        limit.who("right", "10.0.2.1")
    clock.now += 61
    assert limit.who("right", "10.0.2.1") == ANN


def test_who_was_let_in_goes_on_while_others_are_refused(clock: Clock) -> None:
    limit = GuessLimit(look_up({"right": ANN}, []), clock)
    assert limit.who("right", "10.0.0.1") == ANN
    guess(limit, 5)
    with pytest.raises(TooManyGuessesError):
        limit.who("another", "10.0.0.1")
    assert limit.who("right", "10.0.0.1") == ANN


def test_the_same_outdated_token_counts_once(clock: Clock) -> None:
    limit = GuessLimit(look_up({"right": ANN}, []), clock)
    for _ in range(100):
        assert limit.who("outdated", "10.0.0.1") is None
    assert limit.who("right", "10.0.0.1") == ANN


def test_a_token_that_was_replaced_is_a_wrong_one_from_then_on(clock: Clock) -> None:
    valid = {"old": ANN}
    limit = GuessLimit(look_up(valid, []), clock)
    assert limit.who("old", "10.0.0.1") == ANN
    del valid["old"]
    assert limit.who("old", "10.0.0.1") is None
    guess(limit, 4)
    with pytest.raises(TooManyGuessesError):
        limit.who("wrong-5", "10.0.0.1")


def test_guesses_at_the_same_time_are_counted_too(clock: Clock) -> None:
    seen: list[str] = []
    limit = GuessLimit(look_up({}, seen), clock)

    def try_one(number: int) -> bool:
        try:
            limit.who(f"wrong-{number}", "10.0.0.1")
        except TooManyGuessesError:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        looked_at = sum(threads.map(try_one, range(200)))
    assert looked_at == len(seen) == 5


@pytest.mark.parametrize("token", ["", "\ud800", "x" * 100_000, "\x00"])
def test_any_text_can_be_a_wrong_token(clock: Clock, token: str) -> None:
    assert GuessLimit(look_up({}, []), clock).who(token, "") is None
