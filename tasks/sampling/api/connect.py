"""Parameters become a server that can be asked."""

import os

from tasks.sampling.api.bill import Bill
from tasks.sampling.api.journal import Journal
from tasks.sampling.api.params import ApiParams
from tasks.sampling.api.prices import Prices
from tasks.sampling.api.server import Server

OPENAI = "https://api.openai.com/v1"


def base_url(params: ApiParams) -> str:
    """Return the address of the server: the parameter, the environment's, or OpenAI's."""
    return params.base_url or os.environ.get("OPENAI_BASE_URL", "").rstrip("/") or OPENAI


def connect(params: ApiParams, journal: Journal, prices: Prices, *, api_key: str) -> Server:
    """Return the server of `params`, its calls written to `journal` and paid by `prices`."""
    bill = Bill(prices, base_url(params), batch=params.batch)
    return Server(params, bill, journal, api_key)
