"""Special tokens and traces of a wrong decoding are found, and ordinary texts pass."""

import csv
import gzip
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.curation.text_faults import (
    CONTROL,
    MOJIBAKE,
    REPLACED,
    SURROGATE,
    encoding_fault,
    special_token_in,
)

DATA = Path(__file__).parents[3] / "../shared/data"
HH = DATA / "hh-rlhf/harmless-base/test.jsonl.gz"
IMDB = DATA / "imdb/IMDB_Dataset_8000.csv.gz"


@pytest.mark.parametrize(
    "token",
    [
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
        "<|eot_id|>",
        "<|start_header_id|>",
        "<|begin_of_text|>",
        "<|end_of_text|>",
        "<|system|>",
        "<|user|>",
        "<|assistant|>",
        "<\uff5cend\u2581of\u2581sentence\uff5c>",
        "<start_of_turn>",
        "<end_of_turn>",
        "<bos>",
        "<eos>",
        "<pad>",
        "<unk>",
        "</s>",
        "[INST]",
        "[/INST]",
        "<<SYS>>",
        "<</SYS>>",
    ],
)
def test_special_tokens_of_common_models_are_found(token):
    assert special_token_in(f"An answer.{token} And more.") == token
    assert special_token_in(token) == token


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("an ordinary text", id="no sign"),
        pytest.param("<think>First, ...</think> So it is 4.", id="a reasoned answer"),
        pytest.param("<b>bold</b> and a <br /> break", id="HTML"),
        pytest.param("the price was <s>20", id="struck-out text begins"),
        pytest.param("if a <| b |> c and x <|> y", id="operators"),
        pytest.param("[1] see [Smith] and a[INSTANCE]", id="square brackets"),
        pytest.param("std::vector<s> v; <unknown>", id="angle brackets in code"),
        pytest.param("1 << 2 >> SYS", id="shifts"),
    ],
)
def test_ordinary_texts_have_no_special_token(text):
    assert special_token_in(text) is None


def test_a_begin_token_is_one_in_front_of_a_text_only():
    assert special_token_in(" <s>Hello") == "<s>"
    assert special_token_in("Hello <s>") is None
    assert special_token_in("Hello <s>", frozenset({"<s>"})) == "<s>"


def test_tokens_of_a_tokenizer_are_looked_for_too():
    extra = frozenset({"~END~", "~END~OF", ".*", ""})
    assert special_token_in("so ~END~OF all", extra) == "~END~OF"
    assert special_token_in("so ~END~ <pad>", extra) == "~END~"
    assert special_token_in("<pad> ~END~", extra) == "<pad>"
    assert special_token_in("a.*b", extra) == ".*"
    assert special_token_in("nothing", extra) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("caf\ufffd", REPLACED, id="replacement character"),
        pytest.param("a\ud83db", SURROGATE, id="lone surrogate"),
        pytest.param("a\x07b", CONTROL, id="bell"),
        pytest.param("\x1b[31mred", CONTROL, id="terminal colours"),
        pytest.param("a\x7f", CONTROL, id="delete"),
        pytest.param("page\x0cpage", CONTROL, id="form feed"),
        pytest.param("wait\x85 what \x96 no", CONTROL, id="windows-1252 read as Latin-1"),
        pytest.param("a\tb\r\nc", "", id="tab and line ends"),
        pytest.param("plain", "", id="ASCII"),
        pytest.param("", "", id="nothing"),
        pytest.param("zero\u200bwidth \u202eright to left", "", id="format characters"),
    ],
)
def test_characters_that_no_text_has_are_told(text, fault):
    assert encoding_fault(text) == fault


