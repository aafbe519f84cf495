"""Messages and completions as token ids.

Prompt and completion are tokenised apart and then joined, so no token spans the boundary and the
same prompt has the same ids in front of every completion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.input_error import InputError
from storage.tables.table import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_ANCHOR = "\n"
_TURNS = {"user": "\n\nHuman: ", "assistant": "\n\nAssistant: "}


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of a prompt and of one completion.

    `prompt_ids` is never empty. `completion_ids` is empty where there is no completion or where
    none of it fits: nothing of such a row can be scored (`is_empty`), so callers count and drop it.
    """

    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is no completion token."""
        return not self.completion_ids


def render_prompt(messages: Sequence[Message], tokenizer: "PreTrainedTokenizerBase") -> str:
    r"""Return the text that the completion follows.

    One message of role `text` is taken verbatim. A conversation goes through the tokenizer's chat
    template where it has one, otherwise it becomes "\n\nHuman: ...\n\nAssistant:" turns.

    Raises:
        InputError: no messages, a role that nobody knows, or `text` mixed with other roles.
    """
    roles = [message.role for message in messages]
    if roles == ["text"]:
        return messages[0].content
    unknown = sorted(set(roles) - {"system", "user", "assistant"})
    if unknown or not roles:
        raise InputError(
            f"messages with the roles {roles} cannot be rendered; use system, user and assistant "
            "turns, or exactly one message of role text"
        )
    if tokenizer.chat_template is not None:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    text = "".join(_TURNS.get(message.role, "") + message.content for message in messages)
    return text + "\n\nAssistant:"


def encode(
    messages: Sequence[Message],
    completion: str | None,
    tokenizer: "PreTrainedTokenizerBase",
    *,
    max_prompt_tokens: int,
    max_tokens: int,
    ended: bool = True,
) -> Encoded:
    """Return the ids of a prompt and its completion.

    The prompt keeps its end (and its begin token) within `max_prompt_tokens`; the completion keeps
    its start within what is left of `max_tokens`, which counts both. The completion closes with
    exactly one end token, unless it was cut here or `ended` is False, which says that the sampler
    had cut it. Without a completion (None) the completion ids are empty.

    Raises:
        InputError: as `render_prompt`.
    """
    prompt_ids = encode_prompt(messages, tokenizer, max_prompt_tokens=max_prompt_tokens)
    if completion is None:
        return Encoded(prompt_ids=prompt_ids, completion_ids=())
    ids = continuation_ids(completion.removesuffix(str(tokenizer.eos_token)), tokenizer)
    if ended:
        ids = (*ids, int(tokenizer.eos_token_id))
    space = max(0, max_tokens - len(prompt_ids))
    return Encoded(prompt_ids=prompt_ids, completion_ids=ids[:space])


def encode_prompt(
    messages: Sequence[Message], tokenizer: "PreTrainedTokenizerBase", *, max_prompt_tokens: int
) -> tuple[int, ...]:
    """Return the ids of the rendered prompt, at least one, at most `max_prompt_tokens`.

    A plain text gets the tokens that the tokenizer puts in front of every text; a chat template
    writes its own. An empty text becomes the begin token, or the end token where there is none.

    Raises:
        InputError: as `render_prompt`.
    """
    text = render_prompt(messages, tokenizer)
    templated = messages[0].role != "text" and tokenizer.chat_template is not None
    if templated:
        ids = tuple(tokenizer(text, add_special_tokens=False, verbose=False).input_ids)
    else:
        ids = tuple(tokenizer(text, split_special_tokens=True, verbose=False).input_ids)
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    if not templated and len(ids) > 1 and ids[-1] == end:
        ids = ids[:-1]  # tokenizers that close every text: the prompt is not over yet
    if not ids:
        ids = (int(end if begin is None else begin),)
    if len(ids) <= max_prompt_tokens:
        return ids
    if ids[0] == begin and max_prompt_tokens > 1:
        return (ids[0], *ids[len(ids) - max_prompt_tokens + 1 :])
    return ids[len(ids) - max_prompt_tokens :]


def continuation_ids(text: str, tokenizer: "PreTrainedTokenizerBase") -> tuple[int, ...]:
    """Return the ids of a text that follows another text; special tokens in it are plain text.

    Sentencepiece-like tokenizers put a space in front of every text. The ids are then read off
    behind an anchor, so that a completion is not given a space that it does not have.
    """
    plain = _ids(text, tokenizer)
    marker = _ids("a", tokenizer)
    if not tokenizer.convert_ids_to_tokens(list(marker))[0].startswith("\u2581"):
        return plain
    anchor = _ids(_ANCHOR, tokenizer)
    anchored = _ids(_ANCHOR + text, tokenizer)
    return anchored[len(anchor) :] if anchored[: len(anchor)] == anchor else plain


def completion_text(
    prompt_ids: Sequence[int], completion_ids: Sequence[int], tokenizer: "PreTrainedTokenizerBase"
) -> str:
    """Return what the completion adds to the prompt's text, leading space included.

    Decoders that drop the first space of a text would lose the one between prompt and completion,
    so the completion is decoded behind the prompt's last tokens.
    """
    tail = list(prompt_ids)[-4:]
    before = str(tokenizer.decode(tail, skip_special_tokens=True))
    whole = str(tokenizer.decode([*tail, *completion_ids], skip_special_tokens=True))
    if whole.startswith(before):
        return whole[len(before) :]
    return str(tokenizer.decode(list(completion_ids), skip_special_tokens=True))


def _ids(text: str, tokenizer: "PreTrainedTokenizerBase") -> tuple[int, ...]:
    return tuple(
        tokenizer(
            text, add_special_tokens=False, split_special_tokens=True, verbose=False
        ).input_ids
    )
