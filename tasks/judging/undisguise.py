"""What a text says once it is stripped of the tricks that hide words from a filter, not a model."""

import base64
import binascii
import codecs
import html
import re
import unicodedata
from urllib.parse import unquote

_LOOKALIKES = str.maketrans(
    # Cyrillic, Greek and small capitals; written as escapes because nobody can tell them apart.
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0458\u0455"
    "\u0501\u051b\u051d\u04bb\u03b1\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u0131"
    "\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d0f"
    "\u1d18\u0280\ua731\u1d1b\u1d1c\u1d20\u1d21\u028f\u1d22",
    "abekmhopctyxijsdqwhaeikvoptuxiabcdefghijklmnoprstuvwyz",
)
_UNSEEN = frozenset(("Cf", "Mn", "Me"))
_BLANK_LETTERS = frozenset("\u3164\u115f\u1160\uffa0")
_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_REVERSED = re.compile("\u202e([^\u202c\n]+)")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[ :]?){12,}")
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2}[^\s%]{0,40}){2}")
_ROT13 = re.compile(r"\b(?:ireqvpg|vtaber|qvfertneq|nafjre|erfcbafr|fpber|whqtr|tenqre)\b")
_SPACED = re.compile(r"(?<!\w)\w(?:[ ._*-]\w){4,}(?!\w)")
_BETWEEN = re.compile(r"[ ._*-]")


def undisguise(text: str) -> str:
    """Return a text in plain lower case, followed by what is encoded in it, line by line.

    Compatible forms (full width, mathematical, circled) and lookalikes become plain letters;
    accents, zero-width and other marks that nobody sees go; entities of HTML are resolved. Decoded
    are base64, hexadecimal, percent escapes, rot13, tag characters, text written from right to
    left by an override, and words spelled letter by letter. Decoding is done once: what is encoded
    twice stays hidden.
    """
    resolved = html.unescape(text)
    plain = _plain(resolved)
    hidden = [_plain(part) for part in _hidden(resolved)]
    if _SPACED.search(plain):
        hidden.append(_SPACED.sub(lambda match: _BETWEEN.sub("", match[0]), plain))
    if _ROT13.search(plain):
        hidden.append(codecs.encode(plain, "rot13"))
    return "\n".join([plain, *hidden])


def _plain(text: str) -> str:
    # Marks go before the text is decomposed, too: sorting a long run of them takes quadratic time.
    decomposed = unicodedata.normalize("NFKD", _seen(text))
    return _seen(decomposed).casefold().translate(_LOOKALIKES)


def _seen(text: str) -> str:
    if text.isascii():
        return text
    unseen = {mark for mark in set(text) if unicodedata.category(mark) in _UNSEEN}
    return text.translate(dict.fromkeys(map(ord, unseen | _BLANK_LETTERS)))


def _hidden(text: str) -> list[str]:
    tags = [_from_tags(match[0]) for match in _TAGS.finditer(text)]
    turned = [match[1][::-1] for match in _REVERSED.finditer(text)]
    escaped = [unquote(text)] if _PERCENT.search(text) else []
    coded = [_decoded(match[0]) for match in _BASE64.finditer(text)]
    hexadecimal = [_from_hex(match[0]) for match in _HEX.finditer(text)]
    return [part for part in (*tags, *turned, *escaped, *coded, *hexadecimal) if part]


def _from_tags(tags: str) -> str:
    return "".join(chr(ord(tag) - 0xE0000) for tag in tags)


def _decoded(coded: str) -> str:
    """Return the text behind base64, empty where there is none; ordinary long words have none."""
    standard = coded.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        content = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        return _legible(content)
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _from_hex(digits: str) -> str:
    try:
        return _legible(bytes.fromhex(_BETWEEN.sub("", digits).replace(":", "")))
    except (ValueError, UnicodeDecodeError):
        return ""


def _legible(content: bytes) -> str:
    text = content.decode("utf-8")
    return text if all(mark.isprintable() or mark.isspace() for mark in text) else ""
