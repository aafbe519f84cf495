import sys
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.annotation.page.render_markdown import MOST_CHARACTERS, rendered

HEADINGS = {f"h{level}" for level in range(1, 7)}
CELLS = {"table", "thead", "tbody", "tr", "th", "td"}
INLINE = {"a", "br", "code", "em", "s", "span", "strong"}
BLOCKS = {"blockquote", "hr", "li", "ol", "p", "pre", "ul"}
ATTRIBUTES = {
    "a": {"href", "title", "rel", "target"},
    "ol": {"start"},
    "p": {"class"},
    "pre": {"class"},
    "span": {"class", "title"},
    "td": {"align"},
    "th": {"align"},
}
HIDDEN = {
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *map(chr, range(0x202A, 0x202F)),
} - {
    "\n",
    "\t",
}


class Seen(NamedTuple):
    tags: list[tuple[str, dict[str, str | None]]]
    text: str


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.others: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def read(html: str) -> Seen:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.others == []
    return Seen(reader.tags, "".join(reader.said))


def check_safe(html: str) -> None:
    for tag, attributes in read(html).tags:
        assert tag in HEADINGS | CELLS | INLINE | BLOCKS
        assert set(attributes) <= ATTRIBUTES.get(tag, set())
        if attributes.get("href") is not None:
            assert urlsplit(attributes["href"]).scheme in {"http", "https", "mailto"}
            assert attributes["rel"] == "noopener noreferrer nofollow"
            assert attributes["target"] == "_blank"
    assert not HIDDEN & set(html)


PIECES = st.sampled_from(
    [
        *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>"),
        *("[a](javascript:alert(1))", "[a](JaVaScRiPt:alert(1))", "[a](data:text/html,<b>)"),
        *("[a](&#106;avascript:alert(1))", "[a](\x01javascript:alert(1))", "[a](vbscript:x)"),
        *("[a](http:relative)", "[a](//evil.example)", "[a](/api/session)", "[a]()", "[a](#x)"),
        *("<javascript:alert(1)>", "<https://x.example/\u202e>", "![a](https://x.example/i.png)"),
        *('[a](https://x.example "t\u202e\x00\\" onclick=x")', "![a](data:image/svg+xml,<svg>)"),
        *("```js onload=x\n", "~~~\n", "`", "``", "    ", "\t", "| a | b |\n|:-|-:|\n| c | d |\n"),
        *("# ", "> ", "- ", "1. ", "999999999. ", "***", "**", "_", "~~", "\n", "\n\n", "\r", "\\"),
        *(
            "&lt;script&gt;",
            "&#x202e;",
            "&#0;",
            "&quot;",
            "&",
            "<",
            ">",
            '"',
            "'",
            "]",
            "[",
            ")",
            "(",
        ),
        *("\x00", "\x1b[31m", "\u202e", "\u2066", "\u2069", "\x85", "<!--", "<![CDATA[", "<?php"),
        *("[1]: javascript:alert(1)\n", "[1]: https://x.example 'y'\n", "[1]", "<a@b.example>"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=12), max_size=25).map("".join)


@given(TEXTS)
@example("[a]()")
@example('[a](https://x.example "\u202e")')
def test_whatever_is_written_becomes_harmless_tags(text: str) -> None:
    for role in ("assistant", "text"):
        check_safe(rendered(text, role=role))


@given(st.text(max_size=200))
def test_a_plain_text_is_shown_to_the_letter(text: str) -> None:
    shown = read(rendered("x" + text, role="text")).text
    lines = ("x" + text).replace("\r\n", "\n").replace("\r", "\n")
    if not HIDDEN & set(lines):
        assert shown == "\n" + lines  # parsers of pages drop the newline after <pre>


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (
            "a *b* **c** ~~d~~ `e`",
            "<p>a <em>b</em> <strong>c</strong> <s>d</s> <code>e</code></p>\n",
        ),
        ("one\ntwo", "<p>one<br />\ntwo</p>\n"),
        ("one\r\ntwo\rthree", "<p>one<br />\ntwo<br />\nthree</p>\n"),
        ("<b>a</b>", "<p>&lt;b&gt;a&lt;/b&gt;</p>\n"),
        (
            "|a|b|\n|-|-:|\n|1|2|",
            # cells say which way they are aligned without a style
            (
                '<table>\n<thead>\n<tr>\n<th>a</th>\n<th align="right">b</th>\n</tr>\n</thead>\n<tbody>\n'
                '<tr>\n<td>1</td>\n<td align="right">2</td>\n</tr>\n</tbody>\n</table>\n'
            ),
        ),
        (
            "[a](https://x.example/?b=1&c=2)",
            (
                '<p><a href="https://x.example/?b=1&amp;c=2" rel="noopener noreferrer nofollow" '
                'target="_blank">a</a></p>\n'
            ),
        ),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>\n"),
        ("[a](/api/session)", "<p>[a](/api/session)</p>\n"),
        ("[a]()", "<p><a>a</a></p>\n"),
        (
            "![a cat](https://x.example/cat.png)",
            '<p><span class="image">a cat (https://x.example/cat.png)</span></p>\n',
        ),
        ("[//]: # (hidden)", "<p>[//]: # (hidden)</p>\n"),
        (
            "```python\nx < 1\n```",
            '<span class="language">python</span><pre><code>x &lt; 1\n</code></pre>\n',
        ),
        ("a\x00b", '<p>a<span class="control">U+0000</span>b</p>\n'),
        (
            "a\u202eb",
            '<p>a<span class="bidi" title="RIGHT-TO-LEFT OVERRIDE">U+202E</span>b</p>\n',
        ),
        (
            "`\u2066\u2069\u2069`",
            '<p><code><span class="bidi">U+2066 U+2069 x2</span></code></p>\n',
        ),
        ("&#x202e;", '<p><span class="bidi" title="RIGHT-TO-LEFT OVERRIDE">U+202E</span></p>\n'),
        ("\u05e9\u05dc\u05d5\u05dd \u200f!", "<p>\u05e9\u05dc\u05d5\u05dd \u200f!</p>\n"),
        ("", '<p class="empty">(empty)</p>'),
        (" \n", '<pre class="plain">\n \n</pre>'),
    ],
    ids=[
        *(
            "emphasis",
            "line-break",
            "line-ends",
            "tags",
            "table",
            "link",
            "script-link",
            "own-page",
        ),
        *("link-to-nothing", "image", "definition", "code", "nul", "bidi", "bidi-in-code"),
        *("bidi-as-entity", "right-to-left", "empty", "blank"),
    ],
)
def test_markdown_is_shown_as_people_know_it(text: str, html: str) -> None:
    assert rendered(text) == html


