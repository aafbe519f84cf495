"""The two answers of a pair of the data set, as completions that can be compared again."""

from storage.tables.completions import Completion
from storage.tables.pairs import PreferencePair

CHOSEN, REJECTED = "dataset:chosen", "dataset:rejected"
"""The policies of such answers: whom people preferred stands in the name, and no judge sees it."""


def dataset_answers(pair: PreferencePair) -> tuple[Completion, Completion]:
    """Return the chosen and the rejected answer of a pair."""
    return _answer(pair, CHOSEN, pair.chosen, 0), _answer(pair, REJECTED, pair.rejected, 1)


def _answer(pair: PreferencePair, policy: str, text: str, index: int) -> Completion:
    return Completion(
        prompt_id=pair.prompt_id,
        policy=policy,
        text=text,
        sample_index=index,
        temperature=1.0,
        seed=0,
        finish_reason="stop",
        num_tokens=0,
    )
