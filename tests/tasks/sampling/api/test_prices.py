"""What models cost."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.input_error import InputError
from tasks.sampling.api.prices import FREE, Price, Prices, unknown_price
from tasks.sampling.api.reply import Usage

OPENAI = "https://api.openai.com/v1"
DOLLARS = st.floats(0, 1000)


def test_each_kind_of_token_has_its_price() -> None:
    # 1,000 prompt tokens: 600 from the cache, 100 into it, 300 plain; 200 of completion.
    # (300 * 2 + 600 * 0.2 + 100 * 2.5 + 200 * 10) / 1e6 = (600 + 120 + 250 + 2000) / 1e6
    price = Price(prompt=2.0, completion=10.0, cached_prompt=0.2, cache_write=2.5)
    usage = Usage(
        prompt_tokens=1000, completion_tokens=200, cached_tokens=600, cache_write_tokens=100
    )
    assert price.usd(usage) == pytest.approx(0.00297)
    assert price.usd(usage, batch=True) == pytest.approx(0.001485)


def test_the_cache_costs_the_full_price_where_the_table_does_not_say() -> None:
    usage = Usage(
        prompt_tokens=1000, completion_tokens=0, cached_tokens=600, cache_write_tokens=100
    )
    assert Price(prompt=2.0, completion=10.0).usd(usage) == pytest.approx(0.002)


def test_a_cache_that_is_free_costs_nothing() -> None:
    price = Price(prompt=2.0, completion=10.0, cached_prompt=0.0, cache_write=0.0)
    usage = Usage(
        prompt_tokens=1000, completion_tokens=0, cached_tokens=600, cache_write_tokens=400
    )
    assert price.usd(usage) == 0.0


@given(
    prompt=DOLLARS,
    completion=DOLLARS,
    cached=st.none() | DOLLARS,
    written=st.none() | DOLLARS,
    tokens=st.tuples(*[st.integers(0, 10_000)] * 4),
    batch=st.booleans(),
)
def test_no_use_of_the_cache_costs_more_than_the_most(
    prompt: float,
    completion: float,
    cached: float | None,
    written: float | None,
    tokens: tuple[int, int, int, int],
    batch: bool,
) -> None:
    price = Price(prompt=prompt, completion=completion, cached_prompt=cached, cache_write=written)
    plain, num_cached, num_written, said = tokens
    usage = Usage(
        prompt_tokens=plain + num_cached + num_written,
        completion_tokens=said,
        cached_tokens=num_cached,
        cache_write_tokens=num_written,
    )
    most = price.most_usd(usage.prompt_tokens, said, batch=batch)
    assert price.usd(usage, batch=batch) <= most * (1 + 1e-12)


TABLE = Prices(
    {
        "gpt-6*": Price(prompt=1, completion=1),
        "gpt-6-sol*": Price(prompt=2, completion=2),
        "gpt-6-sol-mini": Price(prompt=3, completion=3),
    }
)
NAMES = [
    pytest.param("gpt-6-sol-mini", 3.0, id="exact"),
    pytest.param("gpt-6-sol-mini-2026", 2.0, id="the longest start"),
    pytest.param("gpt-6-sol", 2.0, id="the start alone"),
    pytest.param("gpt-6-luna", 1.0, id="the shorter start"),
    pytest.param("GPT-6", None, id="another case"),
    pytest.param("openai/gpt-6", None, id="a name before it"),
    pytest.param("", None, id="empty"),
]


@pytest.mark.parametrize(("model", "dollars"), NAMES)
def test_a_model_has_the_price_of_its_name_or_of_the_longest_start(
    model: str, dollars: float | None
) -> None:
    price = TABLE.price(model, OPENAI)
    assert (price and price.prompt) == dollars


@pytest.mark.parametrize(
    ("url", "is_free"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://localhost/v1", True),
        ("http://[::1]:80/v1", True),
        ("https://localhost.example.com/v1", False),
        ("https://example.com/localhost", False),
        ("http://10.0.0.1/v1", False),
    ],
)
def test_only_a_server_on_this_machine_is_free(url: str, is_free: bool) -> None:
    assert TABLE.price("unknown", url) == (FREE if is_free else None)
    assert TABLE.price("gpt-6-sol", url) == Price(prompt=2, completion=2)


def test_a_table_of_ones_own_stands_over_the_built_in_one(tmp_path: Path) -> None:
    table = tmp_path / "prices.yaml"
    table.write_text("gpt-4o: {prompt: 7, completion: 8}\nmine*: {prompt: 1, completion: 2}\n")
    prices = Prices.read(str(table))
    assert prices.price("gpt-4o", OPENAI) == Price(prompt=7, completion=8)
    assert prices.price("mine-2", OPENAI) == Price(prompt=1, completion=2)
    assert prices.price("gpt-4.1", OPENAI) == Price(prompt=2, completion=8)
    assert Prices.read("").price("mine-2", OPENAI) is None


ODD_TABLES = [
    pytest.param(b"- gpt-4o\n", id="a list"),
    pytest.param(b"gpt-4o: 3\n", id="one number"),
    pytest.param(b"gpt-4o: {prompt: 1}\n", id="no completion"),
    pytest.param(b"gpt-4o: {prompt: 1, completion: -2}\n", id="negative"),
    pytest.param(b"gpt-4o: {prompt: .nan, completion: 2}\n", id="NaN"),
    pytest.param(b"gpt-4o: {prompt: .inf, completion: 2}\n", id="infinite"),
    pytest.param(b"gpt-4o: {prompt: 1, completion: 2, output: 3}\n", id="unknown field"),
    pytest.param(b"gpt-4o: {prompt: cheap, completion: 2}\n", id="a word"),
    pytest.param(b"gpt-4o: {prompt: 1\n", id="open brace"),
    pytest.param(b"\xff\xfe\x00", id="no text"),
    pytest.param(b"text", id="a scalar"),
]


@pytest.mark.parametrize("content", ODD_TABLES)
def test_an_odd_table_is_named_with_an_example_of_a_good_one(
    tmp_path: Path, content: bytes
) -> None:
    table = tmp_path / "prices.yaml"
    table.write_bytes(content)
    with pytest.raises(InputError, match=r"(?s)prices\.yaml.*my-model: \{prompt: 1\.25"):
        Prices.read(str(table))


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_table_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        Prices.read(str(tmp_path / name))


def test_an_unknown_price_says_what_to_write() -> None:
    assert "`m1: {prompt: 1.25, completion: 10.0}`" in str(unknown_price("m1"))
