"""What the files of a batch, and the batch itself, say about each call."""

import sqlite3

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Batch

from tasks.sampling.api.batch_end import BatchEnd, parse_line, read_line
from tasks.sampling.api.batch_rows import line_ends
from tasks.sampling.api.batch_settle import settle_lines, settle_rest
from tasks.sampling.api.bill import Bill
from tasks.sampling.api.journal_rows import add
from tasks.sampling.api.journal_tables import SCHEMA, Hold, Spent
from tasks.sampling.api.prices import Price, Prices
from tasks.sampling.api.reply import Outcome
from tests.fakes.api_asking import MODEL, chat

URL = "https://api.example.com/v1"
BILL = Bill(Prices({MODEL: Price(prompt=2.0, completion=10.0)}), URL, batch=True)
REQUEST = chat("hi")
NOTHING = Spent(tokens=0, usd=0.0)
HELD = BILL.hold(REQUEST)
MOST = Spent(tokens=HELD.tokens, usd=HELD.usd)
REPLY = {
    "model": "m-1",
    "choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 10},
}


def line(custom_id="k", status=200, body=None, error=None):
    response = None if status is None else {"status_code": status, "body": body}
    return {"id": "batch_req_1", "custom_id": custom_id, "response": response, "error": error}


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"custom_id": "k", "response"', id="cut off"),
        pytest.param(b"<html></html>", id="a page"),
        pytest.param(b"{}", id="no name"),
        pytest.param(b'{"error": {"message": "busy"}}', id="an error object"),
        pytest.param(b'{"custom_id": 7}', id="a number as name"),
        pytest.param(b'{"custom_id": "\\ud800"}', id="half a surrogate pair as name"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
    ],
)
def test_what_is_no_line_is_none(raw):
    assert parse_line(raw) is None


def test_a_text_that_is_no_unicode_spoils_its_own_reply_alone():
    # as over HTTP, where such a body is no JSON either
    raw = b'{"custom_id": "k", "response": {"status_code": 200, "body": {"choices": ["\\ud800"]}}}'
    settled = read_line(parse_line(raw), REQUEST, BILL)
    assert settled.outcome is Outcome.NOT_JSON
    assert settled.body == b'{"choices": ["\\ud800"]}'


def test_a_reply_is_kept_as_it_was_and_billed_at_half_the_price():
    settled = read_line(line(body=REPLY), REQUEST, BILL)
    assert (settled.outcome, orjson.loads(settled.body)) == (Outcome.OK, REPLY)
    assert (settled.spent.tokens, settled.spent.usd) == (110, pytest.approx(150e-6))


@pytest.mark.parametrize(
    ("given_line", "outcome", "detail", "spent"),
    [
        pytest.param(line(body={}), Outcome.NOT_A_COMPLETION, "no reply: '{}'", MOST, id="empty"),
        pytest.param(
            line(body=None), Outcome.NOT_A_COMPLETION, "no object: 'null'", MOST, id="null"
        ),
        pytest.param(
            line(status=429, body={"error": {"message": "slow"}}),
            Outcome.RATE_LIMITED,
            "HTTP 429: slow",
            NOTHING,
            id="429",
        ),
        pytest.param(line(status=408), Outcome.TIMEOUT, "HTTP 408: None", NOTHING, id="408"),
        pytest.param(
            line(status=400, body="x"), Outcome.BAD_REQUEST, "HTTP 400: x", NOTHING, id="400"
        ),
        pytest.param(line(status=502), Outcome.SERVER_ERROR, "HTTP 502: None", NOTHING, id="502"),
        pytest.param(
            line(status="?"), Outcome.SERVER_ERROR, "HTTP ?: None", NOTHING, id="no number"
        ),
        pytest.param(
            line(status=None, error={"code": "batch_expired", "message": "late"}),
            Outcome.TIMEOUT,
            "batch_expired: late",
            NOTHING,
            id="expired",
        ),
        pytest.param(
            line(status=None, error={"code": "batch_cancelled", "message": "by you"}),
            Outcome.DISCONNECTED,
            "batch_cancelled: by you",
            NOTHING,
            id="cancelled",
        ),
        pytest.param(
            line(status=None, error={"code": None, "message": "what"}),
            Outcome.SERVER_ERROR,
            ": what",
            NOTHING,
            id="another error",
        ),
        pytest.param(line(status=None), Outcome.SERVER_ERROR, ": None", NOTHING, id="nothing"),
    ],
)
def test_a_line_comes_to_what_the_call_would_have(given_line, outcome, detail, spent):
    settled = read_line(given_line, REQUEST, BILL)
    assert (settled.outcome, settled.detail, settled.spent) == (outcome, detail, spent)


def batch(status, *errors, **more):
    data = [
        {"code": code, "line": number, "message": "why", "param": None} for code, number in errors
    ]
    fields = {
        "id": "batch_1",
        "object": "batch",
        "completion_window": "24h",
        "created_at": 1_000,
        "endpoint": "/v1/chat/completions",
        "input_file_id": "file-1",
        "status": status,
        "errors": {"object": "list", "data": data} if errors else None,
    }
    return Batch.model_validate(fields | more)


BAD_LINE = ("invalid_json_line", 2)
TOO_MUCH = ("token_limit_exceeded", None)
NO_MODEL = ("model_not_found", 1)


