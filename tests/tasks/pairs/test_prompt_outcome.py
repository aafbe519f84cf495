"""The status of a prompt is the first that fits."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.pairs.fate import Fate
from tasks.pairs.fault import Fault
from tasks.pairs.prompt_outcome import PairedPrompt, gather, prompt_outcome
from tasks.sampling.api.reply import Outcome
from tests.tasks.pairs.small_world import prompt

F = Fate
NONE = Fault("other", Outcome.TIMEOUT, "")


def outcome(*fates, faults=(), num_completions=2, deciding=None, detail=""):
    paired = PairedPrompt(fates=Counter(fates), deciding=deciding, detail=detail)
    failed = [Fault("p", fault, "why") for fault in faults]
    return prompt_outcome("p", paired, failed, num_completions)


@pytest.mark.parametrize(
    ("fates", "faults", "num_completions", "status"),
    [
        pytest.param([F.PAIRED, F.PENDING], [Outcome.PENDING], 2, "paired", id="a pair is there"),
        pytest.param([F.FAILED, F.PENDING], [], 2, "pending", id="a rerun may still pair it"),
        pytest.param([], [Outcome.REFUSAL, Outcome.PENDING], 0, "pending", id="pending first"),
        pytest.param([F.TIED], [Outcome.NOT_JSON], 2, "failed", id="a call failed"),
        pytest.param([], [Outcome.LENGTH], 1, "failed", id="all tokens went before any text"),
        pytest.param([F.TIED], [Outcome.CONTENT_FILTER], 2, "refused", id="withheld"),
        pytest.param([], [Outcome.REFUSAL], 1, "refused", id="refused"),
        pytest.param([F.FLAGGED, F.UNPARSABLE], [], 3, "flagged", id="nothing but distrust"),
        pytest.param([F.FLAGGED, F.TIED], [], 3, "tied", id="a tie that can be trusted"),
        pytest.param([F.UNPARSABLE, F.SAME_TEXT], [], 3, "unparsable", id="nothing was read"),
        pytest.param([F.UNPARSABLE, F.UNDECIDED], [], 3, "undecided", id="something was read"),
        pytest.param([F.SAME_TEXT], [], 2, "same-text", id="one text"),
        pytest.param([F.SAME_TEXT, F.TIED], [], 3, "tied", id="one text twice"),
        pytest.param([], [], 1, "too-few", id="one answer"),
        pytest.param([], [], 0, "too-few", id="no answer"),
        pytest.param([F.UNDECIDED, F.TIED], [], 3, "undecided", id="undecided before tied"),
        pytest.param([F.TIED], [], 2, "tied", id="tied"),
    ],
)
def test_the_first_status_that_fits_is_the_prompts(fates, faults, num_completions, status):
    assert outcome(*fates, faults=faults, num_completions=num_completions).status == status


def test_the_two_answers_that_would_be_the_pair_decide():
    fates = (F.DECIDED, F.TIED, F.FLAGGED)
    assert outcome(*fates, deciding=F.FLAGGED).status == "flagged"
    assert outcome(*fates, deciding=F.TIED).status == "tied"


def test_faults_are_counted_with_the_comparisons_and_the_first_is_told():
    row = outcome(
        F.FAILED,
        F.PENDING,
        faults=[Outcome.TIMEOUT, Outcome.PENDING, Outcome.REFUSAL],
        detail="judge: said nothing",
    )
    assert (row.num_failed, row.num_pending) == (2, 2)
    assert row.detail == "judge: said nothing; timeout: why"


@given(st.lists(st.sampled_from(list(Fate))), st.integers(0, 4))
def test_a_status_has_something_to_show_for_itself(fates, num_completions):
    row = outcome(*fates, num_completions=num_completions)
    shown = {
        "pending": row.num_pending,
        "failed": row.num_failed,
        "flagged": row.num_flagged,
        "unparsable": row.num_unparsable,
        "same-text": row.num_same_text,
        "undecided": row.num_undecided,
        "too-few": num_completions < 2,
    }
    assert shown.get(row.status, True)


def test_a_fault_of_a_prompt_that_was_not_asked_is_a_mistake():
    asked = prompt("p")
    with pytest.raises(KeyError):
        gather([asked], {asked.prompt_id: []}, [NONE], [PairedPrompt(fates={})])