SAMPLES = {
    "quotes": "it\u2019s \u201cfine\u201d \u2013 really\u2026",
    "French": "Voil\u00e0, c'\u00e9tait d\u00e9j\u00e0 l'\u00e9t\u00e9 o\u00f9 nous \u00e9tions \u00e0 Paris.",
    "German": "Die B\u00e4ume gr\u00fcnen sch\u00f6n \u00fcber der Stra\u00dfe.",
    "Spanish": "\u00bfQu\u00e9 a\u00f1o es?",
    "Polish": "Ksi\u0105\u017cka by\u0142a wspania\u0142a, ale \u017c\u00f3\u0142ta.",
    "Turkish": "\u0130yi g\u00fcnler, \u015fimdi",
    "Czech": "P\u0159\u00edli\u0161 \u017elu\u0165ou\u010dk\u00fd k\u016f\u0148",
    "Vietnamese": "Ti\u1ebfng Vi\u1ec7t r\u1ea5t \u0111\u1eb9p",
    "Russian": "\u041f\u0440\u0438\u0432\u0435\u0442, \u043a\u0430\u043a \u0434\u0435\u043b\u0430",
    "Greek": "\u039a\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1 \u03ba\u03cc\u03c3\u03bc\u03b5",
    "Hebrew": "\u05e9\u05dc\u05d5\u05dd",
    "Arabic": "\u0645\u0631\u062d\u0628\u0627",
    "Hindi": "\u0928\u092e\u0938\u094d\u0924\u0947",
    "Chinese": "\u4f60\u597d\u4e16\u754c",
    "Japanese": "\u3053\u3093\u306b\u3061\u306f",
    "Korean": "\uc548\ub155\ud558\uc138\uc694",
    "emoji": "nice \U0001f600",
    "signs": "5 \u20ac, \u00a35 and 20 \u00b0 \u2122",
}


def as_windows_1252(data):
    """Decode as browsers do: the five bytes that windows-1252 leaves open are themselves."""
    return "".join(
        chr(byte) if byte in b"\x81\x8d\x8f\x90\x9d" else bytes([byte]).decode("cp1252")
        for byte in data
    )


@pytest.mark.parametrize("text", SAMPLES.values(), ids=SAMPLES)
def test_texts_of_many_languages_pass_until_they_are_decoded_wrongly(text):
    assert encoding_fault(text) == ""
    assert encoding_fault(as_windows_1252(text.encode())) == MOJIBAKE
    assert encoding_fault(text.encode().decode("latin-1")) == MOJIBAKE


@pytest.mark.parametrize(
    "text",
    [
        "CAF\u00c9\u2019S",
        "\u201cTR\u00c8S CAF\u00c9\u201d",
        "il dit \u00e0\u00a0\u00ab bonjour \u00bb",
        "caf\u00e9\u00a0\u00bb",
        "caf\u00e9\u2026\u201d",
        "AMANH\u00c3\u201d",
        "\u00c4\u00d6\u00dc\u201c und \u00df\u201d",
        "20\u00a0\u00b0C, 10\u00d720",
        "gar\u00e7on \u2013 \u00ab\u00e9t\u00e9\u00bb",
        "est\u00e1\u00bb\u2026",
        "S\u00c3O PAULO, \u00c3O",
        "ni\u00f1o\u2019s, ma\u00f1ana\u201d",
    ],
)
def test_accents_beside_punctuation_are_no_mojibake(text):
    assert encoding_fault(text) == ""


@given(st.text(st.characters(max_codepoint=0x7E, min_codepoint=0x20)))
def test_printable_ascii_has_no_encoding_fault(text):
    assert encoding_fault(text) == ""


@pytest.mark.skipif(not HH.exists(), reason="the real HH-RLHF file is not beside the checkout")
def test_real_conversations_have_no_fault():
    with gzip.open(HH) as file:
        rows = [orjson.loads(line) for line in file]
    texts = [row[side] for row in rows for side in ("chosen", "rejected")]
    assert {encoding_fault(text) for text in texts} == {""}
    assert {special_token_in(text) for text in texts} == {None}


@pytest.mark.skipif(not IMDB.exists(), reason="the real IMDb file is not beside the checkout")
def test_real_reviews_have_dashes_of_windows_1252_and_nothing_else():
    """Counted with grep: 272 of 8,000 reviews hold a byte pair C2 80 to C2 9F."""
    with gzip.open(IMDB, "rt", encoding="utf-8", newline="") as file:
        texts = [row["review"] for row in csv.DictReader(file)]
    faults = [fault for text in texts if (fault := encoding_fault(text))]
    assert faults == [CONTROL] * 272
    assert {special_token_in(text) for text in texts} == {None}
