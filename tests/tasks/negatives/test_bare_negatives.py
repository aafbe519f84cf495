"""Files of bare negatives: what is read, what is refused and why."""

import gzip

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.input_error import InputError
from storage.tables.table import Message
from tasks.negatives.bare import read_bare


@pytest.fixture
def written(tmp_path):
    def write(*rows, name="negatives.jsonl"):
        lines = [row if isinstance(row, bytes) else orjson.dumps(row) for row in rows]
        path = tmp_path / name
        content = b"\n".join(lines) + b"\n"
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


@pytest.mark.parametrize(
    ("row", "rejected"),
    [
        pytest.param({"prompt": "Hi", "response": "No."}, ["No."], id="response"),
        pytest.param({"prompt": "Hi", "rejected": "No."}, ["No."], id="rejected"),
        pytest.param(
            {"prompt": "Hi", "responses": ["a", "b", "c"], "preferred": 1},
            ["a", "c"],
            id="preferred",
        ),
        pytest.param(
            {"prompt": "Hi", "responses": ["a", "b"], "preferred": None}, ["a", "b"], id="none good"
        ),
        pytest.param({"prompt": "Hi", "response": "No.", "note": 1}, ["No."], id="extra field"),
    ],
)
@pytest.mark.parametrize("name", ["n.jsonl", "n.jsonl.gz"])
def test_every_shape_of_row_is_read(written, row, rejected, name):
    result = read_bare(written(row, name=name))
    assert [negative.rejected for negative in result.negatives] == rejected
    assert result.refusals == ()
    negative = result.negatives[0]
    assert negative.messages == (Message("user", "Hi"),)
    assert (negative.split, negative.pair_id, negative.anchors) == ("train", None, ())
    assert negative.origin == f"{name}:1"


def test_prompts_are_messages_or_a_string_in_the_role_that_was_asked_for(written):
    turns = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    path = written({"prompt": turns, "response": "No."}, {"prompt": "It was", "response": " bad"})
    result = read_bare(path, prompt_role="text")
    assert result.negatives[0].messages == (Message("system", "Be kind."), Message("user", "Hi"))
    assert result.negatives[1].messages == (Message("text", "It was"),)


REFUSED = [
    pytest.param(b"{broken", "is not JSON", id="broken"),
    pytest.param(b'"text"', "is a JSON str", id="a string"),
    pytest.param(b"[]", "is a JSON list", id="a list"),
    pytest.param(b'{"prompt": "Hi", "response": "\xff"}', "is not JSON", id="not UTF-8"),
    pytest.param(b'{"prompt": "Hi", "response": "\\ud800"}', "is not JSON", id="half a surrogate"),
    pytest.param(b'{"prompt": "Hi", "response": NaN}', "is not JSON", id="NaN"),
    pytest.param({"response": "No."}, "has no prompt", id="no prompt"),
    pytest.param({"prompt": "Hi"}, "has no response", id="no response"),
    pytest.param({"prompt": "", "response": "x"}, "empty prompt", id="empty prompt"),
    pytest.param({"prompt": "Hi", "response": " \n"}, "empty response", id="blank response"),
    pytest.param({"prompt": "Hi", "response": None}, "type NoneType", id="null response"),
    pytest.param({"prompt": 7, "response": "x"}, "prompt of type int", id="a number as prompt"),
    pytest.param({"prompt": [], "response": "x"}, "prompt of type list", id="no messages"),
    pytest.param(
        {"prompt": [{"role": "bot", "content": "x"}], "response": "x"}, "role 'bot'", id="role"
    ),
    pytest.param(
        {"prompt": [{"role": "assistant", "content": "x"}], "response": "x"},
        "ends with a assistant turn",
        id="nothing asked",
    ),
    pytest.param({"prompt": [{"role": "user"}], "response": "x"}, "not {role", id="no content"),
    pytest.param(
        {"prompt": "Hi", "response": "a", "rejected": "b"}, "response and rejected", id="two shapes"
    ),
    pytest.param({"prompt": "Hi", "responses": ["a"]}, "null if none is", id="preferred missing"),
    pytest.param(
        {"prompt": "Hi", "responses": ["a", "b"], "preferred": 2}, "responses 0 to 1", id="index"
    ),
    pytest.param(
        {"prompt": "Hi", "responses": ["a", "b"], "preferred": -1}, "preferred -1", id="negative"
    ),
    pytest.param(
        {"prompt": "Hi", "responses": ["a", "b"], "preferred": True}, "preferred True", id="bool"
    ),
    pytest.param(
        {"prompt": "Hi", "responses": ["a"], "preferred": 0}, "besides the preferred", id="only one"
    ),
    pytest.param({"prompt": "Hi", "responses": [], "preferred": None}, "not a list", id="no texts"),
    pytest.param({"prompt": "Hi", "responses": "a", "preferred": None}, "not a list", id="a text"),
]


