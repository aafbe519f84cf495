"""What a classifier reads of a question, as token ids that fit into it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.input_error import InputError
from storage.tables.table import Message
from tasks.judging.judge import Question
from tasks.sampling.encoding import continuation_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_ANSWER = "\ue000answer\ue000"
"""Stands for the answer while a template is filled in; its private characters occur in no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierInput:
    """The model's arguments for one text, all equally long; `truncated` says that tokens are missing."""

    arguments: Mapping[str, list[int]]
    truncated: bool

    @property
    def num_tokens(self) -> int:
        """How many tokens the model is given, special ones included."""
        return len(self.arguments["input_ids"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Numbers of tokens in a row: opening special ones, prompt, answer, closing special ones."""

    head: int
    prompt: int
    answer: int
    tail: int

    def kept(self, max_tokens: int | None) -> list[int]:
        """Return the positions that are kept: all, or `max_tokens` of them.

        The prompt keeps its end and the answer its start. A prompt yields to the answer down to half
        of the room, so that a long prompt never leaves the same text for all of its answers.
        """
        num = self.head + self.prompt + self.answer + self.tail
        room = num if max_tokens is None else max(0, max_tokens - self.head - self.tail)
        prompt = min(self.prompt, max(room - self.answer, room // 2))
        answer = min(self.answer, room - prompt)
        start = self.head + self.prompt
        return [
            *range(self.head),
            *range(start - prompt, start + answer),
            *range(num)[num - self.tail :],
        ]


def classifier_input(
    question: Question,
    tokenizer: "PreTrainedTokenizerBase",
    *,
    max_tokens: int | None,
    conversational: bool,
) -> ClassifierInput:
    """Return what the classifier reads of a question.

    The answer to a `text` prompt is read together with it, as one text: half a sentence has no
    sentiment of its own, and the DPO paper scores prefix and continuation as one review too. The
    `lexical` judge leaves the prompt out because it is fitted on continuations; here prompt and
    answer are what the classifier was fitted on, a whole text. What the prompt says by itself is
    the same for all of its answers; only between prompts it counts.

    The answer to a chat is read alone: a classifier of texts knows no turns and would score what the
    user says as well. A `conversational` model was fitted on whole chats and gets the turns and the
    answer, without white space around it, through its chat template. Special tokens spelled out in a text or an answer are plain text.

    Raises:
        InputError: the text is empty and the tokenizer has no token that could stand for it, or
            the chat template leaves the answer out.
    """
    messages, answer = question.prompt.messages, question.completion.text
    if [message.role for message in messages] == ["text"]:
        return _text_input(messages[0].content, answer, tokenizer, max_tokens)
    if conversational:
        return _chat_input(messages, answer, tokenizer, max_tokens)
    return _text_input("", answer, tokenizer, max_tokens)


def _text_input(
    before: str, answer: str, tokenizer: "PreTrainedTokenizerBase", max_tokens: int | None
) -> ClassifierInput:
    whole = tokenizer(
        before + answer, split_special_tokens=True, return_special_tokens_mask=True, verbose=False
    )
    special: list[int] = whole.pop("special_tokens_mask")
    if not special:
        return ClassifierInput(arguments=_nothing(tokenizer), truncated=False)
    head = special.index(0) if 0 in special else len(special)
    tail = special[::-1].index(0) if 0 in special else 0
    num = len(special) - head - tail
    num_answer = min(num, len(continuation_ids(answer, tokenizer))) if before else num
    layout = Layout(head=head, prompt=num - num_answer, answer=num_answer, tail=tail)
    kept = layout.kept(max_tokens)
    return ClassifierInput(
        arguments={name: [values[index] for index in kept] for name, values in whole.items()},
        truncated=len(kept) < len(special),
    )


def _chat_input(
    messages: Sequence[Message],
    answer: str,
    tokenizer: "PreTrainedTokenizerBase",
    max_tokens: int | None,
) -> ClassifierInput:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    turns.append({"role": "assistant", "content": _ANSWER})
    rendered = str(tokenizer.apply_chat_template(turns, tokenize=False))
    before, found, after = rendered.rpartition(_ANSWER)
    if not found:
        raise InputError(
            f"the chat template of {tokenizer.name_or_path!r} does not contain the assistant's last "
            "turn, so its model would score the prompt; give a model whose template shows the answer"
        )
    prompt_ids, tail_ids = (
        list(tokenizer(text, add_special_tokens=False, verbose=False).input_ids)
        for text in (before, after)
    )
    answer_ids = list(continuation_ids(answer.strip(), tokenizer))
    ids = [*prompt_ids, *answer_ids, *tail_ids]
    layout = Layout(head=0, prompt=len(prompt_ids), answer=len(answer_ids), tail=len(tail_ids))
    kept = layout.kept(max_tokens)
    return ClassifierInput(
        arguments={"input_ids": [ids[index] for index in kept], "attention_mask": [1] * len(kept)},
        truncated=len(kept) < len(ids),
    )


def _nothing(tokenizer: "PreTrainedTokenizerBase") -> dict[str, list[int]]:
    """Return the arguments for an empty text where the tokenizer adds no token to any text."""
    stand_ins = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    known = [int(token) for token in stand_ins if token is not None]
    if not known:
        raise InputError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no begin, end or padding token, so an "
            "empty answer cannot be scored; set bos_token in its tokenizer_config.json"
        )
    return {"input_ids": known[:1], "attention_mask": [1]}
