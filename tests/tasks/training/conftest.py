"""Small rows to train on."""

import pytest

from storage.tables.demonstrations import Demonstration
from storage.tables.negatives import Negative
from storage.tables.pairs import PreferencePair
from storage.tables.table import Message

STARTS = ("The film", "I liked", "The phone", "A warm", "Not bad", "The story", "It was", "We")


def _messages(start: str) -> tuple[Message, ...]:
    return (Message("text", start),)


@pytest.fixture
def demonstrations() -> list[Demonstration]:
    """Return demonstrations with two repeated texts, so that a small model can learn them."""
    return [
        Demonstration(
            prompt_id=f"p{index}",
            source="test",
            split="train",
            messages=_messages(start),
            completion=" was a great film." if index % 2 else " was dull from start to end.",
            origin="test:1",
        )
        for index, start in enumerate(STARTS)
    ]


@pytest.fixture
def pairs() -> list[PreferencePair]:
    """Return pairs whose chosen answers are all alike, and so are the rejected ones."""
    return [
        PreferencePair(
            prompt_id=f"p{index}",
            source="test",
            split="train",
            messages=_messages(start),
            chosen=" was a great film.",
            rejected=" was dull from start to end.",
            labeler_kind="oracle",
            labeler="test",
            origin="test:1",
        )
        for index, start in enumerate(STARTS)
    ]


@pytest.fixture
def negatives() -> list[Negative]:
    """Return negatives with three self-samples each."""
    return [
        Negative(
            prompt_id=f"p{index}",
            source="test",
            split="train",
            messages=_messages(start),
            rejected=" was dull from start to end.",
            anchors=(" was fine.", " was a film", " had a good cast and a plot"),
            anchor_seeds=(0, 1, 2),
            anchor_templates=("", "", ""),
            anchor_policy="p",
            origin="test:1",
        )
        for index, start in enumerate(STARTS)
    ]
