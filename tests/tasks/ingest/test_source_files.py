"""Files of a source: which of a folder are read, and what identifies them."""

import gzip
import hashlib
import os
import shutil

import pytest

from storage.input_error import InputError
from tasks.ingest.params import IngestParams
from tasks.ingest.read_files import SourceFiles
from tasks.ingest.source_files import find_source_files, fingerprint_of

ROW = b'{"chosen": "a", "rejected": "b"}\n'


def make(folder, *names, content=ROW):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def found(folder, **params):
    files = find_source_files(
        IngestParams(**{"source": "preferences", "path": str(folder)} | params)
    )
    return [file.removeprefix(f"{folder}/") for file in files]


def test_a_file_is_itself(tmp_path):
    make(tmp_path, "rows.jsonl")
    assert find_source_files(
        IngestParams(source="preferences", path=str(tmp_path / "rows.jsonl"))
    ) == (str(tmp_path / "rows.jsonl"),)


def test_a_directory_is_all_its_files_of_known_formats_by_name(tmp_path):
    make(tmp_path, "b.csv", "a/z.jsonl.gz", "a/y.parquet", "c.JSON", "d.xlsx")
    make(tmp_path, "README.md", "LICENSE", "dataset_infos.json", "notes.txt", "x.parquet.gz")
    make(tmp_path, ".cache/rows.jsonl", "a/.hidden.jsonl")
    assert found(tmp_path) == ["a/y.parquet", "a/z.jsonl.gz", "b.csv", "c.JSON", "d.xlsx"]


def test_a_subset_is_a_directory_in_it(tmp_path):
    make(tmp_path, "askacademia/train.json", "askhistory/test.json")
    assert found(tmp_path, source="shp", subset="askhistory") == ["askhistory/test.json"]
    with pytest.raises(
        InputError, match=r"no subset 'askhistry'; it has askacademia, askhistory\."
    ):
        found(tmp_path, source="shp", subset="askhistry")


def test_of_hh_rlhf_the_four_subsets_of_comparisons_are_read(tmp_path):
    make(tmp_path, "helpful-base/train.jsonl.gz", "harmless-base/train.jsonl.gz")
    make(tmp_path, "harmless-base/test.jsonl.gz", "red-team-attempts/red_team_attempts.jsonl.gz")
    make(tmp_path, "dataset_infos.json")
    assert found(tmp_path, source="hh-rlhf") == [
        "harmless-base/test.jsonl.gz",
        "harmless-base/train.jsonl.gz",
        "helpful-base/train.jsonl.gz",
    ]
    helpful = found(tmp_path, source="hh-rlhf", subset="helpful-base")
    assert helpful == ["helpful-base/train.jsonl.gz"]
    assert found(tmp_path / "helpful-base", source="hh-rlhf") == ["train.jsonl.gz"]
    with pytest.raises(InputError, match="'red-team-attempts'; it has harmless-base, helpful-base"):
        found(tmp_path, source="hh-rlhf", subset="red-team-attempts")


def test_of_the_aclimdb_folder_labeled_reviews_are_read(tmp_path):
    make(tmp_path, "train/pos/0_9.txt", "train/neg/0_2.txt", "test/pos/1_7.txt", content=b"Fine.")
    make(tmp_path, "train/unsup/0_0.txt", "imdb.vocab", "train/urls_pos.txt", content=b"x")
    make(tmp_path, "train/labeledBow.feat", content=b"x")
    every = ["test/pos/1_7.txt", "train/neg/0_2.txt", "train/pos/0_9.txt"]
    assert sorted(found(tmp_path, source="imdb")) == every
    assert sorted(found(tmp_path, source="imdb", subset="test")) == every[:1]
    assert sorted(found(tmp_path / "train", source="imdb")) == ["neg/0_2.txt", "pos/0_9.txt"]


@pytest.mark.parametrize("source", ["hh-rlhf", "imdb", "preferences"])
def test_a_directory_without_files_is_told_with_what_is_there(tmp_path, source):
    make(tmp_path, "notes.txt", "README.md")
    with pytest.raises(InputError, match=r"looked for \.jsonl.*found README\.md, notes\.txt"):
        found(tmp_path, source=source)