@pytest.mark.parametrize(("row", "reason"), REFUSED)
def test_a_row_that_cannot_be_used_is_refused_with_its_line_and_reason(written, row, reason):
    good = {"prompt": "Hi", "response": "first"}
    path = written(good, row, {"prompt": "Hi", "response": "last"})
    result = read_bare(path)
    assert [negative.rejected for negative in result.negatives] == ["first", "last"]
    (refusal,) = result.refusals
    assert reason in refusal.reason
    assert (refusal.line, refusal.byte_offset) == (2, len(orjson.dumps(good)) + 1)
    assert refusal.file == str(path)


def test_of_several_responses_only_the_unusable_ones_are_refused(written):
    row = {"prompt": "Hi", "responses": ["good", "bad", "good", "", 5, "worse"], "preferred": 0}
    result = read_bare(written(row))
    assert [negative.rejected for negative in result.negatives] == ["bad", "worse"]
    reasons = [refusal.reason for refusal in result.refusals]
    assert reasons == [
        "response 2 is the same text as the preferred one",
        "has an empty response 3",
        "has a response 4 of type int, not a text",
    ]


def test_a_repeated_negative_is_refused_with_the_line_it_repeats(written):
    row = {"prompt": "Hi", "response": "No."}
    twice = {"prompt": "Hi", "responses": ["x", "x"], "preferred": None}
    result = read_bare(written(row, {"prompt": "Ho", "response": "No."}, row, twice))
    assert [negative.rejected for negative in result.negatives] == ["No.", "No.", "x"]
    assert [(refusal.line, refusal.reason[-17:]) for refusal in result.refusals] == [
        (3, "negatives.jsonl:1"),
        (4, "negatives.jsonl:4"),
    ]


def test_prompts_that_evaluation_asks_are_not_trained_on(written):
    path = written({"prompt": "Hi", "response": "No."}, {"prompt": "Ho", "response": "No."})
    result = read_bare(path, held_out={(Message("user", "Hi"),)})
    assert [negative.messages[0].content for negative in result.negatives] == ["Ho"]
    assert "would leak" in result.refusals[0].reason


def test_blank_lines_and_a_byte_order_mark_are_no_rows(written):
    path = written(b'\xef\xbb\xbf{"prompt": "Hi", "response": "No."}\r', b"", b"  ")
    result = read_bare(path)
    assert (len(result.negatives), result.refusals) == (1, ())


def test_the_raw_row_of_a_refusal_is_cut_at_64_kb(written):
    result = read_bare(written({"text": "x" * 100_000}))
    assert len(result.refusals[0].raw) == 64 * 1024


def test_a_missing_file_is_an_input_error_with_the_closest_name(written):
    path = written({"prompt": "Hi", "response": "No."})
    with pytest.raises(InputError, match=r"did you mean .*negatives\.jsonl"):
        read_bare(path.with_name("negative.jsonl"))
    with pytest.raises(InputError, match="does not exist"):
        read_bare(path.parent / "nowhere" / "negatives.jsonl")
    with pytest.raises(InputError, match="does not exist"):
        read_bare(path.parent)


def test_another_file_type_and_a_damaged_file_are_input_errors(written, tmp_path):
    with pytest.raises(InputError, match=r"is not \.jsonl"):
        read_bare(written({"prompt": "Hi", "response": "No."}, name="n.csv"))
    whole = written(*({"prompt": str(i), "response": "No."} for i in range(999)), name="n.jsonl.gz")
    (tmp_path / "cut.jsonl.gz").write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(InputError, match="is damaged after byte"):
        read_bare(tmp_path / "cut.jsonl.gz")
    (tmp_path / "plain.jsonl.gz").write_bytes(b'{"prompt": "Hi", "response": "No."}')
    with pytest.raises(InputError, match="is damaged after byte 0"):
        read_bare(tmp_path / "plain.jsonl.gz")


@given(st.lists(st.binary(max_size=60).filter(lambda raw: b"\n" not in raw), max_size=8))
def test_every_line_of_any_file_is_read_or_refused(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("any") / "any.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    result = read_bare(path)
    told = {int(row.origin.split(":")[1]) for row in result.negatives}
    told |= {refusal.line for refusal in result.refusals}
    assert told == {index for index, line in enumerate(lines, start=1) if line.strip()}
