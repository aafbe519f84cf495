"""Datasets as the datasets library reads them, from local directories and without a network."""

import subprocess
import sys

import pytest

from storage.input_error import InputError
from tasks.ingest.params import IngestParams
from tasks.ingest.read_hub import hub_fingerprint, hub_records, load_hub, resolve_revision

COMMIT = "09be8c5bbc57cb3887f3a9732ad6aa7ec602a1fa"
CONFIGURED = b"""---
configs:
- config_name: one
  data_files: data/one.jsonl
- config_name: two
  data_files: data/two.jsonl
---
"""


def make(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_jsonl", ".jsonl").replace("_md", ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def hub(folder, **params):
    return IngestParams(**{"source": "hh-rlhf", "hub_id": str(folder)} | params)


def rows_of(params):
    return [record.values for record in hub_records(load_hub(params), params.hub_id)]


def run_offline(code):
    """Run code in a process of its own, since whether the hub may be asked is read at import."""
    done = subprocess.run(
        [sys.executable, "-c", "import os; os.environ['HF_HUB_OFFLINE'] = '1'\n" + code],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout.strip()


def test_a_subset_is_a_directory_where_there_is_no_configuration_of_that_name(tmp_path):
    make(
        tmp_path, harmless__train_jsonl=b'{"a": 1}\n', helpful__train_jsonl=b'{"a": 2}\n{"a": 3}\n'
    )
    assert rows_of(hub(tmp_path, subset="harmless")) == [{"a": 1}]
    assert rows_of(hub(tmp_path, subset="helpful")) == [{"a": 2}, {"a": 3}]
    assert sorted(row["a"] for row in rows_of(hub(tmp_path))) == [1, 2, 3]
    with pytest.raises(InputError, match="with the subset 'other' is not there"):
        load_hub(hub(tmp_path, subset="other"))


def test_a_subset_is_a_configuration_first(tmp_path):
    make(
        tmp_path, data__one_jsonl=b'{"a": 1}\n', data__two_jsonl=b'{"b": 2}\n', README_md=CONFIGURED
    )
    assert rows_of(hub(tmp_path, subset="two")) == [{"b": 2}]
    with pytest.raises(InputError, match=r"several configurations: one, two\. Set subset"):
        load_hub(hub(tmp_path))


def test_rows_have_numbers_and_their_own_text(tmp_path):
    turns = b'{"chosen": [{"role": "user", "content": "hi"}]}\n'
    make(tmp_path, train_jsonl=turns * 2_500)
    records = list(hub_records(load_hub(hub(tmp_path)), "name"))
    assert [record.line for record in records] == list(range(1, 2_501))
    assert records[-1].values == {"chosen": [{"role": "user", "content": "hi"}]}
    assert records[-1].raw == b'{"chosen":[{"role":"user","content":"hi"}]}'
    assert records[-1].file == "name"


def test_rows_that_the_library_cannot_read_are_told(tmp_path):
    make(tmp_path, train_jsonl=b'{"a": 1}\n{"a": \n')
    with pytest.raises(InputError, match=r"cannot be read .* set path to one"):
        load_hub(hub(tmp_path))


def test_the_fingerprint_of_a_local_directory_follows_its_files(tmp_path):
    make(tmp_path, train_jsonl=b'{"a": 1}\n', README_md=b"x")
    before = hub_fingerprint(hub(tmp_path), "")
    make(tmp_path, train_jsonl=b'{"a": 2}\n')
    assert before != hub_fingerprint(hub(tmp_path), "") == hub_fingerprint(hub(tmp_path), "")
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="holds no file"):
        hub_fingerprint(hub(tmp_path / "none"), "")


def test_the_fingerprint_of_a_hub_dataset_is_its_commit():
    assert hub_fingerprint(hub("Anthropic/hh-rlhf"), COMMIT) == {
        "hub_id": "Anthropic/hh-rlhf",
        "hub_revision": COMMIT,
    }


def test_a_commit_is_itself_and_a_directory_has_none(tmp_path):
    assert resolve_revision(hub("Anthropic/hh-rlhf", hub_revision=COMMIT)) == COMMIT
    assert resolve_revision(hub(tmp_path)) == ""
    assert resolve_revision(IngestParams()) == ""


def test_without_the_hub_a_revision_stays_as_it_was_named():
    code = (
        "from tasks.ingest.read_hub import resolve_revision\n"
        "from tasks.ingest.params import IngestParams\n"
        "for name in ('', 'main'):\n"
        "    params = IngestParams(source='hh-rlhf', hub_id='Anthropic/hh-rlhf', hub_revision=name)\n"
        "    print(repr(resolve_revision(params)))\n"
    )
    assert run_offline(code).split() == ["''", "'main'"]


def test_a_hub_that_cannot_be_reached_is_told_with_a_remedy():
    code = (
        "from tasks.ingest.read_hub import load_hub\n"
        "from tasks.ingest.params import IngestParams\n"
        "from storage.input_error import InputError\n"
        "try:\n"
        "    load_hub(IngestParams(source='hh-rlhf', hub_id='no/such-set', subset='x'))\n"
        "except InputError as error:\n"
        "    print(error)\n"
    )
    assert "set path to a local file instead of hub_id" in run_offline(code)


def test_a_dataset_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        load_hub(hub(tmp_path / "other"))
