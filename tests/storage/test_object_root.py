import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlparse
from uuid import uuid4

import pytest
from obstore.store import MemoryStore
from small_rows import INGEST, flip_a_byte, ingest, prompts

from storage.input_error import InputError
from storage.object_root import ObjectRoot
from storage.store import Store, open_store
from storage.tables.prompts import PROMPTS
from storage.work import Work

START_SECONDS = 60
pytestmark = pytest.mark.usefixtures("caches")


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory):
    """Serve S3 on a free local port by moto, a real HTTP server."""
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-p", "0"], stdout=output, stderr=output
        )
    try:
        yield _endpoint(server, log)
    finally:
        server.terminate()
        server.wait()


def _endpoint(server, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        for word in log.read_text().split():
            if word.startswith("http://") and urlparse(word).port:
                return word
        time.sleep(0.1)
    return pytest.skip(f"moto's S3 server did not start: {log.read_text()[-300:]}")


@pytest.fixture
def caches(tmp_path, monkeypatch):
    """Let every store that is opened have its own cache, as on machines of their own."""

    def use(name):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))

    use("cache")
    return use


@pytest.fixture(params=["file", "s3"])
def url(request, tmp_path, monkeypatch):
    if request.param == "file":
        return f"file://{tmp_path}/objects"
    endpoint = request.getfixturevalue("s3_endpoint")
    settings = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    bucket = f"b-{uuid4().hex}"
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{bucket}", method="PUT")).close()
    return f"s3://{bucket}/some/prefix"


def test_what_one_machine_writes_another_reads(url, caches):
    outputs = ingest(open_store(url), flow_run_id="flow-1")
    caches("another machine")
    store = open_store(url)
    assert store.find(INGEST) == outputs
    assert store.rows(PROMPTS, outputs["prompts"], verify=True) == prompts(3)
    assert store.sql("select count(*) as n from prompts").to_pylist() == [{"n": 3}]
    assert store.verify() == []


def test_a_store_that_is_open_learns_what_others_write(url, caches):
    """Misses look again; only the newest of what is known already is not asked for."""
    store = open_store(url)
    assert store.find(INGEST) is None
    caches("another machine")
    first = ingest(open_store(url))
    assert store.find(INGEST) == first
    other = ingest(open_store(url), work=Work("ingest", 2))["prompts"]
    assert store.resolve("prompts", other.artifact_id[:10]) == other
    assert store.get(other.artifact_id) == other


def test_the_first_of_two_writers_wins_and_both_go_on(url, caches):
    stores = []
    for name in ("one", "two"):
        caches(name)
        stores.append(open_store(url))
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(ingest, stores)
    assert {t: a.artifact_id for t, a in one.items()} == {t: a.artifact_id for t, a in two.items()}
    caches("three")
    assert len(open_store(url).artifacts(superseded=True)) == 2


def test_tags_retractions_and_lineage_are_shared(url, caches):
    store = open_store(url)
    parent = ingest(store)["prompts"]
    child = ingest(store, work=Work("copy", 1, parents=[parent.artifact_id]))["prompts"]
    store.tag("gold", child.artifact_id)
    store.supersede(child.artifact_id, "wrong")
    caches("another machine")
    other = open_store(url)
    assert other.tags() == {"gold": child.artifact_id}
    assert other.resolve("prompts", "gold").superseded
    ancestors = other.lineage(child.artifact_id, "up")
    assert [step.artifact.artifact_id for step in ancestors] == [parent.artifact_id]
    other.restore(child.artifact_id)
    assert not open_store(url).get(child.artifact_id).superseded


def test_checkpoints_are_downloaded_whole(url, caches, tmp_path):
    weights = tmp_path / "weights" / "deep"
    weights.mkdir(parents=True)
    (weights / "model.bin").write_bytes(bytes(1000))
    (weights.parent / "config.json").write_text("{}")
    relative = open_store(url).put_checkpoint("feedfeedfeedfeed", weights.parent)
    caches("another machine")
    found = open_store(url).checkpoint(relative, verify=True)
    assert (found / "deep" / "model.bin").read_bytes() == bytes(1000)
    assert (found / "config.json").read_text() == "{}"


def test_parts_without_their_manifest_are_not_there(url, caches):
    """This is what a killed upload leaves: the manifest is put last."""
    store = open_store(url)
    outputs = ingest(store)
    root = store._root
    root.delete(f"{outputs['quarantine'].path}/manifest.json")
    caches("another machine")
    seen = open_store(url)
    assert (seen.artifacts(superseded=True), seen.find(INGEST)) == ([], None)
    again = ingest(seen)
    assert {a.artifact_id for a in again.values()} == {a.artifact_id for a in outputs.values()}
    assert seen.verify() == []


def test_what_was_deleted_there_is_forgotten_here(url):
    store = open_store(url)
    outputs = ingest(store)
    for artifact in outputs.values():
        store._root.delete(f"{artifact.path}/manifest.json")
    assert open_store(url).artifacts(superseded=True) == []


def test_a_damaged_object_is_found_refused_and_healed(tmp_path):
    url = f"file://{tmp_path}/objects"
    store = open_store(url)
    artifact = ingest(store)["prompts"]
    flip_a_byte(tmp_path / "objects" / artifact.path / "part-00000.parquet")
    assert [(fault.artifact_id, fault.file) for fault in store.verify()] == [
        (artifact.artifact_id, "part-00000.parquet")
    ]
    with pytest.raises(InputError, match="missing or damaged"):
        store.read(artifact)
    ingest(store)
    assert store.verify() == []
    assert store.rows(PROMPTS, artifact) == prompts(3)


def test_a_damaged_file_in_the_cache_is_downloaded_again(tmp_path):
    store = open_store(f"file://{tmp_path}/objects")
    artifact = ingest(store)["prompts"]
    store.read(artifact)
    cached = next((tmp_path / "cache").rglob("part-00000.parquet"))
    flip_a_byte(cached)
    assert store.rows(PROMPTS, artifact, verify=True) == prompts(3)


def test_a_store_in_memory_works(tmp_path):
    store = Store(ObjectRoot("memory://test", MemoryStore(), tmp_path / "cache"))
    outputs = ingest(store)
    assert store.find(INGEST) == outputs
    assert store.sql("select count(*) as n from prompts").to_pylist() == [{"n": 3}]
    assert open_store("memory://").artifacts() == []


@pytest.mark.parametrize(
    "url", ["ftp://a/b", "s3://", "http://a/b", "://", "file:///proc/none/x"], ids=ascii
)
def test_a_url_that_cannot_be_a_root_is_refused(url):
    with pytest.raises(InputError, match="the store's root"):
        open_store(url)


def test_a_bucket_that_does_not_exist_is_refused(url):
    if not url.startswith("s3:"):
        pytest.skip("only S3 has buckets")
    with pytest.raises(InputError, match="Check that the bucket exists"):
        open_store("s3://no-such-bucket/x")
    assert not Path("s3:").exists()
    assert "AWS_SECRET_ACCESS_KEY" in os.environ


def test_a_path_object_is_never_a_url(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_store(Path("s3:/bucket")).location == str(tmp_path / "s3:" / "bucket")


def test_urllib_reaches_the_server(s3_endpoint):
    """If this fails the fixture does, not the store."""
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{s3_endpoint}/no-such-bucket")
