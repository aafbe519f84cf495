"""Markdown as HTML that is safe to show and hides nothing of what was written."""

import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from tasks.annotation.page.counted_markdown import TangledTextError, counted_markdown, steps
from tasks.annotation.page.visible_text import (
    preformatted,
    visible,
    visible_attribute,
    with_newlines,
)

MOST_CHARACTERS = 100_000
"""Longer texts are shown as they are written."""
_ADDRESS = re.compile(r"https?://|mailto:", re.IGNORECASE)
_Attributes = dict[str, str | int | float]
_LINK: _Attributes = {"rel": "noopener noreferrer nofollow", "target": "_blank"}


def rendered(text: str, *, role: str = "assistant") -> str:
    """Return `text` as HTML; a plain text that is continued (role `text`) as it is written.

    Tags and scripts of the text are shown as text, images as their description and address. What is
    too long or too tangled for the parser is shown as it is written, whole. Tags are those of
    CommonMark and tables, and `span` for what would not be seen otherwise: class `bidi` and `control`
    for characters, `image`, `language` for the language of code, and `empty` on a paragraph.
    """
    if not text:
        return '<p class="empty">(empty)</p>'
    if role == "text" or len(text) > MOST_CHARACTERS or not text.strip():
        return preformatted(text)
    return _rendered(text)


@lru_cache(maxsize=256)
def _rendered(text: str) -> str:
    try:
        return str(_MARKDOWN.render(with_newlines(text), steps()))
    except (TangledTextError, RecursionError):
        return preformatted(text)


def _markdown() -> MarkdownIt:
    markdown = counted_markdown()
    # The parser leaves what has another address as the text that it is.
    markdown.validateLink = _is_address  # type: ignore[method-assign]
    markdown.core.ruler.push("shown", _show)
    return markdown


def _is_address(url: str) -> bool:
    return _ADDRESS.match(url) is not None


def _show(state: StateCore) -> None:
    """Put finished HTML in place of every token with text; the parser itself makes none."""
    for block in state.tokens:
        for token in (block, *(block.children or ())):
            html = _shown(token)
            if html is not None:
                token.type, token.content = "html_inline", html
            elif token.type == "link_open":
                token.attrs = _link(token.attrs)
            elif "style" in token.attrs:  # a column of a table; the page's policy allows no styles
                token.attrs = {"align": str(token.attrs["style"]).removeprefix("text-align:")}


def _shown(token: Token) -> str | None:
    match token.type:
        case "text":
            return visible(token.content)
        case "code_inline":
            return f"<code>{visible(token.content)}</code>"
        case "fence" | "code_block":
            language = f'<span class="language">{visible(token.info.strip())}</span>'
            code = f"<pre><code>{visible(token.content)}</code></pre>\n"
            return (language if token.info.strip() else "") + code
        case "image":
            address = visible(str(token.attrs["src"]))
            return f'<span class="image">{visible(token.content)} ({address})</span>'
    return None


def _link(attrs: _Attributes) -> _Attributes:
    if not attrs["href"]:  # `[a]()` would lead to the page itself
        return {}
    return {name: visible_attribute(str(value)) for name, value in attrs.items()} | _LINK


_MARKDOWN = _markdown()
