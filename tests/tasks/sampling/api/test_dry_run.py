"""What a dry run plans, against what the same requests then cost."""

from pathlib import Path

import pytest

from storage.input_error import InputError
from tasks.sampling.api.client import ApiClient
from tasks.sampling.api.connect import OPENAI, base_url, connect
from tasks.sampling.api.dry_run import DryRun
from tasks.sampling.api.journal import open_journal
from tasks.sampling.api.ledger import read_ledger, spending
from tasks.sampling.api.params import ApiParams, BudgetParams
from tasks.sampling.api.prices import Price, Prices
from tasks.sampling.api.request import ApiRequest
from tests.fakes.api_server import FakeApi

PRICES = Prices({"m": Price(prompt=1.0, completion=10.0)})


def request(text: str, model: str = "m", **more: object) -> ApiRequest:
    messages = [{"role": "user", "content": text}]
    return ApiRequest(
        body={"model": model, "messages": messages, "max_completion_tokens": 20, **more}
    )


def test_nothing_is_asked_and_the_plan_is_never_below_what_it_then_costs(tmp_path):
    requests = [request(f"Say {number} in words, please.") for number in range(30)]
    with (
        FakeApi() as api,
        open_journal(tmp_path / "j.sqlite", run="r", stage="s", budget=BudgetParams()) as journal,
    ):
        server = connect(ApiParams(base_url=api.base_url), journal, PRICES, api_key="k")
        planned = DryRun(server)
        replies = planned.ask([*requests, requests[0]])
        assert api.calls == []
        plan = planned.plans["m"]
        assert (plan.calls, plan.calls_reused, plan.completion_tokens) == (30, 0, 600)
        ApiClient(server).ask(requests)
        (spent,) = journal.run(spending)
        assert spent.cost_usd is not None
        assert plan.cost_usd is not None
        assert 0 < spent.cost_usd <= plan.cost_usd
        assert len(api.calls) == plan.calls
    assert len({reply.text for reply in replies}) == 30
    assert all(len(reply.text or "") >= 4 * 20 for reply in replies)


def test_what_is_paid_for_is_planned_as_reused(tmp_path):
    requests = [request("one"), request("two")]
    with (
        FakeApi() as api,
        open_journal(tmp_path / "j.sqlite", run="r", stage="s", budget=BudgetParams()) as journal,
    ):
        server = connect(ApiParams(base_url=api.base_url), journal, PRICES, api_key="k")
        (known,) = ApiClient(server).ask(requests[:1])
        planned = DryRun(server)
        replies = planned.ask(requests)
    assert (planned.plans["m"].calls, planned.plans["m"].calls_reused) == (1, 1)
    assert replies[0].text == known.text
    assert replies[0].reused


def test_each_of_several_texts_is_stood_for_by_its_own(tmp_path):
    with open_journal(tmp_path / "j.sqlite", run="r", stage="s", budget=BudgetParams()) as journal:
        server = connect(ApiParams(base_url="http://10.0.0.1/v1"), journal, PRICES, api_key="k")
        planned = DryRun(server)
        (reply,) = planned.ask([request("x", n=4)])
    assert len({choice.text for choice in reply.choices}) == 4
    assert planned.plans["m"].completion_tokens == 80


def test_an_unknown_price_is_said_and_refused_under_a_limit_of_dollars(tmp_path):
    def plan(budget: BudgetParams) -> DryRun:
        with open_journal(tmp_path / "j.sqlite", run="r", stage="s", budget=budget) as journal:
            server = connect(ApiParams(base_url="http://10.0.0.1/v1"), journal, PRICES, api_key="")
            planned = DryRun(server)
            planned.ask([request("x", model="unheard-of")])
            return planned

    assert plan(BudgetParams()).plans["unheard-of"].cost_usd is None
    with pytest.raises(InputError, match="price of model 'unheard-of' is unknown"):
        plan(BudgetParams(max_cost_usd=1.0))


def test_the_ledger_adds_up_by_run_and_model(tmp_path: Path):
    path = tmp_path / "j.sqlite"
    with FakeApi() as api:
        for run, models in (("first", ["m", "m", "free"]), ("second", ["m"])):
            with open_journal(path, run=run, stage="s", budget=BudgetParams()) as journal:
                server = connect(ApiParams(base_url=api.base_url), journal, PRICES, api_key="k")
                asked = [request(f"{run} {i}", model) for i, model in enumerate(models)]
                ApiClient(server).ask(asked)
    rows = read_ledger(path)
    assert [(row.flow_run, row.model, row.calls) for row in rows] == [
        ("first", "free", 1), ("first", "m", 2), ("second", "m", 1),
    ]  # fmt: skip
    for row in rows:
        price = 0.0 if row.model == "free" else 1.0
        expected = price * (row.prompt_tokens + 10 * row.completion_tokens) / 1e6
        assert row.cost_usd == pytest.approx(expected)
        assert row.prompt_tokens > 0
        assert row.tokens_unreported == row.attempts_failed == 0


def test_a_ledger_that_was_never_opened_is_refused(tmp_path):
    with pytest.raises(InputError, match="no run has called an API yet"):
        read_ledger(tmp_path / "j.sqlite")


@pytest.mark.parametrize(
    ("given", "environment", "address"),
    [
        ("http://a/v1/", "http://b/v1", "http://a/v1"),
        ("", "http://b/v1/", "http://b/v1"),
        ("", "", OPENAI),
    ],
    ids=["parameter", "environment", "openai"],
)
def test_the_address_is_the_parameter_then_the_environment_then_openai(
    monkeypatch, given, environment, address
):
    monkeypatch.setenv("OPENAI_BASE_URL", environment)
    assert base_url(ApiParams(base_url=given)) == address
