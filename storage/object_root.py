"""A root that is an object store: S3, GCS, Azure, or anything obstore speaks to."""

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from storage.digest import FileDigest, digest_file
from storage.input_error import InputError
from storage.root import Listed
from storage.staging import Staging

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3", "gs", "az", "file", "memory")


class ObjectRoot:
    """Objects under a prefix; a directory becomes visible when its last file is created.

    The parts need no unique names although two writers may upload at once: the id in their path is
    a hash of their content, so both upload the same bytes. What is read is kept in a local cache,
    which never goes stale because parts never change; from there it is memory-mapped and queried
    like a local root.
    """

    is_shared = True

    def __init__(self, location: str, store: "ObjectStore", cache: Path) -> None:
        self.location = location
        self.store = store
        self.cache = cache / "objects"
        self.index_path = cache / "index.sqlite"
        self.staging = Staging(cache / "tmp")
        self.staging.directory.mkdir(parents=True, exist_ok=True)

    def publish(self, staged: Path, target: str, *, last: str, replace: bool = False) -> bool:
        """See `Root.publish`."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        if not replace and self._exists(f"{target}/{last}"):
            return False
        for file in sorted(staged.rglob("*")):
            if file.is_file() and file != staged / last:
                obstore.put(self.store, f"{target}/{file.relative_to(staged).as_posix()}", file)
        mode: Literal["overwrite", "create"] = "overwrite" if replace else "create"
        try:
            obstore.put(self.store, f"{target}/{last}", staged / last, mode=mode)
        except AlreadyExistsError:
            return False
        return True

    def fetch(self, name: str, sha256: str, *, verify: bool) -> Path:
        """See `Root.fetch`; a download is always checked, a cached file if asked."""
        cached = self.cache / name
        if cached.is_file() and not (verify and digest_file(cached).sha256 != sha256):
            return cached
        cached.parent.mkdir(parents=True, exist_ok=True)
        partial = self.staging.directory / f"{uuid4().hex}.partial"
        try:
            if self._download(name, partial) != sha256:
                raise InputError(
                    f"the object {name!r} in {self.location!r} is missing or damaged: its sha256 is "
                    f"not {sha256}, as its manifest says. Restore it, or make the artifact again "
                    "(`--rerun`)."
                )
            partial.replace(cached)
        finally:
            partial.unlink(missing_ok=True)
        return cached

    def digest(self, name: str) -> FileDigest | None:
        """See `Root.digest`."""
        import obstore

        digest, size = hashlib.sha256(), 0
        try:
            for chunk in obstore.get(self.store, name):
                digest.update(chunk)
                size += len(chunk)
        except FileNotFoundError:
            return None
        return FileDigest(digest.hexdigest(), size)

    def read(self, name: str) -> bytes | None:
        """See `Root.read`."""
        import obstore

        try:
            return bytes(obstore.get(self.store, name).bytes())
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """See `Root.write`."""
        import obstore

        obstore.put(self.store, name, data)

    def delete(self, name: str) -> None:
        """See `Root.delete`."""
        import obstore

        if self._exists(name):
            obstore.delete(self.store, name)

    def list(self, prefix: str) -> Iterator[Listed]:
        """See `Root.list`."""
        import obstore

        for page in obstore.list(self.store, prefix=prefix):
            for item in page:
                yield Listed(item["path"], etag=item["e_tag"] or str(item["last_modified"]))

    def _exists(self, name: str) -> bool:
        import obstore

        try:
            obstore.head(self.store, name)
        except FileNotFoundError:
            return False
        return True

    def _download(self, name: str, path: Path) -> str:
        """Write an object to `path` and return its sha256, empty if there is no such object."""
        import obstore

        digest = hashlib.sha256()
        try:
            with path.open("wb") as file:
                for chunk in obstore.get(self.store, name):
                    file.write(chunk)
                    digest.update(chunk)
        except FileNotFoundError:
            return ""
        return digest.hexdigest()


def open_object_root(url: str) -> ObjectRoot:
    """Return the root at `url`; keys and endpoints come from the environment (`AWS_...`).

    `file://` is a directory under the object protocol and `memory://` an empty store of this
    process; both are for tests.

    Raises:
        InputError: the URL is of an unknown kind, or the bucket cannot be listed.
    """
    import obstore
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    scheme = url.partition("://")[0]
    if scheme not in SCHEMES:
        raise InputError(
            f"the store's root {url!r} has the unknown scheme {scheme!r}. Known are "
            f"{', '.join(SCHEMES)}; anything without `://` is a local directory."
        )
    try:
        store = from_url(url, mkdir=True) if scheme == "file" else from_url(url)
        for _ in obstore.list(store, prefix="artifacts", chunk_size=1):
            break
    except (BaseError, OSError, ValueError) as error:
        first_line = str(error).partition("\n")[0]
        raise InputError(
            f"the store's root {url!r} cannot be listed: {first_line}. Check that the bucket "
            "exists and that its credentials and endpoint are in the environment."
        ) from error
    return ObjectRoot(url, store, _cache_directory(url, scheme))


def _cache_directory(url: str, scheme: str) -> Path:
    """Return the local directory for the index and the objects that were read from `url`."""
    if scheme == "memory":  # nothing of it outlives this process
        directory = Path(tempfile.mkdtemp(prefix="prefline-"))
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        return directory
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    return Path(home).expanduser() / "prefline" / name
