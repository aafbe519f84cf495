"""What a user reads about money: planned, spent, unknown."""

from rich.console import Console

from deployments.show_spending import planned_table, spending_table
from storage.tables.spending import Spending
from tasks.stage_run import DryRunResult, PlannedCalls


def printed(table) -> str:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def row(model: str, cost_usd: float | None) -> Spending:
    return Spending(
        stage="generate-pairs",
        flow_run="0123456789",
        model=model,
        calls=1200,
        calls_reused=0,
        attempts_failed=3,
        prompt_tokens=4000,
        completion_tokens=500,
        tokens_unreported=70,
        cost_usd=cost_usd,
    )


def test_spending_adds_up_and_an_unknown_price_is_said():
    text = printed(spending_table([row("gpt-6-sol", 1.25), row("mine", None)]))
    assert "01234567" in text
    assert {"price", "unknown"} <= set(text.split())
    (total,) = (line for line in text.splitlines() if line.startswith(" all"))
    for figure in ("2,400", "6", "8,000", "1,000", "140", "1.2500"):
        assert figure in total
    assert "…" not in text


def test_a_plan_is_a_bound_and_says_where_it_has_none():
    def plan(*costs: float | None) -> str:
        planned = [
            PlannedCalls(
                model=f"m{number}",
                calls=10,
                calls_reused=2,
                prompt_tokens=300,
                completion_tokens=4000,
                cost_usd=cost,
            )
            for number, cost in enumerate(costs)
        ]
        return printed(planned_table(DryRunResult(stage="generate-pairs", planned=planned)))

    known = plan(0.5, 0.25)
    assert "0.7500" in known
    assert "8,000" in known
    assert "at most" in " ".join(known.split())
    assert plan(0.5, None).count("unknown") == 2
