"""What must not stand in a text: special tokens, and traces of a wrong decoding."""

import re
from functools import lru_cache

BUILT_IN_SPECIAL_TOKENS = (
    r"<[|｜][^\s<>|｜]{1,40}[|｜]>",  # <|endoftext|>, <|im_start|>, <|user|>, those of DeepSeek  # noqa: RUF001
    r"<(?:start|end)_of_turn>",
    r"<(?:bos|eos|pad|unk)>",
    # Struck-out text in HTML begins with <s>, but the token stands in front of everything.
    r"\A\s*<s>",
    r"</s>",
    r"\[/?INST\]",
    r"<</?SYS>>",
)
"""Patterns of the special tokens of common models; `<think>` is none, reasoned answers have it."""

REPLACED = "replacement character U+FFFD"
SURROGATE = "lone surrogate"
MOJIBAKE = "UTF-8 that was read in another encoding"
CONTROL = "control character"

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# The bytes 80 to BF as windows-1252 and Latin-1 show them, which continue a character in UTF-8.
_NEXT = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"  # noqa: RUF001
_LEAD = re.compile("[Â-ô]")  # what every pattern of mojibake has; quick to look for
_MOJIBAKE = re.compile(
    f"(?<![A-ZÀ-Þ])[ÂÃ]{_NEXT}"  # é as Ã© ; not after a capital: AMANHÃ” is Portuguese
    f"|(?<=[a-z])[Ä-ß]{_NEXT}"  # a letter of Polish or Turkish inside a word in small letters
    f"|(?:[Â-ß]{_NEXT}){{2}}"  # a word in Cyrillic, Greek, Hebrew or Arabic
    "|â[€‚„†‡ˆ\x80\x82\x84\x86-\x88]"  # a curly quote, a dash, an arrow  # noqa: RUF001
    f"|(?:[à-ï]{_NEXT}{{2}}){{2}}"  # two characters of Chinese, Japanese, Korean or Hindi
    f"|á[º»]{_NEXT}(?=[a-z])"  # a letter of Vietnamese
    f"|ð[Ÿ\x9f]{_NEXT}{{2}}"  # an emoji
    "|ï»¿|ï¿½"  # a byte order mark; a replacement character
)


def special_token_in(text: str, extra: frozenset[str] = frozenset()) -> str | None:
    """Return the first special token that stands in a text as plain text, None without one.

    `extra` are those of a tokenizer, beside the built-in ones of common models.
    """
    if not extra and "<" not in text and "[" not in text:
        return None
    match = _special_tokens(extra).search(text)
    return match[0].strip() if match else None


def encoding_fault(text: str) -> str:
    """Return how a text was damaged by a wrong decoding, empty if nothing tells of it.

    Tab, line feed and carriage return are no faults. The other control characters are, up to
    U+009F: in practice U+0080 to U+009F are quotes and dashes of windows-1252 read as Latin-1.
    """
    if not text.isascii():
        if "\ufffd" in text:
            return REPLACED
        if _SURROGATE.search(text):
            return SURROGATE
        if _LEAD.search(text) and _MOJIBAKE.search(text):
            return MOJIBAKE
    return CONTROL if _CONTROL.search(text) else ""


@lru_cache(maxsize=8)
def _special_tokens(extra: frozenset[str]) -> re.Pattern[str]:
    """Return what finds any token; the longest of `extra` that fits at a place is the one."""
    longest_first = sorted(filter(None, extra), key=lambda token: (-len(token), token))
    return re.compile("|".join([*map(re.escape, longest_first), *BUILT_IN_SPECIAL_TOKENS]))
