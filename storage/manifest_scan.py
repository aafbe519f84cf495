"""What lies in a root against what an index knows of it."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from storage.manifest import Artifact
from storage.manifest_json import MANIFEST, UnreadableManifestError, decode_manifest, manifest_path
from storage.root import Root

RETRACTED = "retracted"
_READERS = 16


@dataclass(frozen=True, slots=True)
class Scanned:
    """A manifest that was read, with the mark of its content."""

    artifact: Artifact
    manifest: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Scan:
    """Differences between a root and an index.

    `gone` are ids that the index knows and the root no longer has. `retracted` (id to reason) and
    `unreadable` (manifest's name to what is wrong with it) are complete lists.
    """

    found: tuple[Scanned, ...]
    gone: tuple[str, ...]
    retracted: Mapping[str, str]
    unreadable: Mapping[str, str]


def scan_manifests(root: Root, known: Mapping[str, str]) -> Scan:
    """Read the manifests of `root` that an index does not have under the same etag.

    `known` maps artifact ids to etags and must be older than this call, so that what is committed
    meanwhile is not taken for gone.
    """
    listed = {item.name: item.etag for item in root.list("artifacts")}
    manifests = {name: etag for name, etag in listed.items() if name.endswith(f"/{MANIFEST}")}
    ids = {name: name.split("/")[-2] for name in manifests}
    wanted = [n for n, etag in manifests.items() if not etag or known.get(ids[n]) != etag]
    found: list[Scanned] = []
    unreadable: dict[str, str] = {}
    for name, data in _read_all(root, wanted).items():
        try:
            artifact = decode_manifest(data)
            _check_place(artifact, name)
        except UnreadableManifestError as error:
            unreadable[name] = str(error)
        else:
            found.append(Scanned(artifact, data, manifests[name]))
    bad = {ids[name] for name in unreadable}
    gone = known.keys() - (set(ids.values()) - bad)
    return Scan(tuple(found), tuple(gone), _read_retracted(root), unreadable)


def read_scanned(root: Root, table: str, identifier: str) -> Scanned | None:
    """Return one manifest from the root, None if there is none or it cannot be read."""
    name = manifest_path(table, identifier)
    data = root.read(name)
    if data is None:
        return None
    try:
        artifact = decode_manifest(data)
        _check_place(artifact, name)
    except UnreadableManifestError:
        return None
    return Scanned(artifact, data, etag="")


def retracted_name(identifier: str) -> str:
    """Return the name of the file that says why an artifact was retracted by hand."""
    return f"{RETRACTED}/{identifier}"


def _read_retracted(root: Root) -> dict[str, str]:
    names = [item.name for item in root.list(RETRACTED)]
    contents = _read_all(root, names)
    return {n.rpartition("/")[2]: data.decode(errors="replace") for n, data in contents.items()}


def _read_all(root: Root, names: list[str]) -> dict[str, bytes]:
    """Return the contents of many small files; one that vanished since the listing is left out."""
    with ThreadPoolExecutor(_READERS) as pool:
        contents = zip(names, pool.map(root.read, names), strict=True)
        return {name: data for name, data in contents if data is not None}


def _check_place(artifact: Artifact, name: str) -> None:
    if manifest_path(artifact.table, artifact.artifact_id) != name:
        raise UnreadableManifestError(f"it describes {artifact.path}, another place")
