"""Text as HTML in which nothing acts and nothing hides: escaped, with marks for control characters."""

import html
import re
import unicodedata
from functools import lru_cache
from itertools import groupby

_BIDI = "\u202a-\u202e\u2066-\u2069"
_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufff9-\ufffb"
_HIDDEN = re.compile(f"[{_BIDI}]{{1,64}}|[{_CONTROL}]{{1,64}}")
_IS_BIDI = re.compile(f"[{_BIDI}]")
_NEWLINES = re.compile(r"\r\n?")


def visible(text: str) -> str:
    """Return `text` as HTML content in which control characters are named instead of obeyed.

    Characters that turn the direction of writing around (U+202A to 202E, U+2066 to 2069) become a
    span of class `bidi`, other control characters except tab and newline one of class `control`.
    A run of up to 64 of them is one span.
    """
    return _HIDDEN.sub(lambda found: _named(found.group()), html.escape(text))


def visible_attribute(text: str) -> str:
    """Return `text`, not escaped yet, with the codes of control characters in their place."""
    return _HIDDEN.sub(lambda found: _codes(found.group()), text)


def preformatted(text: str) -> str:
    """Return the whole of `text`, as it is, in a `pre` of class `plain`."""
    # A parser drops the newline right after the tag, so one is given to it.
    return f'<pre class="plain">\n{visible(with_newlines(text))}</pre>'


def with_newlines(text: str) -> str:
    r"""Return `text` with every end of a line as \n."""
    return _NEWLINES.sub("\n", text)


@lru_cache(maxsize=1024)  # a megabyte of NULs between letters would take seconds
def _named(run: str) -> str:
    kind = "bidi" if _IS_BIDI.match(run) else "control"
    name = unicodedata.name(run[0], "") if len(set(run)) == 1 else ""
    title = f' title="{name}"' if name else ""
    return f'<span class="{kind}"{title}>{_codes(run)}</span>'


def _codes(run: str) -> str:
    counted = [(character, len(list(same))) for character, same in groupby(run)]
    return " ".join(
        f"U+{ord(character):04X}" + (f" x{count}" if count > 1 else "")
        for character, count in counted
    )
