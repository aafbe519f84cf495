"""Rows that belong to one prompt: they repeat its id, its split and its messages."""

from storage.tables.demonstrations import Demonstration
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt


def demonstration_of(prompt: Prompt, completion: str, label: str | None = None) -> Demonstration:
    """Return a completion of the prompt that the source gives as an example."""
    return Demonstration(
        prompt_id=prompt.prompt_id,
        source=prompt.source,
        split=prompt.split,
        messages=prompt.messages,
        completion=completion,
        label=label,
        origin=prompt.origin,
    )


def pair_of(prompt: Prompt, *, chosen: str, rejected: str, labeler: str) -> PreferencePair:
    """Return two answers to the prompt that the data set `labeler` compares."""
    return PreferencePair(
        prompt_id=prompt.prompt_id,
        source=prompt.source,
        split=prompt.split,
        messages=prompt.messages,
        chosen=chosen,
        rejected=rejected,
        labeler_kind="dataset",
        labeler=labeler,
        origin=prompt.origin,
    )
