"""Print what a safety check measured, and its verdict."""

from collections.abc import Sequence
from typing import Any, cast

from prefect.client.schemas.objects import State
from rich.console import Console
from rich.table import Table

from deployments.arguments import flow_arguments
from flows.preflight import preflight
from flows.safety_check import SafetyResult, prompts_source, safety_check
from flows.unlearn import known_policy
from storage.input_error import InputError
from storage.store import open_store
from tasks.evaluation.safety.told import HEADINGS, findings_rows


def run_safety_check(root: str, settings: Sequence[str]) -> int:
    """Run the flow and return the exit code: 0, or 1 if a check or the flow failed.

    Raises:
        InputError: the arguments do not fit, or name something that is not there.
    """
    arguments = flow_arguments(safety_check.fn, profile=None, settings=[*settings, f"root={root}"])
    preflight(safety_check.fn, arguments)
    if arguments["against"]:
        known_policy(open_store(root, create=False), arguments["against"])
    if arguments["prompts"]:
        prompts_source(arguments["prompts"], arguments["prompt_role"])
    state = cast("State[Any]", safety_check(**arguments, return_state=True))
    if not state.is_completed():
        failure = state.result(raise_on_failure=False)
        if isinstance(failure, InputError):
            raise failure
        Console(stderr=True).print(f"prefline: safety-check ended {state.name}: {state.message}")
        return 1
    return print_safety(Console(), state.result())


def print_safety(console: Console, result: SafetyResult) -> int:
    """Print every figure with its interval, then the verdict; return 1 if a check failed."""
    table = Table(
        title=f"safety of {result.policy[:12]} against {result.against[:12]}",
        title_justify="left",
        caption="before: the one it is checked against; 95 % intervals, clustered by prompt; n: "
        "answers/prompts",
        caption_justify="left",
    )
    for heading in HEADINGS:
        wide = 26 if heading == "measured" else None
        table.add_column(heading, overflow="fold", min_width=wide)
    for row in findings_rows(result.findings):
        table.add_row(*row)
    console.print(table)
    unwanted = result.dispreferred_from or "none: likelihood of unwanted answers was not measured"
    judge = result.judge or "none: whether answers are safe was not judged; --judge names one"
    for name, value in (
        ("asked", result.prompts_from),
        ("unwanted answers", unwanted),
        ("judge", judge),
    ):
        console.print(f"{name}: {value}", soft_wrap=True, markup=False, highlight=False)
    checked = [finding for finding in result.findings if finding.bound]
    failed = [finding.what for finding in checked if finding.failed]
    if failed:
        console.print(f"FAILED: {'; '.join(failed)}", soft_wrap=True, markup=False)
        return 1
    console.print(f"Passed: all {len(checked)} checks hold.", markup=False)
    return 0
