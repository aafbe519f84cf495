"""Own comparisons under any column names."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.input_error import InputError
from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.ingest.ingest_rows import IngestRows
from tasks.ingest.params import IngestParams
from tasks.ingest.preferences import preferences_rows, shapes
from tasks.ingest.record import Record

USER, ASSISTANT = "user", "assistant"


def preferences(*rows, **params):
    records = [
        Record(file="own.jsonl", line=line, raw=orjson.dumps(row), values=row)
        for line, row in enumerate(rows, start=1)
    ]
    chosen = IngestParams(source="preferences", path="own.jsonl", **params)
    return list(preferences_rows(records, chosen))


def turns(*contents):
    roles = (USER, ASSISTANT) * len(contents)
    return [{"role": r, "content": c} for r, c in zip(roles, contents, strict=False)]


def row(prompt="q", chosen="a", rejected="b", **more):
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected, **more}


ASKED = (Message(USER, "q"),)
LONGER = (Message(USER, "p"), Message(ASSISTANT, "o"), Message(USER, "q"))


@pytest.mark.parametrize(
    ("given_row", "messages"),
    [
        pytest.param(row(), ASKED, id="texts"),
        pytest.param(row(prompt=turns("q")), ASKED, id="a prompt of messages"),
        pytest.param(
            row(chosen=[turns("q", "a")[1]], rejected=[turns("q", "b")[1]]), ASKED, id="messages"
        ),
        pytest.param(
            {"chosen": turns("q", "a"), "rejected": turns("q", "b")}, ASKED, id="implicit prompt"
        ),
        pytest.param(
            row(prompt=None, chosen=turns("q", "a"), rejected=turns("q", "b")),
            ASKED,
            id="implicit prompt beside a null",
        ),
        pytest.param(
            row(chosen=turns("q", "a"), rejected=turns("q", "b")), ASKED, id="the prompt twice"
        ),
        pytest.param(
            row(chosen=turns("p", "o", "q", "a"), rejected=turns("p", "o", "q", "b")),
            LONGER,
            id="the prompt column holds one turn of several",
        ),
        pytest.param(
            row(prompt=turns("p", "o", "q"), chosen="a", rejected="b"), LONGER, id="several turns"
        ),
        pytest.param(
            row(prompt=turns("p", "o", "q"), chosen=turns("p", "o", "q", "a"), rejected="b"),
            LONGER,
            id="one answer as a conversation",
        ),
        pytest.param(
            row(
                prompt="",
                chosen=orjson.dumps(turns("q", "a")).decode(),
                rejected=orjson.dumps(turns("q", "b")).decode(),
            ),
            ASKED,
            id="conversations in a CSV",
        ),
    ],
)
def test_every_way_to_write_a_comparison_gives_a_prompt_and_two_answers(given_row, messages):
    (example,) = preferences(given_row)
    assert example.messages == messages
    assert (example.chosen, example.rejected) == (" a", " b")
    assert (example.labeler, example.margin, example.agreement) == ("preferences", None, None)
    assert (example.demonstrations, example.negatives) == ((), ())


def test_the_start_of_a_text_is_continued_verbatim():
    (example,) = preferences(
        row(prompt="It was", chosen=" good", rejected="n't"), prompt_role="text"
    )
    assert example.messages == (Message("text", "It was"),)
    assert (example.chosen, example.rejected) == (" good", "n't")


def test_transcripts_are_left_as_they_are():
    transcript = "\n\nHuman: q\n\nAssistant:"
    (example,) = preferences(row(prompt=transcript))
    assert example.messages == (Message(USER, transcript),)


@pytest.mark.parametrize(
    ("given_row", "reason"),
    [
        pytest.param(row(prompt=""), "no value in column prompt", id="empty prompt"),
        pytest.param(row(prompt=None), "no value in column prompt", id="null prompt"),
        pytest.param(row(prompt=" "), "empty text in column prompt", id="blank prompt"),
        pytest.param(row(chosen=""), "empty text in column chosen", id="empty answer"),
        pytest.param(row(rejected=None), "no value in column rejected", id="one answer"),
        pytest.param(row(chosen=5), "column chosen is no text", id="a number"),
        pytest.param(row(chosen="b\n"), "chosen equals rejected", id="equal answers"),
        pytest.param({"chosen": "a", "rejected": "b"}, "no value in column prompt", id="no prompt"),
        pytest.param(
            row(chosen=turns("x", "a"), rejected=turns("x", "b")),
            "column prompt is not the prompt of the conversations",
            id="two prompts",
        ),
        pytest.param(
            row(chosen=turns("q", "a"), rejected=turns("x", "b")),
            "conversations differ before the last turn",
            id="conversations about two things",
        ),
        pytest.param(
            row(chosen=turns("x", "a"), rejected="b"),
            "column chosen answers another prompt",
            id="one conversation about another thing",
        ),
    ],
)
def test_a_row_that_is_no_comparison_is_refused_with_its_reason(given_row, reason):
    refusal, kept = preferences(given_row, row())
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.line) == (reason, 1)
    assert kept.line == 2


def test_columns_may_have_any_name():
    named = {"prompt": "question", "chosen": "best", "margin": "by", "labeler": "who"}
    given_row = {"question": "q", "best": "a", "rejected": "b", "by": "1.5", "who": "Ada"}
    (example,) = preferences(given_row, columns=named)
    assert (example.messages, example.chosen, example.rejected) == (ASKED, " a", " b")
    assert (example.margin, example.labeler) == (1.5, "Ada")


def test_margin_and_labeler_are_read_only_where_the_map_names_them():
    (example,) = preferences(row(margin="wide", labeler=7))
    assert (example.margin, example.labeler) == (None, "preferences")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(None, "no value in column by", id="null"),
        pytest.param("wide", "column by is no number", id="a word"),
        pytest.param("nan", "column by is no number", id="not a number"),
        pytest.param(float("inf"), "column by is no number", id="infinite"),
        pytest.param(10**400, "column by is no number", id="beyond floats"),
        pytest.param(True, "column by is no number", id="a boolean"),
        pytest.param([1], "column by is no number", id="a list"),
    ],
)
def test_a_margin_that_is_no_number_is_refused(value, reason):
    values = row(by=value)
    record = Record(file="f", line=1, raw=b"", values=values)
    params = IngestParams(source="preferences", path="f", columns={"margin": "by"})
    (refusal,) = preferences_rows([record], params)
    assert refusal.reason == reason


def test_the_required_columns_are_those_of_the_map():
    def required(**columns):
        return shapes(IngestParams(source="preferences", path="f", columns=columns))

    assert required() == (("prompt", "chosen", "rejected"), ("chosen", "rejected"))
    assert required(chosen="best") == (("prompt", "best", "rejected"), ("best", "rejected"))
    assert required(prompt="q", margin="by") == (("q", "chosen", "rejected", "by"),)


def test_a_map_of_unknown_names_is_an_input_error_that_lists_the_known_ones():
    params = IngestParams(source="preferences", path="f", columns={"chossen": "best"})
    with pytest.raises(InputError, match=r"'chossen'.*prompt, chosen, rejected, margin, labeler"):
        shapes(params)


answers = st.sampled_from(["a", " a", "b", "", None, 3, turns("q", "a"), turns("x", "b"), []])


@given(st.lists(st.tuples(st.sampled_from(["q", "", None, 3, turns("q")]), answers, answers)))
def test_every_row_is_kept_refused_or_a_duplicate(rows):
    ingest = IngestRows(preferences(*(row(*values) for values in rows)))
    assert len(list(ingest)) <= len(rows)
    assert ingest.counts.rows_read == len(rows)
