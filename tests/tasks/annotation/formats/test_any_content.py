"""Whatever a file holds, it is read, refused row by row, or refused as a whole."""

import copy

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.input_error import InputError
from storage.tables.labels import LABELS
from storage.tables.quarantine import QUARANTINE
from storage.tables.table import row_id
from tasks.annotation.formats.read_comparisons import read_comparisons
from tasks.annotation.formats.write_labels import write_labels
from tests.tasks.annotation.formats.made_labels import labelled

MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
odd_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 12),
        st.sampled_from(
            [1e300, 0.5, "", "a", "tie", "left", "response_1", "{", "[]", "\0", "user"]
        ),
        st.text(max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["id", "value", "role", "content", "x"]), inner, max_size=3
        ),
    ),
    max_leaves=5,
)


def read(folder, content):
    """Read content, and write down what came of it as the store does."""
    path = folder / "file"
    path.write_bytes(content)
    try:
        found = read_comparisons(path)
    except InputError:
        return None
    QUARANTINE.to_arrow(found.refusals)
    LABELS.to_arrow(found.labels)
    row_id([item.item_id for item in found.items])
    return found


@MANY
@given(
    content=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode()))
)
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    read(tmp_path_factory.mktemp("any"), content)


def places(value):
    """Yield each container in a JSON value with a key of it."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


@pytest.mark.parametrize("kind", ["jsonl", "label-studio", "argilla"])
@MANY
@given(data=st.data(), made=labelled())
def test_an_export_with_anything_in_any_place_is_read_or_refused(
    kind, tmp_path_factory, data, made
):
    folder = tmp_path_factory.mktemp("any")
    write_labels(folder / "out", kind, *made)
    content = (folder / "out").read_bytes()
    rows = (
        [orjson.loads(line) for line in content.splitlines()]
        if kind == "jsonl"
        else orjson.loads(content)
    )
    changed = copy.deepcopy(rows)
    for _ in range(data.draw(st.integers(1, 3))):
        where, key = data.draw(st.sampled_from(list(places(changed))))
        where[key] = data.draw(odd_values)
    lines = [orjson.dumps(row) for row in changed]
    found = read(folder, b"\n".join(lines) if kind == "jsonl" else b"[" + b",".join(lines) + b"]")
    if found is not None:  # nothing is lost without a word
        assert found.refusals or len(found.items) == len(made[0])


@MANY
@given(data=st.data(), made=labelled())
def test_an_export_cut_or_changed_anywhere_is_read_or_refused(tmp_path_factory, data, made):
    folder = tmp_path_factory.mktemp("any")
    kind = data.draw(st.sampled_from(["jsonl", "csv", "label-studio", "argilla"]))
    write_labels(folder / "out", kind, *made)
    content = bytearray((folder / "out").read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place : data.draw(st.integers(place, len(content)))] = data.draw(st.binary(max_size=3))
    read(folder, bytes(content))
