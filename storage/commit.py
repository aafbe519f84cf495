"""Commit: put the tables of a stage run in place, visible all together or not at all."""

from collections.abc import Sequence
from pathlib import Path

from storage.index import Index, PendingRun
from storage.manifest import Artifact
from storage.manifest_json import MANIFEST, encode_manifest, manifest_path
from storage.manifest_scan import Scanned, read_scanned
from storage.root import Root


def commit_run(root: Root, index: Index, staged: Path, artifacts: Sequence[Artifact]) -> None:
    """Publish the tables of one stage run, staged as `staged/<table>/`, and index them.

    Every manifest names all outputs of the run, so that the tables which a killed commit left
    without the others are not visible. Where an artifact is there already it stays, unless its
    files are damaged or it is the rest of such a commit.
    """
    run = PendingRun(artifacts[0].run_id, artifacts[0].outputs)
    for artifact in artifacts:
        (staged / artifact.table / MANIFEST).write_bytes(encode_manifest(artifact))
    index.announce(run)
    for artifact in artifacts:
        directory = staged / artifact.table
        if not root.publish(directory, artifact.path, last=MANIFEST):
            _reconcile(root, directory, artifact)
    index.record(run.run_id, _manifests(root, run))


def resolve_pending(root: Root, index: Index) -> None:
    """Record the commits that were killed after their last output, forget those killed before."""
    for run in index.pending():
        if root.staging.is_alive(run.run_id):
            continue
        manifests = _manifests(root, run)
        index.record(run.run_id, manifests if len(manifests) == len(run.outputs) else [])


def is_sound(root: Root, artifact: Artifact) -> bool:
    """Tell whether all files of an artifact are what its manifest says."""
    for file in artifact.files:
        digest = root.digest(f"{artifact.path}/{file.name}")
        if digest is None or digest.sha256 != file.sha256:
            return False
    return True


def _reconcile(root: Root, staged: Path, artifact: Artifact) -> None:
    """Mend what stands in the place of `artifact`, or leave it if nothing is wrong with it."""
    standing = read_scanned(root, artifact.table, artifact.artifact_id)
    if standing is None or not is_sound(root, standing.artifact):
        root.publish(staged, artifact.path, last=MANIFEST, replace=True)
    elif len(_manifests(root, PendingRun("", standing.artifact.outputs))) < len(
        standing.artifact.outputs
    ):
        # Its own run never became complete, so no reader knows the manifest that gives way.
        root.write(manifest_path(artifact.table, artifact.artifact_id), encode_manifest(artifact))


def _manifests(root: Root, run: PendingRun) -> list[Scanned]:
    """Return the manifests of the outputs of `run` that are in place."""
    found = [read_scanned(root, table, output) for table, output in run.outputs.items()]
    return [scanned for scanned in found if scanned is not None]
