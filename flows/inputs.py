"""Which artifacts a flow works on: what the strings in its parameters mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator

from storage.input_error import InputError
from storage.manifest import Artifact
from storage.store import Store


@dataclass(frozen=True, slots=True)
class ArtifactOf:
    """Marks a parameter that names an artifact of `table`: id, unique prefix, tag or latest."""

    table: str


def _as_list(value: object) -> object:
    """Return `a,b` as a list, so that one string names several artifacts on a command line."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


ExamplesRef = Annotated[str, ArtifactOf("examples")]
PairsRef = Annotated[str, ArtifactOf("pairs")]
DispreferredRef = Annotated[str, ArtifactOf("dispreferred")]
PromptsRef = Annotated[str, ArtifactOf("prompts")]
DemonstrationsRef = Annotated[str, ArtifactOf("demonstrations")]
NegativesRef = Annotated[str, ArtifactOf("negatives")]
PolicyRef = Annotated[str, ArtifactOf("policies")]
PolicyRefs = Annotated[list[str], BeforeValidator(_as_list), ArtifactOf("policies")]


def start_policy(store: Store, reference: str, data: Artifact | None) -> Artifact:
    """Return the policy that training on `data`, or sampling for it, starts from.

    `latest` means the policy that drew the answers or anchors in the data, else the newest SFT
    policy that learned from the same ingest run, else the newest SFT policy.

    Raises:
        InputError: there is no such policy.
    """
    if reference != "latest":
        return store.resolve("policies", reference)
    trained = [a for a in store.artifacts("policies") if a.stage == "train-sft"]
    makers: list[Artifact] = []
    related: list[Artifact] = []
    if data is not None:
        makers = [a for a in map(store.get, data.parents) if a.table == "policies"]
        sources = _ingest_keys(store, data)
        related = [a for a in trained if sources & _ingest_keys(store, a)]
    for candidates in (makers, related, trained):
        if candidates:
            return max(candidates, key=lambda artifact: artifact.created_at)
    return store.resolve("policies", reference)


def answering_policy(store: Store, reference: str, start: str) -> str:
    """Return the id of the policy whose answers become pairs; `start` where none is named.

    `latest` means the newest policy that an earlier run trained beyond SFT, from data of the same
    source, and `start` on the first night.

    Raises:
        InputError: there is no such policy.
    """
    if not reference:
        return start
    if reference != "latest":
        return store.resolve("policies", reference).artifact_id
    source = _source(store, store.get(start))
    trained = [
        artifact
        for artifact in store.artifacts("policies")  # newest first
        if artifact.stage not in {"base-model", "train-sft"} and _source(store, artifact) == source
    ]
    return trained[0].artifact_id if trained else start


def policies_to_compare(store: Store, references: Sequence[str]) -> list[Artifact]:
    """Return the policies that `references` name, the reference policy first.

    `latest` means the newest policy, what it was trained from, and the newest policy of every
    other method that was trained from the same one.
    """
    chosen: dict[str, Artifact] = {}
    for reference in references:
        if reference == "latest":
            for artifact in _latest_family(store):
                chosen[artifact.artifact_id] = artifact
        else:
            artifact = store.resolve("policies", reference)
            chosen[artifact.artifact_id] = artifact
    return list(chosen.values())


def _latest_family(store: Store) -> list[Artifact]:
    newest = store.resolve("policies", "latest")
    root = _parent(store, newest, "train-sft") or newest
    base = _parent(store, root, "base-model")
    trained: dict[str, Artifact] = {}
    for artifact in store.artifacts("policies"):  # newest first
        if root.artifact_id in artifact.parents:
            trained.setdefault(artifact.stage, artifact)
    family = [base, root, *(trained[stage] for stage in sorted(trained, reverse=True))]
    return [artifact for artifact in family if artifact is not None]


def _parent(store: Store, artifact: Artifact, stage: str) -> Artifact | None:
    """Return the direct parent of `artifact` that `stage` made."""
    parents = (store.get(parent) for parent in artifact.parents)
    return next((p for p in parents if p.table == "policies" and p.stage == stage), None)


def made_with(store: Store, artifact: Artifact, table: str) -> Artifact | None:
    """Return the `table` of the stage run that made `artifact`, None if it wrote none."""
    sibling = artifact.outputs.get(table)
    return store.get(sibling) if sibling else None


def curated(store: Store, artifact: Artifact, table: str) -> Artifact:
    """Return the `table` of the curation that `artifact` is part of or descends from.

    Raises:
        InputError: the artifact has no curation among its ancestors.
    """
    steps = [artifact, *(step.artifact for step in store.lineage(artifact.artifact_id, "up"))]
    for ancestor in steps:
        if ancestor.stage == "curate":
            return store.get(ancestor.outputs[table])
    raise InputError(
        f"{artifact.table} artifact {artifact.artifact_id} does not descend from ingested data, "
        f"so its {table} are unknown; name a {table} artifact instead of leaving it empty"
    )


def _source(store: Store, artifact: Artifact) -> str:
    """Return the name of the source that an artifact comes from, empty if it comes from none."""
    steps = (step.artifact for step in store.lineage(artifact.artifact_id, "up"))
    return next((str(a.params["source"]) for a in steps if a.stage == "ingest"), "")


def _ingest_keys(store: Store, artifact: Artifact) -> set[str]:
    """Return the ingest runs that an artifact comes from, itself included."""
    steps = [artifact, *(step.artifact for step in store.lineage(artifact.artifact_id, "up"))]
    return {step.key for step in steps if step.stage == "ingest"}
