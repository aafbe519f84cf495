"""Texts are counted in words, or in tokens of a tokenizer."""

import logging
from pathlib import Path

import pytest

from storage.input_error import InputError
from tasks.curation.token_count import open_token_counter
from tasks.training.base.scratch_model import train_tokenizer

GPT2 = Path(__file__).parents[3] / "../shared/models/gpt2-tokenizer"
TEXTS = ["The film was a quiet joy.", "The film was long."]


@pytest.fixture(scope="module")
def tiny_tokenizer(tmp_path_factory):
    out = tmp_path_factory.mktemp("tokenizer")
    tokenizer = train_tokenizer(TEXTS, vocab_size=280, context_tokens=16)
    tokenizer.save_pretrained(out)
    return out


def test_without_a_tokenizer_words_are_counted():
    counter = open_token_counter("")
    counts = counter.count(["two words", "", "  a\n\tb c ", "one"])
    assert counts.tolist() == [2, 0, 3, 1]
    assert counts.dtype == "int64"
    assert counter.unit == "words"
    assert counter.special_tokens == frozenset()


def test_no_texts_have_no_lengths(tiny_tokenizer):
    assert open_token_counter("").count([]).tolist() == []
    assert open_token_counter(str(tiny_tokenizer)).count([]).tolist() == []


def test_a_tokenizer_counts_its_tokens_without_adding_any(tiny_tokenizer):
    """It knows single bytes, so a text in other letters has one token a byte."""
    counter = open_token_counter(str(tiny_tokenizer))
    assert counter.count(["", "\u4f60\u597d", "<|begin|>"]).tolist() == [0, 6, 1]
    assert counter.unit == "tokens"
    assert counter.special_tokens == {"<|begin|>", "<|end|>", "<|pad|>"}


def test_many_texts_are_counted_as_one_by_one(tiny_tokenizer):
    counter = open_token_counter(str(tiny_tokenizer))
    texts = [f"{text} {number}" for number in range(1_100) for text in TEXTS]
    alone = [int(counter.count([text])[0]) for text in texts[:20]]
    counts = counter.count(texts)
    assert counts[:20].tolist() == alone
    assert len(counts) == 2_200


def test_a_text_longer_than_the_context_is_counted_without_a_warning(tiny_tokenizer, caplog):
    with caplog.at_level(logging.WARNING):
        assert open_token_counter(str(tiny_tokenizer)).count(["\u4f60" * 100]).tolist() == [300]
    assert caplog.records == []


@pytest.mark.skipif(not GPT2.exists(), reason="GPT-2's tokenizer is not beside the checkout")
def test_the_tokenizer_of_gpt2_counts_as_published():
    """Token ids from its documentation: "Hello world" is 15496, 995."""
    counter = open_token_counter(str(GPT2))
    assert counter.count(["Hello world", "<|endoftext|>", ""]).tolist() == [2, 1, 0]
    assert counter.special_tokens == {"<|endoftext|>"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("/nowhere/at/all", id="missing directory"),
        pytest.param("two words", id="no name"),
        pytest.param(str(Path(__file__).parent), id="a directory without a tokenizer"),
    ],
)
def test_a_tokenizer_that_cannot_be_loaded_is_refused(name):
    with pytest.raises(InputError, match=r"tokenizer .* cannot be loaded.*tokenizer\.json"):
        open_token_counter(name)
