"""Train a model away from a file of unwanted answers, and say what came of it."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from prefect.client.schemas.objects import State
from rich.console import Console
from rich.table import Table

from deployments.arguments import flow_arguments
from deployments.show_rows import table_of_rows
from flows.unlearn import UnlearnResult, known_policy, unlearn
from storage.input_error import InputError
from storage.store import open_store
from tasks.ingest.params import IngestParams
from tasks.ingest.read_source import check_source
from tasks.unfit_data import UnfitDataError


def run_unlearn(root: str, settings: Sequence[str]) -> int:
    """Run the flow and return the exit code: 0, or 1 if it failed.

    Raises:
        InputError: the arguments do not fit, or name something that is not there.
    """
    arguments = flow_arguments(unlearn.fn, profile=None, settings=[*settings, f"root={root}"])
    _check(arguments)
    state = cast("State[Any]", unlearn(**arguments, return_state=True))
    if not state.is_completed():
        failure = state.result(raise_on_failure=False)
        if isinstance(failure, UnfitDataError):
            Console().print(table_of_rows(root, failure.examples, failure.refused))
        if isinstance(failure, InputError):
            raise failure
        Console(stderr=True).print(f"prefline: unlearn ended {state.name}: {state.message}")
        return 1
    print_unlearned(Console(), state.result(), root)
    return 0


def _check(arguments: Mapping[str, Any]) -> None:
    """Check what the arguments name, so that a typing error starts nothing and leaves nothing."""
    check_source(
        IngestParams(
            source="negatives",
            path=arguments["negatives"],
            columns=arguments["columns"],
            prompt_role=arguments["prompt_role"],
        )
    )
    root = arguments["root"]
    is_there = "://" in root or Path(root).is_dir()
    known_policy(open_store(root, create=False) if is_there else None, arguments["model"])


def print_unlearned(console: Console, result: UnlearnResult, root: str) -> None:
    """Print the policy, how far it went, what its metrics warn of, and the next command."""
    table = Table(title="unlearned", title_justify="left", show_header=False)
    method = result.method
    refused = f", {result.num_refused:,} rows refused" if result.num_refused else ""
    lines = {
        "policy": result.policy,
        "checkpoint": result.checkpoint,
        "from": f"policy {result.start[:12]}",
        "learned from": f"{result.num_negatives:,} unwanted answers{refused}",
        "training": f"step {result.num_steps} of {method['max_steps']} kept, learning rate "
        f"{method['learning_rate']:g}, alpha {method['alpha']:g}, beta {method['beta']:g}, K "
        f"{method['max_samples']}",
        "ended": ": ".join(filter(None, [result.stop_reason, result.stop_detail])),
        "unwanted answers": f"{result.nats_before:.3f} -> {result.nats_after:.3f} nats a token",
        "margin": "not measured" if result.margin is None else f"{result.margin:.3f}",
        "KL": "not measured" if result.kl is None else f"{result.kl:.2f} nats per sequence",
    }
    for name, value in lines.items():
        table.add_row(name, value)
    console.print(table)
    for alarm in result.alarms:
        console.print(
            f"alarm {alarm['name']} (step {alarm['step']}): {alarm['advice']}",
            soft_wrap=True,
            markup=False,
        )
    if not result.alarms:
        console.print("No alarms in the metrics.")
    where = "" if root == "data" else f" --root {shlex.quote(root)}"
    console.print(
        f"Next: prefline safety-check {result.policy[:12]}{where}", soft_wrap=True, markup=False
    )
