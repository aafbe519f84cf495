"""The part of a judge's prompt that other people wrote."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import orjson

from storage.tables.prompts import Prompt

_UNSEEN = "\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f"
_ESCAPED = re.compile(rf"[{_UNSEEN}]|<(?=[|\uff5c/a-zA-Z])|\[(?=/?[A-Z_]{{2,}}\])")
"""What could pass for something else than data: line ends and marks that nobody sees, and the
beginnings of special tokens (`<|im_end|>`, `</s>`, `[/INST]`), which some servers honour in texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """One line of JSON between two lines that carry a nonce.

    The nonce is the beginning of a sha256 over the rubric's identity and the JSON, that is over
    the conversation and the answers in the order in which they are shown. So a rerun asks with the
    same prompt and pays nothing, while nobody can write a text that closes the fence: the text
    would have to hold a hash over itself, and a nonce that does occur in the JSON is never used, the
    next one is. JSON holds no line break, so no line of a text can pass for a line of the fence.
    """

    nonce: str
    data: str

    @property
    def begin(self) -> str:
        """The line before the data."""
        return f"BEGIN DATA {self.nonce}"

    @property
    def end(self) -> str:
        """The line after the data."""
        return f"END DATA {self.nonce}"

    @property
    def text(self) -> str:
        """The data between its two lines."""
        return f"{self.begin}\n{self.data}\n{self.end}"


def fence(identity: str, prompt: Prompt, answers: Sequence[str]) -> Fence:
    """Return a prompt and one or two answers, in the order in which they are shown, as fenced data.

    Decoded, the JSON gives back exactly the texts: `conversation` (or `text`, where the prompt is
    a text to be continued) and `answer`, or `answer_1` and `answer_2`.

    Raises:
        TypeError: a text is not valid Unicode (a lone surrogate).
    """
    asked: dict[str, object]
    if is_text(prompt):
        asked = {"text": prompt.messages[0].content}
    else:
        asked = {"conversation": [{"role": m.role, "content": m.content} for m in prompt.messages]}
    names = ["answer"] if len(answers) == 1 else ["answer_1", "answer_2"]
    data = _plain_json(asked | dict(zip(names, answers, strict=True)))
    return Fence(nonce=unused_nonce(identity, data), data=data)


def is_text(prompt: Prompt) -> bool:
    """Return whether a prompt is a text to be continued instead of a conversation."""
    return [message.role for message in prompt.messages] == ["text"]


def _plain_json(content: dict[str, object]) -> str:
    return _ESCAPED.sub(_escape, orjson.dumps(content).decode())


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def unused_nonce(identity: str, data: str, *, num_digits: int = 16) -> str:
    """Return the first hex digits of a sha256 over the identity and the data, never in the data."""
    nonces = (
        hashlib.sha256(f"{identity}\0{attempt}\0{data}".encode()).hexdigest()[:num_digits]
        for attempt in count()
    )
    return next(nonce for nonce in nonces if nonce not in data)