def test_a_subset_of_a_file_is_refused(tmp_path):
    make(tmp_path, "rows.jsonl")
    with pytest.raises(InputError, match="is a single file; leave subset empty"):
        found(tmp_path / "rows.jsonl", subset="x")


def test_a_path_that_is_not_there_is_refused(tmp_path):
    make(tmp_path, "rows.jsonl")
    with pytest.raises(InputError, match=r"did you mean '.*rows\.jsonl'"):
        found(tmp_path / "row.jsonl")


def test_files_of_different_formats_are_read_one_after_the_other(tmp_path):
    make(tmp_path, "a.jsonl.gz", content=ROW * 2000)
    make(tmp_path, "b.csv", content=b"chosen,rejected\nc,d\n")
    make(tmp_path, "c.json", content=b'[{"chosen": "e", "rejected": "f"}]')
    paths = [str(tmp_path / name) for name in ("a.jsonl.gz", "b.csv", "c.json")]
    with SourceFiles(paths) as files:
        assert files.bytes_read == 0
        rows, told = [], []
        for row in files:
            rows.append(row)
            told.append(files.bytes_read)
        assert (
            files.bytes_read == files.num_bytes == sum((tmp_path / p).stat().st_size for p in paths)
        )
        assert files.prefix is None
    assert told == sorted(told)
    assert [row.values["chosen"] for row in rows] == ["a"] * 2000 + ["c", "e"]
    assert [(row.file, row.line) for row in rows[-2:]] == [(paths[1], 2), (paths[2], 1)]


def test_of_several_files_no_prefix_can_be_skipped(tmp_path):
    make(tmp_path, "a.jsonl", "b.jsonl")
    paths = [str(tmp_path / name) for name in ("a.jsonl", "b.jsonl")]
    with SourceFiles(paths[:1]) as one:
        list(one)
        prefix = one.prefix
    with SourceFiles(paths) as files:
        assert not files.skip(prefix)
        assert len(list(files)) == 2


def test_a_file_that_is_left_early_is_closed(tmp_path):
    make(tmp_path, "a.jsonl", content=ROW * 9)
    with SourceFiles([str(tmp_path / "a.jsonl")]) as files:
        next(iter(files))
        opened = files._file
    assert opened._file.closed


def test_the_fingerprint_of_one_file_is_its_hash(tmp_path):
    make(tmp_path, "a.jsonl")
    assert fingerprint_of([str(tmp_path / "a.jsonl")]) == {
        "sha256": hashlib.sha256(ROW).hexdigest()
    }


def test_the_fingerprint_of_files_follows_their_names_and_contents_but_not_their_place(tmp_path):
    make(tmp_path / "one", "a/x.jsonl", "b/y.jsonl")
    shutil.copytree(tmp_path / "one", tmp_path / "two")

    def fingerprint(folder):
        return fingerprint_of(sorted(str(path) for path in (tmp_path / folder).rglob("*.jsonl")))

    before = fingerprint("one")
    assert fingerprint("two") == before
    (tmp_path / "two/a/x.jsonl").rename(tmp_path / "two/a/z.jsonl")
    renamed = fingerprint("two")
    make(tmp_path / "one", "a/x.jsonl", content=ROW * 2)
    changed = fingerprint("one")
    make(tmp_path / "one", "c.jsonl")
    more = fingerprint("one")
    assert len({row["sha256"] for row in (before, renamed, changed, more)}) == 4


def test_a_folder_that_may_not_be_listed_stops_the_ingest(tmp_path, monkeypatch):
    """Its rows would be missing from the data without a word; the superuser may list everything."""
    make(tmp_path, "open/a.jsonl", "locked/b.jsonl")
    listed = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"locked cannot be read: Permission denied"):
        found(tmp_path)


def test_hidden_folders_and_files_are_left_out(tmp_path):
    make(tmp_path, "a.jsonl", ".b.jsonl", ".cache/c.jsonl", "d/.e/f.jsonl", "d/g.jsonl")
    assert found(tmp_path) == ["a.jsonl", "d/g.jsonl"]
