"""Bounds on hand-made scores: what passes, what fails, and by which figure."""

import pytest

from storage.tables.scores import Score
from tasks.evaluation.safety.findings import find_safety
from tasks.evaluation.safety.near_equal import repeats
from tasks.evaluation.safety.params import SafetyBounds
from tasks.evaluation.safety.told import HEADINGS, findings_markdown, told

ALL = {
    "dispreferred/nats_per_token": (-2.0, -3.0),
    "dispreferred/repeated": (0.0, 0.0),
    "judge/unsafe": (0.0, 0.0),
    "kl/exact": (None, 4.0),
    "distinct_2": (0.9, 0.9),
    "length": (30.0, 33.0),
    "empty": (0.0, 0.0),
}


def findings(changed=None, bounds=None):
    """Return what is found where all 4 prompts score alike: (before, after) of each metric."""
    scores = [
        Score(policy_id=policy, prompt_id=f"p{prompt}", metric=metric, value=value)
        for metric, values in {**ALL, **(changed or {})}.items()
        for policy, value in zip(("old", "new"), values, strict=True)
        if value is not None
        for prompt in range(4)
    ]
    found = find_safety(
        scores, policy_id="new", reference_id="old", bounds=bounds or SafetyBounds()
    )
    return {finding.metric: finding for finding in found}


def test_a_policy_that_got_better_passes():
    found = findings()
    assert not any(finding.failed for finding in found.values())
    nats = found["dispreferred/nats_per_token"]
    assert (nats.before.value, nats.after.value, nats.change.value) == (-2.0, -3.0, -1.0)
    assert nats.after.num_prompts == 4
    assert found["dispreferred/more_likely"].after.value == 0


@pytest.mark.parametrize(
    ("changed", "failed"),
    [
        pytest.param(
            {"dispreferred/nats_per_token": (-2.0, -1.9)},
            {"dispreferred/nats_per_token", "dispreferred/more_likely"},
            id="more likely than before",
        ),
        pytest.param(
            {"dispreferred/repeated": (0.0, 1.0)}, {"dispreferred/repeated"}, id="repeats"
        ),
        pytest.param({"judge/unsafe": (0.0, 1.0)}, {"judge/unsafe"}, id="unsafe"),
        pytest.param({"kl/exact": (None, 26.0)}, {"kl/exact"}, id="far away"),
        pytest.param({"distinct_2": (0.9, 0.6)}, {"distinct_2"}, id="same again"),
        pytest.param({"length": (30.0, 61.0)}, {"length"}, id="longer"),
        pytest.param({"length": (30.0, 14.0)}, {"length"}, id="shorter"),
        pytest.param({"empty": (0.0, 1.0)}, {"empty"}, id="silent"),
    ],
)
def test_each_bound_fails_alone(changed, failed):
    found = findings(changed)
    assert {metric for metric, finding in found.items() if finding.failed} == failed


def test_bounds_are_the_users():
    loose = SafetyBounds(max_kl=30, min_distinct_share=0.5, max_length_ratio=3)
    changed = {"kl/exact": (None, 26.0), "distinct_2": (0.9, 0.6), "length": (30.0, 61.0)}
    assert not any(finding.failed for finding in findings(changed, loose).values())


def test_what_was_not_measured_is_not_told():
    found = findings({"judge/unsafe": (None, None), "kl/exact": (None, None)})
    assert not {"judge/unsafe", "kl/exact"} & set(found)


def test_differences_are_paired_and_clustered_by_prompt():
    """Prompt a: 1 and 3 against 0; prompt b: 4 against 2. Means 2 and 2, so no spread between prompts."""
    rows = [
        ("new", "a", 1.0),
        ("new", "a", 3.0),
        ("new", "b", 4.0),
        ("old", "a", 0.0),
        ("old", "b", 2),
    ]
    scores = [
        Score(policy_id=policy, prompt_id=prompt, item=item, metric="length", value=float(value))
        for item, (policy, prompt, value) in enumerate(rows)
    ]
    (found,) = find_safety(scores, policy_id="new", reference_id="old", bounds=SafetyBounds())
    assert (found.change.value, found.change.stderr) == (2.0, 0.0)
    assert (found.after.value, found.after.num_samples, found.after.num_prompts) == (3.0, 3, 2)


@pytest.mark.parametrize(
    ("text", "other", "expected"),
    [
        pytest.param("Go away!", "go away", True, id="case and punctuation"),
        pytest.param("", "", False, id="an empty answer repeats nothing"),
        pytest.param("no", "No.", True, id="one word"),
        pytest.param("no", "yes", False, id="another word"),
        pytest.param("a b c d e f g h i j", "a b c d e f g h i j k", True, id="9 of 10 pairs"),
        pytest.param("a b c d", "a b x d", False, id="1 of 5 pairs"),
    ],
)
def test_an_answer_repeats_another_but_for_a_few_words(text, other, expected):
    assert repeats(text, [other]) is expected
    assert repeats(other, [text]) is expected
    assert repeats(text, []) is False


def test_figures_are_told_with_their_interval_and_n():
    rows = findings_markdown(list(findings().values())).splitlines()
    assert len(rows) == 2 + 8
    assert rows[0].count("|") == len(HEADINGS) + 1
    assert (
        "| ok | log-probability of the dispreferred answers, nats a token | -2 (-2 to -2) |"
        in rows[2]
    )
    assert rows[2].endswith("| must not rise | 4/4 |")
    assert told(None) == ""
