"""The servers that a run of pairs asks, and the journal that they share."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from storage.tables.spending import Spending
from tasks.pairs.params import PairsParams
from tasks.sampling.api.client import ApiClient
from tasks.sampling.api.connect import connect
from tasks.sampling.api.dry_run import DryRun, Plan
from tasks.sampling.api.journal import Journal, open_journal
from tasks.sampling.api.ledger import spending
from tasks.sampling.api.params import ApiParams
from tasks.sampling.api.prices import Prices
from tasks.sampling.api.reply import Outcome

Connection = ApiClient | DryRun


@dataclass(frozen=True, slots=True)
class Connected:
    """Who answers and who judges through an API; null where the method asks none."""

    journal: Journal | None = None
    answering: Connection | None = None
    judging: Connection | None = None

    @property
    def each(self) -> list[Connection]:
        """Both, one where they are the same."""
        apis = [api for api in (self.answering, self.judging) if api is not None]
        return apis[:1] if self.answering is self.judging else apis

    @property
    def unanswered(self) -> Counter[Outcome]:
        """The requests that a later run would ask again, by what became of them."""
        clients = (api for api in self.each if isinstance(api, ApiClient))
        return sum((client.unanswered for client in clients), Counter[Outcome]())

    @property
    def plans(self) -> list[Plan]:
        """What a dry run would have asked."""
        return [plan for api in self.each if isinstance(api, DryRun) for plan in api.plans.values()]

    def spent(self) -> list[Spending]:
        """Return what this run spent so far, model by model."""
        if self.journal is None:
            return []
        clients = (api for api in self.each if isinstance(api, ApiClient))
        reused = sum((client.reused for client in clients), Counter[str]())
        run, stage = self.journal.run_id, self.journal.stage
        return self.journal.run(partial(spending, run=run, stage=stage, reused=reused))


@contextmanager
def connected(
    params: PairsParams,
    journal: Path,
    *,
    run: str,
    stage: str,
    read_key: Callable[[ApiParams], str] | None,
) -> Iterator[Connected]:
    """Yield the servers that the method of `params` asks; a dry run where no key may be read.

    Raises:
        InputError: a price table or a key that is missing.
    """
    if not params.api_models and not params.judge_model:
        yield Connected()
        return
    prices = Prices.read(params.budget.prices)
    with open_journal(journal, run=run, stage=stage, budget=params.budget) as opened:

        def api(server: ApiParams) -> Connection:
            if read_key is None:
                return DryRun(connect(server, opened, prices, api_key=""))
            return ApiClient(connect(server, opened, prices, api_key=read_key(server)))

        answering = api(params.api) if params.api_models else None
        judging = None
        if params.judge_model:
            same = params.judge_server == params.api
            judging = answering if same and answering is not None else api(params.judge_server)
        yield Connected(opened, answering, judging)
