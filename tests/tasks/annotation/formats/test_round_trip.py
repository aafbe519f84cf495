"""What is written in each format comes back as it was."""

import csv
import gzip
import io

import pytest
from hypothesis import HealthCheck, given, settings

from tasks.annotation.formats.formula_cell import is_dangerous
from tasks.annotation.formats.read_comparisons import read_comparisons
from tasks.annotation.formats.write_labels import write_labels
from tests.tasks.annotation.formats.made_labels import labelled

FORMATS = ["jsonl", "csv", "label-studio", "argilla"]
FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("kind", FORMATS)
@FEW
@given(made=labelled())
def test_comparisons_and_labels_come_back_as_they_were(kind, tmp_path_factory, made):
    items, labels = made
    path = tmp_path_factory.mktemp("export") / "labels"
    write_labels(path, kind, items, labels)
    read = read_comparisons(path)
    assert read.refusals == ()
    assert list(read.items) == items
    assert list(read.labels) == labels
    assert read.completions == ()  # the rows of these answers are where they were exported from


@FEW
@given(made=labelled())
def test_no_cell_of_an_export_is_a_formula(tmp_path_factory, made):
    path = tmp_path_factory.mktemp("export") / "labels.csv"
    write_labels(path, "csv", *made)
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline=""), strict=True))
    assert len(rows) > 1
    assert not [cell for row in rows for cell in row if is_dangerous(cell)]


@pytest.mark.parametrize("kind", FORMATS)
@FEW
@given(made=labelled())
def test_the_same_labels_make_the_same_bytes(kind, tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("export")
    for name in ("one.gz", "two.gz"):
        write_labels(folder / name, kind, *made)
    assert (folder / "one.gz").read_bytes() == (folder / "two.gz").read_bytes()
    assert gzip.decompress((folder / "one.gz").read_bytes()).strip()
    assert sorted(path.name for path in folder.iterdir()) == ["one.gz", "two.gz"]
