"""Which stage runs are complete and which artifacts are current, from manifests alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StageRun:
    """A stage run as any one of its manifests describes it; `outputs` maps table to id."""

    run_id: str
    created_at: str
    flow_run_id: str
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Visible:
    """An artifact that can be seen: its newest complete run, and whether it is out of use."""

    artifact_id: str
    run_id: str
    superseded: bool


@dataclass(frozen=True, slots=True)
class RunStates:
    """What is true of all runs of one key; `complete` has the newest first."""

    complete: tuple[StageRun, ...]
    visible: tuple[Visible, ...]


def run_states(runs: Iterable[StageRun], present: set[str], retracted: set[str]) -> RunStates:
    """Return the state of the runs of one key.

    A run is complete if all its outputs are `present` artifacts; an artifact is visible if some
    complete run lists it. Per table the output of the newest complete run is current, leaving out
    those that somebody `retracted`; the others are superseded.
    """
    complete = [run for run in runs if present.issuperset(run.outputs.values())]
    complete.sort(key=lambda run: (run.created_at, run.run_id), reverse=True)
    current: dict[str, str] = {}
    newest: dict[str, str] = {}
    for run in complete:
        for table, identifier in run.outputs.items():
            newest.setdefault(identifier, run.run_id)
            if identifier not in retracted:
                current.setdefault(table, identifier)
    in_use = set(current.values())
    visible = [Visible(found, run_id, found not in in_use) for found, run_id in newest.items()]
    return RunStates(tuple(complete), tuple(visible))


def reusable(complete: Sequence[StageRun], retracted: set[str]) -> StageRun | None:
    """Return the newest of the runs of which nothing was retracted."""
    return next((run for run in complete if retracted.isdisjoint(run.outputs.values())), None)
