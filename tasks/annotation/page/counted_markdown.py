"""A Markdown parser that gives up on texts that would keep it busy for seconds."""

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType

MOST_STEPS = 50_000
"""What 100,000 characters of ordinary Markdown stay below; at most half a second."""
MOST_BLOCKS = 20_000
"""Parts of the text; a table of 20 kB can have 65,000 cells, most of which the parser adds."""
_BLOCK_STEPS = 4
_LINK_STEPS = 6
"""How many times longer a step takes that begins a block or may begin a link."""
MOST_NESTING = 40
_LEFT = "steps_left"


class TangledTextError(Exception):
    """A text that takes too many steps, or nests so deeply that the parser would drop a part.

    Steps are counted instead of seconds, so that a text always looks the same, on a busy machine too.
    """


def counted_markdown() -> MarkdownIt:
    """Return a parser of CommonMark with tables and strikethrough, without HTML.

    Every text needs an `env` of its own from `steps`. Lines that only define a link (`[a]: b`) are
    text like any other: as definitions they would not be shown.
    """
    markdown = MarkdownIt("zero")
    markdown.inline = _CountedInline()
    options = {"html": False, "breaks": True, "maxNesting": MOST_NESTING}
    markdown.configure("commonmark", options_update=options)
    markdown.enable(["table", "strikethrough"]).disable("reference")
    markdown.core.ruler.at("normalize", _keep_nul)
    markdown.core.ruler.after("block", "whole", _check_whole)
    markdown.inline.ruler.before("text", "counted", _count_inline)
    interrupts: RuleOptionsType = {"alt": ["paragraph", "blockquote", "list", "table"]}
    markdown.block.ruler.before("table", "counted", _count_block, interrupts)
    return markdown


def steps() -> EnvType:
    """Return what a parser needs to count the steps of one text."""
    return {_LEFT: MOST_STEPS}


class _CountedInline(ParserInline):
    """The parser of what stands in a line; looking ahead is a step, too."""

    def skipToken(self, state: StateInline) -> None:  # noqa: N802 - markdown-it names it
        """Look ahead by one token."""
        _spend(state.env, 1)
        super().skipToken(state)


def _spend(env: EnvType, cost: int) -> None:
    env[_LEFT] -= cost
    if env[_LEFT] < 0:
        raise TangledTextError


def _count_inline(state: StateInline, silent: bool) -> bool:  # noqa: ARG001 - the form of a rule
    _spend(state.env, _LINK_STEPS if state.src[state.pos] in "[<" else 1)
    return False


def _count_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: ARG001
    _spend(state.env, _BLOCK_STEPS)
    _check_number(state.tokens)
    return False


def _check_number(tokens: Sequence[Token]) -> None:
    if len(tokens) > MOST_BLOCKS:
        raise TangledTextError


def _keep_nul(state: StateCore) -> None:
    """Leave ends of lines to the caller, and NUL as it is: the usual rule makes U+FFFD of it."""


def _check_whole(state: StateCore) -> None:
    _check_number(state.tokens)
    # What is nested more deeply than the limit is not among the tokens at all.
    if any(token.level >= MOST_NESTING - 1 for token in state.tokens):
        raise TangledTextError
