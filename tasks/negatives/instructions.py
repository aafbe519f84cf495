"""Moral instructions that a sampler may put before a prompt.

D2O draws its self-samples under instructions, so that they are better than what the bare prompt
gives (arXiv 2403.03419, section 4.2; the wording here is our own). They are for sampling only:
losses score the original prompt.
"""

import difflib
from collections.abc import Sequence
from dataclasses import replace

from storage.input_error import InputError
from storage.tables.table import Message

MORAL_TEMPLATES: dict[str, str] = {
    "harmless": "Answer so that nobody comes to harm through what you say.",
    "honest": "Answer truthfully, and say so where you do not know.",
    "fair": "Answer with respect for everyone, whatever group they belong to.",
    "lawful": "Answer without helping anyone to break the law, and name a lawful way instead.",
    "caring": "Answer with care for the well-being of the person who asks.",
    "private": "Answer without exposing or prying into anybody's private life.",
}


def templates_of(name: str) -> tuple[str, ...]:
    """Return the template names of a set: `none` has the empty one, `moral` has all.

    Raises:
        InputError: no such set.
    """
    sets = {"none": ("",), "moral": tuple(MORAL_TEMPLATES)}
    if name not in sets:
        raise InputError(f"template set {name!r} does not exist; there is {', '.join(sets)}")
    return sets[name]


def instructed(messages: Sequence[Message], template: str) -> tuple[Message, ...]:
    """Return the messages with the template's instruction before the last user turn or the text.

    Inside the turn and not as a system turn, because not every chat template has one. The empty
    template changes nothing.

    Raises:
        InputError: no such template, or no turn that it could stand in.
    """
    if not template:
        return tuple(messages)
    if template not in MORAL_TEMPLATES:
        close = difflib.get_close_matches(template, MORAL_TEMPLATES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise InputError(
            f"template {template!r} does not exist; there is {', '.join(MORAL_TEMPLATES)}.{hint}"
        )
    turns = [index for index, turn in enumerate(messages) if turn.role in {"user", "text"}]
    if not turns:
        roles = [turn.role for turn in messages]
        raise InputError(f"an instruction needs a turn of role user or text; there is {roles}")
    last = turns[-1]
    content = f"{MORAL_TEMPLATES[template]}\n\n{messages[last].content}"
    return (*messages[:last], replace(messages[last], content=content), *messages[last + 1 :])
