"""Run one flow in this process and print what came of it."""

from collections.abc import Sequence
from typing import Any, cast

from prefect.client.schemas.objects import State
from rich.console import Console
from rich.table import Table

from deployments.arguments import flow_arguments
from deployments.flow_table import load_flow
from deployments.show_outcomes import outcomes_table
from deployments.show_report import estimates_table
from deployments.show_rows import rows_table, table_of_rows
from deployments.show_spending import planned_table
from flows.nightly import NightlyResult
from flows.preflight import preflight
from storage.input_error import InputError
from tasks.stage_run import DryRunResult, StageResult, StagesResult
from tasks.unfit_data import UnfitDataError


def run_flow(name: str, *, profile: str | None, settings: Sequence[str]) -> int:
    """Run the flow `name` and return the exit code: 0, or 1 if it failed.

    Raises:
        InputError: the arguments do not fit, or name something that is not there.
    """
    flow = load_flow(name)
    if "dry_run=true" in settings and "dry_run" not in flow.parameters.properties:
        raise InputError(f"flow {name!r} has no dry run; generate-pairs has one, as it asks an API")
    arguments = flow_arguments(flow.fn, profile=profile, settings=settings)
    preflight(flow.fn, arguments)
    state = cast("State[Any]", flow(**arguments, return_state=True))
    if not state.is_completed():
        failure = state.result(raise_on_failure=False)
        if isinstance(failure, UnfitDataError):
            root = str(arguments["root"])
            Console().print(table_of_rows(root, failure.examples, failure.refused))
        if isinstance(failure, InputError):
            raise failure
        Console(stderr=True).print(f"prefline: {name} ended {state.name}: {state.message}")
        return 1
    _print_result(state.result(), str(arguments["root"]))
    return 0


def _print_result(result: StageResult | StagesResult | DryRunResult, root: str) -> None:
    console = Console()
    if isinstance(result, DryRunResult):
        _print_plan(console, result)
        return
    stages = [result] if isinstance(result, StageResult) else result.stages
    console.print(_stage_table(stages))
    if rows := rows_table(root, stages):
        console.print(rows)
    for stage in stages:
        _print_stage(console, stage, root)
    if all(stage.reused for stage in stages):
        console.print("Nothing to do: all of this was done before. --rerun does it again.")
    if isinstance(result, NightlyResult):
        console.print(f"report: {result.report}", soft_wrap=True)


def _print_stage(console: Console, stage: StageResult, root: str) -> None:
    """Print what a stage came to, where its artifacts say more than their number of rows."""
    if "outcomes" in stage.outputs:
        console.print(outcomes_table(root, stage.outputs["outcomes"]))
    if stage.incomplete:
        console.print(f"{stage.stage} is incomplete: {stage.incomplete}", soft_wrap=True)
    if "estimates" in stage.outputs:
        console.print(estimates_table(root, stage.outputs["estimates"]))


def _print_plan(console: Console, result: DryRunResult) -> None:
    if result.planned:
        console.print(planned_table(result))
    else:
        console.print("All of this is done or asks no API: nothing would be spent.")


def _stage_table(stages: Sequence[StageResult]) -> Table:
    table = Table(title="stages", title_justify="left")
    for heading in ("stage", "", "table", "artifact"):
        table.add_column(heading)
    table.add_column("rows", justify="right")
    table.add_column("seconds", justify="right")
    for stage in stages:
        made = "reused" if stage.reused else "made"
        cells = [stage.stage, made]
        seconds = f"{stage.seconds:.1f}"
        for name, artifact in stage.outputs.items():
            table.add_row(*cells, name, artifact[:12], f"{stage.rows[name]:,}", seconds)
            cells, seconds = ["", ""], ""
    return table
