"""Lineage: what an artifact was made from, and what was made from it."""

from dataclasses import dataclass
from itertools import count
from typing import Literal

from storage.index import Index
from storage.manifest import Artifact


@dataclass(frozen=True, slots=True)
class LineageStep:
    """An artifact and how many steps it is away from the one that was asked about, from 1."""

    depth: int
    artifact: Artifact


def lineage_of(
    index: Index, artifact: Artifact, direction: Literal["up", "down"]
) -> list[LineageStep]:
    """Return everything up (ancestors) or down (descendants) of `artifact`, nearest first.

    Each artifact occurs once, at its smallest depth; superseded ones belong to it. An ancestor
    that is not in the store any more is left out here and reported by `verify`.
    """
    step = index.parents if direction == "up" else index.children
    steps: list[LineageStep] = []
    seen = {artifact.artifact_id}
    level = [artifact]
    for depth in count(1):
        relatives = step(relative.artifact_id for relative in level)
        level = [relative for relative in relatives if relative.artifact_id not in seen]
        seen.update(relative.artifact_id for relative in level)
        if not level:
            break
        steps += [LineageStep(depth, relative) for relative in level]
    return steps