def test_a_text_that_is_continued_is_no_markdown() -> None:
    assert rendered("# not a heading\r\n*", role="text") == (
        '<pre class="plain">\n# not a heading\n*</pre>'
    )


N = MOST_CHARACTERS
TANGLED = {
    "quotes": ">" * 10_000,
    "brackets": "[" * 50_000,
    "stars": "*" * 50_000,
    "stars-and-letters": "**a *b " * (N // 7),
    "images": "![" * (N // 2),
    "nested-links": "[" * 10_000 + "a" + "](b)" * 10_000,
    "nested-images": ("![" * 60 + "a" + "](http://b)" * 60) * 100,
    "nested-lists": "\n".join(" " * depth + "- a" for depth in range(400)),
    "many-nested-lists": ("- " * 45 + "a\n") * (N // 92),
    "wide-table": "|a" * 1000 + "|\n" + "|-" * 1000 + "|\n" + "|b\n" * (N // 4),
    "addresses": "<a@b> " * (N // 6),
    "lazy-quotes": (">" * 30 + "a\nb\n") * (N // 34),
    "wider-table": "|a" * 24_000 + "|\n" + "|-" * 24_000 + "|\n" + "|b\n" * 20,
    "mixed": "*_`[~!<&" * (N // 8),
    "headings": "a\n=\n" * (N // 4),
    "backticks": "".join("e" + "`" * count for count in range(445)),
    "megabyte-line": "word " * 200_000,
    "megabyte-of-tags": "<b>" * 333_333,
    "megabyte-of-nul": "\x00" * 1_000_000,
    "nul-between-letters": "a\x00" * 500_000,
}


@pytest.mark.parametrize("text", TANGLED.values(), ids=TANGLED.keys())
def test_a_text_made_to_keep_the_parser_busy_costs_few_calls(text: str) -> None:
    """Counts calls and returns of functions: 3 million take a third of a second."""
    calls = [0]

    def count(*_: object) -> None:
        calls[0] += 1

    sys.setprofile(count)
    try:
        html = rendered(text + "\n")  # no other test has left it in the cache
    finally:
        sys.setprofile(None)
    assert html
    assert calls[0] < 4_000_000


@pytest.mark.parametrize(
    "name", ["quotes", "brackets", "nested-lists", "megabyte-of-tags", "mixed"]
)
def test_what_the_parser_would_cut_or_choke_on_is_shown_whole(name: str) -> None:
    shown = read(rendered(TANGLED[name]))
    assert [tag for tag, _ in shown.tags] == ["pre"]
    assert shown.text == "\n" + TANGLED[name]


def test_a_long_answer_of_ordinary_markdown_is_rendered() -> None:
    paragraph = (
        "Some *words* with `code`, a [link](https://x.example), and more of them, as texts go, until "
        "the end.\n\n- a **first** item\n- another one\n\n"
    )
    text = paragraph * (N // len(paragraph))
    assert rendered(text).count("<ul>") == N // len(paragraph)


def test_one_character_more_than_the_limit_is_plain() -> None:
    text = "*some words* and others, " * (N // 25)
    assert rendered(text).startswith("<p><em>some words</em>")
    assert rendered(text + "b").startswith('<pre class="plain">\n*some words* ')
