"""Texts without what does not tell them apart."""

import re
import unicodedata

_LOWER = bytes(range(256)).lower()
_NO_WORD = re.compile(r"[\W_]+")
_NO_WORD_ASCII = bytes(code for code in range(128) if not chr(code).isalnum())


def normalized(text: str) -> str:
    """Return the letters and digits of a text alone, in lower case.

    Unicode compatibility forms are unified (NFKC) and case is folded; punctuation and white space
    do not count. A text without letters and digits is returned stripped: `?` is not `!`.
    """
    if text.isascii():
        letters = text.encode().translate(_LOWER, _NO_WORD_ASCII).decode()
    else:
        letters = _NO_WORD.sub("", unicodedata.normalize("NFKC", text).casefold())
    return letters or text.strip()