@pytest.mark.parametrize(
    ("ended", "first", "second", "fault"),
    [
        pytest.param(batch("completed"), "disconnected", "disconnected", None, id="completed"),
        pytest.param(batch("expired"), "timeout", "timeout", None, id="expired"),
        pytest.param(batch("cancelled"), "disconnected", "disconnected", None, id="cancelled"),
        pytest.param(batch("failed"), "disconnected", "disconnected", None, id="for no reason"),
        pytest.param(
            batch("failed", BAD_LINE), "disconnected", "bad-request", None, id="for one line"
        ),
        pytest.param(
            batch("failed", TOO_MUCH), "rate-limited", "rate-limited", None, id="for a limit"
        ),
        pytest.param(
            batch("failed", NO_MODEL),
            "bad-request",
            "bad-request",
            "model_not_found: why",
            id="for its model",
        ),
        pytest.param(
            batch("failed", ("empty_file", None)),
            "bad-request",
            "bad-request",
            "empty_file: why",
            id="as a whole",
        ),
    ],
)
def test_calls_that_the_files_do_not_name_are_billed_only_where_the_batch_was_completed(
    ended, first, second, fault
):
    end = BatchEnd.of(ended)
    settled = [end.without_line(number, REQUEST, BILL) for number in (1, 2)]
    assert [one.outcome for one in settled] == [first, second]
    assert {one.spent == MOST for one in settled} == {ended.status == "completed"}
    assert {one.spent == NOTHING for one in settled} == {ended.status != "completed"}
    assert end.fault == fault


def test_the_latency_is_from_the_provider_s_own_clock():
    assert BatchEnd.of(batch("completed", completed_at=1_090)).latency_seconds == 90.0
    assert BatchEnd.of(batch("expired", expired_at=1_007)).latency_seconds == 7.0
    assert BatchEnd.of(batch("completed", completed_at=990)).latency_seconds == 0.0


NUM = 4


def journal_with_a_batch():
    """Return a database with a batch of the calls 0 to 3, each held, none settled."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    for statement in SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute(
        "INSERT INTO batches (token, base_url, model, run, created_at, batch_id) "
        "VALUES ('t', ?, ?, 'r', 0, 'b')",
        (URL, MODEL),
    )
    for number in range(NUM):
        connection.execute(
            "INSERT INTO calls VALUES (?, ?, ?, 0, NULL)",
            (str(number), MODEL, REQUEST.canonical(URL)),
        )
        connection.execute(
            "INSERT INTO attempts (key, run, stage, model, owner, started_at, lease_until, "
            "held_tokens, held_usd, priced) VALUES (?, 'r', 's', ?, 'o', 0, 0, ?, ?, 1)",
            (str(number), MODEL, HELD.tokens, HELD.usd),
        )
        connection.execute("INSERT INTO batch_lines VALUES (?, 't')", (number + 1,))
        add(connection, "r", held=HELD)
    return connection


LINES = [
    line("0", body=REPLY),
    line("1", status=500),
    line("2", status=None, error={"code": "batch_expired", "message": "late"}),
    line("elsewhere", body=REPLY),
]
RAW = [orjson.dumps(one) for one in LINES]
END = BatchEnd(status="completed", latency_seconds=9.0)


def state(connection):
    (run,) = connection.execute("SELECT * FROM runs").fetchall()
    return [round(value, 9) for value in tuple(run)[1:]], line_ends(connection, "t", 0)


@given(parts=st.lists(st.lists(st.sampled_from(RAW), max_size=6), max_size=5))
def test_settling_may_be_broken_off_repeated_and_done_in_any_order(parts):
    once, often = journal_with_a_batch(), journal_with_a_batch()
    for connection, some in ((once, [RAW]), (often, [*parts, RAW])):
        for raw in some:
            assert settle_lines(connection, "t", raw, END, BILL) == 0
        for _ in some:
            settle_rest(connection, "t", END, BILL)
    assert state(often) == state(once)
    sums, ends = state(once)
    # 110 tokens at half price of (100 * 2 + 10 * 10) / 1e6 for one, the hold of the missing other
    assert sums == [0, 0.0, 110 + HELD.tokens, round(150e-6 + HELD.usd, 9)]
    assert [end.outcome for end in ends] == ["ok", "server-error", "timeout", "disconnected"]
    once.close()
    often.close()


def test_of_two_lines_of_one_call_the_first_counts():
    connection = journal_with_a_batch()
    second = [orjson.dumps(line("0", status=500)), orjson.dumps(line("0", body={}))]
    settle_lines(connection, "t", [RAW[0], *second], END, BILL)
    settle_lines(connection, "t", second, END, BILL)
    settle_rest(connection, "t", END, BILL)
    _, ends = state(connection)
    connection.close()
    assert ends[0].outcome == "ok"
    assert orjson.loads(ends[0].reply.body) == REPLY


def test_a_line_that_was_given_up_meanwhile_still_counts():
    connection = journal_with_a_batch()
    connection.execute(
        "UPDATE attempts SET ended_at = 1, outcome = 'lost', spent_tokens = held_tokens, "
        "spent_usd = held_usd WHERE key = '0'"
    )
    add(connection, "r", held=Hold(tokens=-HELD.tokens, usd=-HELD.usd), spent=MOST)
    settle_lines(connection, "t", RAW, END, BILL)
    settle_rest(connection, "t", END, BILL)
    sums, ends = state(connection)
    connection.close()
    assert sums[2] == 110 + HELD.tokens
    assert ends[0].reply is not None
