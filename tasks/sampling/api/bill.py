"""What a call can cost before it is made, and what it did cost after."""

from dataclasses import dataclass

import orjson

from storage.input_error import InputError
from tasks.sampling.api.journal_tables import Hold, Spent
from tasks.sampling.api.params import BudgetParams
from tasks.sampling.api.prices import Price, Prices, unknown_price
from tasks.sampling.api.reply import Outcome, Usage
from tasks.sampling.api.request import ApiRequest

BYTES_A_TOKEN = 4
"""What English text has in common tokenizers, for estimates; never for the budget."""
_BYTES_OF_ROLES = 64
_UNBILLED = frozenset(
    {Outcome.RATE_LIMITED, Outcome.SERVER_ERROR, Outcome.BAD_REQUEST, Outcome.PENDING}
)
_NO_ANSWER_TOKENS = 1_024
"""Most tokens of a decisions reply, whose length has no limit of its own in the request."""


@dataclass(frozen=True, slots=True)
class Bill:
    """Prices of the models of one server."""

    prices: Prices
    base_url: str
    batch: bool = False

    def price(self, model: str) -> Price | None:
        """Return the price of a model, None if it is unknown."""
        return self.prices.price(model, self.base_url)

    def check(self, model: str, budget: BudgetParams) -> None:
        """Refuse a model without a price under a limit of dollars.

        Raises:
            InputError: the price is unknown and `max_cost_usd` is set.
        """
        if budget.max_cost_usd is not None and self.price(model) is None:
            raise unknown_price(model)

    def hold(self, request: ApiRequest) -> Hold:
        """Return the most that a call can cost.

        No tokenizer makes more tokens of a text than it has bytes, so the bytes of the request bound
        its prompt; the completion is bounded by its limit, once for each text that is asked for.
        """
        prompt = len(orjson.dumps(request.body)) + _BYTES_OF_ROLES
        completion = most_completion_tokens(request)
        price = self.price(request.model)
        usd = price.most_usd(prompt, completion, batch=self.batch) if price else 0.0
        return Hold(tokens=prompt + completion, usd=usd, priced=price is not None)

    def spent(self, request: ApiRequest, outcome: Outcome, usage: Usage | None) -> Spent:
        """Return what a call counts as: its usage, or its whole hold where that is not known.

        A provider does not bill a refused connection, a 429 or a 500. A reply that never came whole
        may have been billed, so it counts as the most that it can have cost.
        """
        if usage is not None:
            price = self.price(request.model)
            usd = price.usd(usage, batch=self.batch) if price else 0.0
            return Spent(tokens=usage.tokens, usd=usd, usage=usage)
        if outcome in _UNBILLED:
            return Spent(tokens=0, usd=0.0)
        hold = self.hold(request)
        return Spent(tokens=hold.tokens, usd=hold.usd)


def most_completion_tokens(request: ApiRequest) -> int:
    """Return the most tokens that a reply may have.

    Raises:
        InputError: a chat request without a limit, whose cost nothing would bound.
    """
    if request.endpoint == "/decisions":
        return _NO_ANSWER_TOKENS
    limit = request.body.get("max_completion_tokens")
    limit = request.body.get("max_tokens") if limit is None else limit
    if limit is None:
        raise InputError(
            f"a request of model {request.model!r} has no max_completion_tokens, so its cost has no "
            "bound; set it"
        )
    return int(limit) * request.num_choices


def likely_prompt_tokens(request: ApiRequest) -> int:
    """Return about how many tokens the prompt of a request has."""
    return max(1, len(orjson.dumps(request.body)) // BYTES_A_TOKEN)
