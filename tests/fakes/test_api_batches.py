"""The fake's batches, from upload to files of results, through OpenAI's own client."""

import openai
import orjson
import pytest

from tests.fakes.api_calls import CHAT
from tests.fakes.api_client import connect
from tests.fakes.api_server import FakeApi


def line(name, **more):
    body = {"model": "m", "messages": [{"role": "user", "content": name}]}
    return {"custom_id": name, "method": "POST", "url": CHAT, "body": body, **more}


def start_batch(client, lines):
    content = b"\n".join(orjson.dumps(one) for one in lines)
    uploaded = client.files.create(file=("in.jsonl", content), purpose="batch")
    assert client.files.content(uploaded.id).read() == content
    return client.batches.create(
        input_file_id=uploaded.id,
        endpoint=CHAT,
        completion_window="24h",
        metadata={"digest": "d1"},
    )


def lines_of(client, file_id):
    if file_id is None:
        return []
    return [orjson.loads(one) for one in client.files.content(file_id).read().splitlines()]


def counts(batch):
    found = batch.request_counts
    return batch.status, found.total, found.completed, found.failed


def test_a_batch_is_answered_step_by_step_with_errors_in_a_file_of_their_own():
    faults = [None, "429", "refusal", "closed-mid"]
    with FakeApi(faults=faults, batch_polls=2) as api, connect(api) as client:
        batch = start_batch(client, [line(name) for name in "abcd"])
        assert counts(batch) == ("validating", 4, 0, 0)
        assert counts(client.batches.retrieve(batch.id)) == ("in_progress", 4, 1, 1)
        done = client.batches.retrieve(batch.id)
        assert counts(done) == ("completed", 4, 2, 2)
        assert client.batches.retrieve(batch.id) == done
        good = lines_of(client, done.output_file_id)
        bad = lines_of(client, done.error_file_id)
    assert done.metadata == {"digest": "d1"}
    assert [one["custom_id"] for one in good] == ["c", "a"]  # no order is promised
    said = [one["response"]["body"]["choices"][0]["message"]["content"] for one in good]
    assert said == [None, "Echo 1: a"]
    assert [one["custom_id"] for one in bad] == ["d", "b"]
    assert (bad[0]["response"], bad[0]["error"]["code"]) == (None, "server_error")
    assert bad[1]["response"]["status_code"] == 429
    assert [(call.in_batch, call.is_billed) for call in api.calls] == [
        (True, True),
        (True, False),
        (True, True),
        (True, False),
    ]


def test_a_batch_that_expires_names_what_it_left_unanswered():
    with FakeApi(batch_polls=1, batch_answers=1) as api, connect(api) as client:
        batch = client.batches.retrieve(start_batch(client, [line("a"), line("b")]).id)
        assert counts(batch) == ("expired", 2, 1, 1)
        (left,) = lines_of(client, batch.error_file_id)
    assert (left["custom_id"], left["response"]) == ("b", None)
    assert left["error"]["code"] == "batch_expired"
    assert api.num_billed == 1


def test_a_cancelled_batch_keeps_what_was_answered():
    with FakeApi(batch_polls=2) as api, connect(api) as client:
        batch = start_batch(client, [line("a"), line("b")])
        client.batches.retrieve(batch.id)
        assert client.batches.cancel(batch.id).status == "cancelling"
        ended = client.batches.retrieve(batch.id)
        assert counts(ended) == ("cancelled", 2, 1, 1)
        assert [one["custom_id"] for one in lines_of(client, ended.output_file_id)] == ["a"]
        (left,) = lines_of(client, ended.error_file_id)
        with pytest.raises(openai.ConflictError, match="status 'cancelled'"):
            client.batches.cancel(batch.id)
    assert (left["custom_id"], left["error"]["code"]) == ("b", "batch_cancelled")
    assert api.num_billed == 1


@pytest.mark.parametrize(
    ("lines", "code", "number"),
    [
        pytest.param([line("a"), line("a")], "duplicate_custom_id", 2, id="same name"),
        pytest.param([line("a", url="/v1/decisions")], "mismatched_url", 1, id="other endpoint"),
        pytest.param([{"custom_id": "a"}], "missing_required_parameter", 1, id="no body"),
        pytest.param([], "empty_file", None, id="empty"),
    ],
)
def test_a_batch_with_a_bad_line_fails_as_a_whole(lines, code, number):
    with FakeApi() as api, connect(api) as client:
        batch = client.batches.retrieve(start_batch(client, lines).id)
    assert batch.status == "failed"
    assert [(error.code, error.line) for error in batch.errors.data] == [(code, number)]
    assert api.calls == []


def test_batches_are_listed_from_the_newest_in_pages():
    with FakeApi() as api, connect(api) as client:
        assert client.batches.list().data == []
        ids = [start_batch(client, [line("a")]).id for _ in range(5)]
        first = client.batches.list(limit=2)
        assert ([one.id for one in first.data], first.has_more) == ([ids[4], ids[3]], True)
        assert not client.batches.list(limit=5).has_more
        assert [one.id for one in client.batches.list(limit=2)] == ids[::-1]  # page after page


def test_what_a_batch_does_not_know_it_says():
    with FakeApi() as api, connect(api) as client:
        uploaded = client.files.create(file=("in.jsonl", b"{}"), purpose="batch")
        for call in (
            lambda: client.batches.retrieve("batch_none"),
            lambda: client.files.content("file-none"),
            lambda: client.batches.create(
                input_file_id="file-none", endpoint=CHAT, completion_window="24h"
            ),
        ):
            with pytest.raises(openai.NotFoundError):
                call()
        with pytest.raises(openai.BadRequestError, match="cannot be batched"):
            client.batches.create(
                input_file_id=uploaded.id, endpoint="/v1/decisions", completion_window="24h"
            )
        with pytest.raises(openai.BadRequestError, match="a file for 'batch' is needed"):
            client.files.create(file=("in.jsonl", b"{}"), purpose="vision")


def test_a_batch_may_be_made_though_nobody_hears_of_it():
    with FakeApi(batch_faults=[None, None, "closed-mid"]) as api, connect(api) as client:
        with pytest.raises(openai.APIConnectionError):
            start_batch(client, [line("a")])
        assert [one.metadata for one in client.batches.list().data] == [{"digest": "d1"}]
