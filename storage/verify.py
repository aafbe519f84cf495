"""Verify: is everything in the store what it was when it was written?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from storage.index import Index
from storage.manifest import Artifact, artifact_id
from storage.manifest_json import MANIFEST, manifest_path
from storage.manifest_scan import read_scanned
from storage.root import Root


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a file of an artifact."""

    artifact_id: str
    file: str
    reason: str


def find_faults(root: Root, index: Index, artifacts: Iterable[Artifact]) -> Iterator[Fault]:
    """Yield what is wrong with the manifests, parts and parents of `artifacts`."""
    for artifact in artifacts:
        yield from _manifest_faults(root, artifact)
        yield from _part_faults(root, artifact)
        known = {parent.artifact_id for parent in index.parents([artifact.artifact_id])}
        for parent in artifact.parents:
            if parent not in known:
                reason = f"its parent {parent} is not in the store"
                yield Fault(artifact.artifact_id, MANIFEST, reason)


def unreadable_manifests(index: Index) -> Iterator[Fault]:
    """Yield the manifests that the index could not take in."""
    for name, reason in index.unreadable().items():
        yield Fault(name.split("/")[-2], MANIFEST, f"unreadable: {reason}")


def _manifest_faults(root: Root, artifact: Artifact) -> Iterator[Fault]:
    if root.read(manifest_path(artifact.table, artifact.artifact_id)) is None:
        yield Fault(artifact.artifact_id, MANIFEST, "missing")
        return
    scanned = read_scanned(root, artifact.table, artifact.artifact_id)
    if scanned is None:
        yield Fault(artifact.artifact_id, MANIFEST, "unreadable")
        return
    found = scanned.artifact
    hashes = [file.sha256 for file in found.files]
    if artifact_id(found.table, found.schema_version, found.key, hashes) != found.artifact_id:
        yield Fault(artifact.artifact_id, MANIFEST, "its hashes do not give its artifact id")


def _part_faults(root: Root, artifact: Artifact) -> Iterator[Fault]:
    for file in artifact.files:
        digest = root.digest(f"{artifact.path}/{file.name}")
        if digest is None:
            yield Fault(artifact.artifact_id, file.name, "missing")
        elif digest.bytes != file.bytes:
            reason = f"it has {digest.bytes} bytes and had {file.bytes}"
            yield Fault(artifact.artifact_id, file.name, reason)
        elif digest.sha256 != file.sha256:
            reason = f"its sha256 is {digest.sha256} and was {file.sha256}"
            yield Fault(artifact.artifact_id, file.name, reason)
