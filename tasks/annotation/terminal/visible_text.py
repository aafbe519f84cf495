"""Text that a terminal shows and does not obey."""

import re
import unicodedata

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters but tab and newline, those that turn the direction of writing, and those that
show nothing; not the joiners that scripts and emoji need."""
_NEWLINES = re.compile(r"\r\n?")
_PICTURES = 0x2400
_DELETE, _DELETE_PICTURE = "\x7f", "\u2421"
_MOST_MARKS = 4
"""Accents on one letter; more of them would be drawn over the lines above."""


def visible(text: str, encoding: str) -> str:
    r"""Return `text` with a mark in place of every character that acts or hides; line ends are \n.

    What the terminal's encoding does not have is spelled out, as \u6f22.
    """
    plain = _NEWLINES.sub("\n", text)
    if plain.isascii() and plain.isprintable():
        return plain
    marked = _fewer_marks(_HIDDEN.sub(_mark, plain))
    return marked.encode(encoding, "backslashreplace").decode(encoding)


def _mark(found: re.Match[str]) -> str:
    character = found[0]
    if character < " ":
        return chr(_PICTURES + ord(character))
    return _DELETE_PICTURE if character == _DELETE else f"<U+{ord(character):04X}>"


def _fewer_marks(text: str) -> str:
    if text.isascii() or not any(map(unicodedata.combining, text)):
        return text
    kept, run = [], 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)
