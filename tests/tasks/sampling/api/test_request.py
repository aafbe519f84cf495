"""What makes two calls the same call."""

import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sampling.api.request import ApiRequest

URL = "http://127.0.0.1:8000/v1"
BODY = {"model": "m", "messages": [{"role": "user", "content": "Grüße, 世界"}], "n": 2}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(fields=st.dictionaries(st.text(), JSON, max_size=4), sample_index=st.integers(0, 99))
def test_the_key_is_the_digest_of_sorted_json(fields: dict[str, object], sample_index: int) -> None:
    request = ApiRequest(body=BODY | fields, sample_index=sample_index)
    call = {"base_url": URL, "endpoint": "/chat/completions", "body": request.body}
    text = json.dumps(call, ensure_ascii=False, separators=(",", ":"))
    in_order = json.dumps(_sorted(call), ensure_ascii=False, separators=(",", ":"))
    assert json.loads(request.canonical(URL)) == json.loads(text)
    expected = hashlib.sha256(f"{in_order}#{sample_index}".encode()).hexdigest()
    assert request.key(URL) == expected


def _sorted(value: object) -> object:
    """Return the value with the keys of its objects in the order of their UTF-8 bytes."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=str.encode)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def test_the_order_of_fields_does_not_matter() -> None:
    backwards = {name: BODY[name] for name in reversed(BODY)}
    assert ApiRequest(body=BODY).key(URL) == ApiRequest(body=backwards).key(URL)


OTHERS = [
    pytest.param(ApiRequest(body=BODY, sample_index=1), URL, id="another draw"),
    pytest.param(ApiRequest(body=BODY | {"model": "m2"}), URL, id="another model"),
    pytest.param(ApiRequest(body=BODY | {"temperature": 0}), URL, id="one more field"),
    pytest.param(ApiRequest(body=BODY | {"seed": None}), URL, id="a field that is null"),
    pytest.param(ApiRequest(body=BODY, endpoint="/decisions"), URL, id="another endpoint"),
    pytest.param(ApiRequest(body=BODY), "http://127.0.0.1:8001/v1", id="another server"),
    pytest.param(
        ApiRequest(body=BODY | {"messages": [{"role": "user", "content": "Grüße, 世界 "}]}),
        URL,
        id="one more space",
    ),
]


@pytest.mark.parametrize(("request_", "url"), OTHERS)
def test_another_call_has_another_key(request_: ApiRequest, url: str) -> None:
    assert re.fullmatch("[0-9a-f]{64}", request_.key(url))
    assert request_.key(url) != ApiRequest(body=BODY).key(URL)


def test_a_body_that_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError):
        ApiRequest(body=BODY | {"stop": {"a", "b"}}).key(URL)


@pytest.mark.parametrize(("n", "num"), [({}, 1), ({"n": None}, 1), ({"n": 1}, 1), ({"n": 5}, 5)])
def test_one_text_is_asked_for_unless_more_are(n: dict[str, object], num: int) -> None:
    assert ApiRequest(body={"model": "m"} | n).num_choices == num
