"""A process that asks in batches and may be killed while it does."""

import argparse
import os
import signal
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from tasks.sampling.api.ask_batch import BatchAsking
from tasks.sampling.api.batch_limits import BatchLimits
from tasks.sampling.api.bill import Bill
from tasks.sampling.api.client import ApiClient
from tasks.sampling.api.prices import Price
from tests.fakes.api_asking import asking, chats

PRICE = Price(prompt=2.0, completion=10.0)
FAST = BatchLimits(
    first_poll_seconds=0.01,
    longest_poll_seconds=0.05,
    appearance_seconds=0.5,
    patience_seconds=20.0,
    lines_at_once=2,
)


@dataclass(frozen=True)
class LastBill(Bill):
    """A bill that kills its process at the `last`-th call that it is asked about."""

    last: int = 0
    asked: list[int] = field(default_factory=list)

    def spent(self, *call):
        self.asked.append(1)
        if len(self.asked) == self.last:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().spent(*call)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("journal", type=Path)
    parser.add_argument("--num", type=int, required=True)
    parser.add_argument("--run", default="killed")
    parser.add_argument("--last-line", type=int, default=0)
    given = parser.parse_args()
    BatchAsking.LIMITS = FAST
    with asking(given.url, given.journal, run=given.run, price=PRICE, batch=True) as client:
        server = client.server
        bill = LastBill(server.bill.prices, server.base_url, last=given.last_line)
        replies = ApiClient(replace(server, bill=bill)).ask(chats(given.num))
    sys.stdout.write(" ".join(reply.outcome for reply in replies))


if __name__ == "__main__":
    main()
