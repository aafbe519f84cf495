"""Rows of Excel workbooks, written by another library."""

import datetime as dt
import zipfile

import orjson
import pytest
import xlsxwriter

from storage.input_error import InputError
from tasks.ingest import read_sheet
from tasks.ingest.read_records import read_records
from tasks.ingest.source_file import SourceFile


def write(folder, rows, *, others=()):
    path = folder / "rows.xlsx"
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as workbook:
        for name, cells in (("first", rows), *others):
            sheet = workbook.add_worksheet(name)
            for number, row in enumerate(cells):
                sheet.write_row(number, 0, row)
    return path


def records_of(path):
    with SourceFile(str(path)) as file:
        return list(read_records(file))


def test_the_first_row_names_the_columns_and_lines_are_those_that_excel_shows(tmp_path):
    path = write(
        tmp_path,
        [["prompt", "chosen "], ["p", "c"], [], ["q\nr", "d, e"]],
        others=[("second", [["other"], ["x"]])],
    )
    first, second = records_of(path)
    assert (first.line, first.values) == (2, {"prompt": "p", "chosen": "c"})
    assert (second.line, second.values) == (4, {"prompt": "q\nr", "chosen": "d, e"})
    assert orjson.loads(second.raw) == ["q\nr", "d, e"]


def test_cells_keep_their_types(tmp_path):
    day = dt.datetime(2026, 1, 2)  # noqa: DTZ001  - a cell has no time zone
    path = write(
        tmp_path,
        [["n", "x", "yes", "text", "day", "none"], [3, 0.5, True, "1,2", day, None]],
    )
    (record,) = records_of(path)
    assert record.values == {
        "n": 3, "x": 0.5, "yes": True, "text": "1,2", "day": day, "none": None,
    }  # fmt: skip
    assert [type(value) for value in record.values.values()][:4] == [int, float, bool, str]


@pytest.mark.parametrize("text", ["NA", "nan", "None", "null", "N/A", " padded ", "007"])
def test_texts_that_look_like_something_else_stay_texts(tmp_path, text):
    assert records_of(write(tmp_path, [["a"], [text]]))[0].values == {"a": text}


def test_blank_rows_above_the_header_are_passed_over(tmp_path):
    records = records_of(write(tmp_path, [[], [], ["a", "b"], ["1", "2"]]))
    assert [(record.line, record.values) for record in records] == [(4, {"a": "1", "b": "2"})]


def test_short_rows_have_empty_cells_and_cells_without_a_column_are_refused(tmp_path):
    records = records_of(write(tmp_path, [["a", "b"], ["1"], ["1", "2", "3"]]))
    assert records[0].values == {"a": "1", "b": None}
    assert (records[1].fault, records[1].raw) == ("wrong number of columns", b'["1","2","3"]')


def test_a_sheet_without_rows_has_none(tmp_path):
    assert records_of(write(tmp_path, [])) == []
    assert records_of(write(tmp_path, [["a", "b"]])) == []


@pytest.mark.parametrize("header", [["a", "a"], ["a", "", "", "b"]], ids=["twice", "no name"])
def test_a_header_that_cannot_be_used_is_told(tmp_path, header):
    with pytest.raises(InputError, match="names a column twice, or not at all"):
        records_of(write(tmp_path, [header, ["1"] * len(header)]))


def test_a_broken_workbook_is_told(tmp_path):
    path = write(tmp_path, [["a"], ["1"]])
    content = path.read_bytes()
    for damaged in (content[:-30], content[:500], b"a,b\n1,2\n", b"\xd0\xcf\x11\xe0" + bytes(999)):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"rows\.xlsx is no readable \.xlsx workbook"):
            records_of(path)


def test_an_archive_that_is_no_workbook_is_told(tmp_path):
    path = tmp_path / "rows.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", "x")
    with pytest.raises(InputError, match=r"is no readable \.xlsx workbook"):
        records_of(path)


def test_an_archive_that_unpacks_to_far_more_than_its_size_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(read_sheet, "MIN_BOMB_BYTES", 1_000_000)
    path = tmp_path / "rows.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(3_000_000))
    with pytest.raises(InputError, match=r"would unpack to 3,000,000; read are up to 1,000,000"):
        records_of(path)
