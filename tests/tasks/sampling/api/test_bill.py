"""What a call can cost, and what it did cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.input_error import InputError
from tasks.sampling.api.bill import Bill, likely_prompt_tokens, most_completion_tokens
from tasks.sampling.api.params import BudgetParams
from tasks.sampling.api.prices import Price, Prices
from tasks.sampling.api.reply import Outcome, Usage
from tasks.sampling.api.request import ApiRequest
from tests.fakes.api_asking import MODEL, chat

OPENAI = "https://api.openai.com/v1"
PRICES = Prices({MODEL: Price(prompt=2.0, completion=10.0, cached_prompt=0.5, cache_write=3.0)})
BILL = Bill(PRICES, OPENAI)
USAGE = Usage(prompt_tokens=100, completion_tokens=10, cached_tokens=40, cache_write_tokens=20)


def test_a_hold_is_the_bytes_of_the_request_and_the_limit_of_each_text() -> None:
    # {"model":"fake-model","messages":[{"role":"user","content":"hi"}],"max_completion_tokens":16,
    # "n":3} is 99 bytes; 64 more for the marks of roles; 3 texts of 16 tokens.
    request = chat("hi", n=3)
    hold = BILL.hold(request)
    assert hold.tokens == 99 + 64 + 48
    assert hold.usd == pytest.approx((163 * 3.0 + 48 * 10.0) / 1e6)  # all of it into the cache
    assert Bill(PRICES, OPENAI, batch=True).hold(request).usd == pytest.approx(hold.usd / 2)


@given(text=st.text(max_size=200))
def test_a_hold_has_room_for_a_token_of_every_byte(text: str) -> None:
    assert BILL.hold(chat(text)).tokens >= len(text.encode()) + 16


def test_a_hold_of_an_unknown_price_counts_tokens_alone() -> None:
    hold = Bill(Prices({}), OPENAI).hold(chat("hi"))
    assert (hold.usd, hold.priced) == (0.0, False)
    assert hold.tokens > 80
    assert BILL.hold(chat("hi")).priced


def test_what_is_spent_is_the_usage_at_its_prices() -> None:
    spent = BILL.spent(chat("hi"), Outcome.OK, USAGE)
    # 40 plain, 40 from the cache, 20 into it, 10 of completion
    assert spent.usd == pytest.approx((40 * 2.0 + 40 * 0.5 + 20 * 3.0 + 10 * 10.0) / 1e6)
    assert (spent.tokens, spent.usage) == (110, USAGE)


@pytest.mark.parametrize("outcome", Outcome)
def test_usage_counts_whatever_came_of_the_call(outcome: Outcome) -> None:
    assert BILL.spent(chat("hi"), outcome, USAGE).tokens == 110


FREE_OUTCOMES = {
    Outcome.RATE_LIMITED,
    Outcome.SERVER_ERROR,
    Outcome.BAD_REQUEST,
    Outcome.PENDING,
}


@pytest.mark.parametrize("outcome", Outcome)
def test_without_usage_a_call_counts_as_its_hold_unless_providers_do_not_bill_it(
    outcome: Outcome,
) -> None:
    hold = BILL.hold(chat("hi"))
    spent = BILL.spent(chat("hi"), outcome, None)
    expected = (0, 0.0) if outcome in FREE_OUTCOMES else (hold.tokens, hold.usd)
    assert (spent.tokens, spent.usd, spent.usage) == (*expected, None)


LIMITS = [
    pytest.param({"max_completion_tokens": 5}, 5, id="one text"),
    pytest.param({"max_completion_tokens": 5, "n": 4}, 20, id="four texts"),
    pytest.param({"max_completion_tokens": 5, "n": None}, 5, id="n null"),
    pytest.param({"max_completion_tokens": None, "max_tokens": 7}, 7, id="the older name"),
    pytest.param({"max_completion_tokens": 5, "max_tokens": 7}, 5, id="both names"),
]


@pytest.mark.parametrize(("fields", "most"), LIMITS)
def test_a_reply_has_at_most_the_tokens_of_its_limit(
    fields: dict[str, int | None], most: int
) -> None:
    assert most_completion_tokens(ApiRequest(body={"model": "m"} | fields)) == most


@pytest.mark.parametrize("fields", [{}, {"max_completion_tokens": None}, {"n": 2}])
def test_a_request_without_a_limit_is_refused(fields: dict[str, int | None]) -> None:
    with pytest.raises(InputError, match=r"'m' has no max_completion_tokens.*set it"):
        most_completion_tokens(ApiRequest(body={"model": "m"} | fields))


def test_decisions_are_bounded_without_a_limit() -> None:
    request = ApiRequest(endpoint="/decisions", body={"model": "m", "questions": []})
    assert most_completion_tokens(request) == 1024


def test_an_estimate_is_a_token_for_four_bytes() -> None:
    request = ApiRequest(body={"model": "m", "x": "y" * 100})  # {"model":"m","x":"…"}: 120 bytes
    assert likely_prompt_tokens(request) == 30


def test_only_a_limit_of_dollars_needs_a_price() -> None:
    unpriced = Bill(Prices({}), OPENAI)
    unpriced.check("m", BudgetParams(max_tokens=5))
    BILL.check(MODEL, BudgetParams(max_cost_usd=1.0))
    for cap in (0.0, 1.0):
        with pytest.raises(InputError, match="price of model 'm' is unknown"):
            unpriced.check("m", BudgetParams(max_cost_usd=cap))
