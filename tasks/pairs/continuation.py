"""A text to be continued: how a chat model is asked, and how its reply follows the text."""

import unicodedata

from storage.tables.prompts import Prompt
from tasks.judging.data_fence import is_text

INSTRUCTION = (
    "Continue the text below exactly where it stops, even in the middle of a sentence. Return only "
    "the continuation: do not repeat the text, and add no title, no quotation marks and no comment."
)
_NO_SPACES = frozenset({"W", "F"})
"""Widths of the characters of Chinese, Japanese and Korean, which is written without spaces."""


def continuation_turn(text: str) -> str:
    """Return the user turn that asks for the continuation of a text."""
    return f"{INSTRUCTION}\n\n{text}"


def as_answer(prompt: Prompt, reply: str) -> str:
    """Return a reply as it follows the prompt; only the reply to a text can change.

    Chat models begin a continuation with its first word and leave out the space before it, so the
    word would join the text's last one. The space is put there where a letter or digit follows
    anything but white space. A text that stops inside a word gets one too: the two cannot be told
    apart, and chat models seldom finish a word.
    """
    before = prompt.messages[0].content[-1:] if is_text(prompt) else ""
    first = reply[:1]
    if not before or before.isspace() or not first.isalnum():
        return reply
    is_spaced = _NO_SPACES.isdisjoint(map(unicodedata.east_asian_width, (before, first)))
    return f" {reply}" if is_spaced else reply
