"""Check that items can be labelled, and bring them into the form in which they are stored."""

from collections import Counter
from collections.abc import Sequence

from storage.input_error import InputError
from tasks.annotation.comparison_item import MOST_RESPONSES, TIE, ComparisonItem
from tasks.annotation.queue.find_queue import LATEST
from tasks.annotation.queue.read_items import encoded


def checked_contents(name: str, items: Sequence[ComparisonItem]) -> list[bytes]:
    """Return the items as they are stored.

    Raises:
        InputError: the name or an item is unfit, or there are none to label.
    """
    if not name.strip() or not name.isprintable() or name == LATEST:
        raise InputError(
            f"{name!r} cannot be the name of a queue; give printable text, not {LATEST!r}"
        )
    if all(item.gold is not None for item in items):
        raise InputError(
            f"the queue {name!r} has no items to label ({len(items)}, gold items only); give "
            "comparisons whose answer is not known"
        )
    contents = [_content(item) for item in items]
    twice = [item_id for item_id, n in Counter(item.item_id for item in items).items() if n > 1]
    if twice:
        raise InputError(
            f"{len(twice)} items of the queue {name!r} are there more than once, {twice[0]!r} for "
            "example; give each comparison once"
        )
    return contents


def _content(item: ComparisonItem) -> bytes:
    try:
        content = encoded(item)
    except TypeError as error:
        raise InputError(
            f"a text of the comparison of the prompt {item.prompt_id!r} cannot be stored ({error}); "
            "mend or remove it"
        ) from error
    num_responses = len(item.responses)
    if not 2 <= num_responses <= MOST_RESPONSES:  # noqa: PLR2004  - fewer than two cannot be compared
        raise InputError(
            f"a comparison of the prompt {item.prompt_id!r} has {num_responses} answers; give 2 to "
            f"{MOST_RESPONSES}"
        )
    if len({response.completion_id for response in item.responses}) < num_responses:
        raise InputError(
            f"the item {item.item_id!r} (prompt {item.prompt_id!r}) has one completion twice; give "
            "answers that differ"
        )
    for what, letter in (("gold", item.gold), ("judged", item.judged)):
        if letter is not None and letter != TIE and letter not in tuple(item.sides):
            raise InputError(
                f"the item {item.item_id!r} has {what} {letter!r}; give one of "
                f"{', '.join(item.sides)}, {TIE}, or null"
            )
    return content
