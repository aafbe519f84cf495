"""What became of a call."""

import pytest

from tasks.sampling.api.reply import ApiReply, Choice, Outcome, Usage

REPLIES = {"ok", "length", "fewer-choices", "refusal", "content-filter"}
FINAL = {"bad-request", "pending"}


@pytest.mark.parametrize("outcome", Outcome)
def test_an_outcome_is_a_reply_or_passes_or_stays(outcome: Outcome) -> None:
    assert outcome.is_reply == (outcome.value in REPLIES)
    assert outcome.is_transient == (outcome.value not in REPLIES | FINAL)


def test_the_tokens_of_a_cache_are_counted_once() -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=3, cached_tokens=4, cache_write_tokens=5)
    assert usage.tokens == 13


def test_a_reply_without_choices_has_no_text() -> None:
    assert ApiReply(key="k", outcome=Outcome.REFUSAL).text is None
    choices = (Choice("first", "stop"), Choice("second", "stop"))
    assert ApiReply(key="k", outcome=Outcome.OK, choices=choices).text == "first"
