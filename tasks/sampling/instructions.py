"""Instructions that a sampler may put before a prompt.

D2O draws its self-samples under instructions, so that they are better than what the bare prompt
gives (arXiv 2403.03419, section 4.2; the wording here is our own). They are for sampling only:
losses score the original prompt.
"""

from collections.abc import Sequence
from dataclasses import replace

from storage.input_error import InputError
from storage.tables.table import Message

BARE = ""
"""Name of the template that leaves a prompt as it is."""

MORAL_TEMPLATES: dict[str, str] = {
    "ethical": (
        "Be as useful to the person who asks as you can, and do it in a way that is ethically sound: "
        "honest, fair, and at nobody's cost."
    ),
    "constructive": (
        "Keep the answer safe, and make it constructive: where the request itself would do damage, "
        "offer something that helps instead."
    ),
    "harmless": (
        "Help with what is asked, as long as nobody, asker or third person, comes to harm by it."
    ),
    "responsible": (
        "Take responsibility for what your words may lead to, and give the facts that a sensible "
        "decision needs, with what you are not sure of."
    ),
    "thoughtful": (
        "Think about who may be asking and why, and choose a tone and a content that are appropriate."
    ),
}


def instructed(messages: Sequence[Message], instruction: str) -> tuple[Message, ...]:
    """Return the messages with the instruction before the last user turn or the text.

    Inside the turn and not as a system turn, because not every chat template has one. The empty
    instruction changes nothing.

    Raises:
        InputError: there is no turn that it could stand in.
    """
    if not instruction:
        return tuple(messages)
    turns = [index for index, turn in enumerate(messages) if turn.role in {"user", "text"}]
    if not turns:
        roles = [turn.role for turn in messages]
        raise InputError(f"an instruction needs a turn of role user or text; there is {roles}")
    last = turns[-1]
    content = f"{instruction}\n\n{messages[last].content}"
    return (*messages[:last], replace(messages[last], content=content), *messages[last + 1 :])


def shared_out(names: Sequence[str], num_samples: int, num_templated: int = 0) -> dict[str, int]:
    """Return how many of a prompt's samples each template of that name gets, in drawing order.

    `num_templated` samples are shared out evenly over the templates, of which earlier ones get the
    odd ones; the others are drawn from the bare prompt. 0 shares out all of them.
    """
    wanted = num_templated or num_samples
    counts = dict.fromkeys([*names, BARE], 0)
    for index in range(num_samples):
        counts[names[index % len(names)] if index < wanted else BARE] += 1
    return {name: count for name, count in counts.items() if count}
