"""How reliable each annotator is, from what all of them say."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.annotation.figures.dawid_skene import Votes, dawid_skene

ANAESTHETISTS = (
    "1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 2322223 4444444 2223343 "
    "1111111 2223212 1211111 1112111 1111111 1111111 2222221 2221322 2222222 2222221 2223222 2212222 "
    "1111111 1111111 2322222 1111111 1111111 1121121 1111111 3333233 1111111 2222222 2223232 4334343 "
    "2212232 2323233 3333432 1111111 1111111 1212111 2322222 1211111 2222222"
)
"""Fitness of 45 patients (Dawid & Skene 1979, table 1): the first of five saw each three times."""
OBSERVERS = (0, 0, 0, 1, 2, 3, 4)
TWO_ANSWERS = (1, 0, 2, 3)


def votes_of(rows):
    """Return votes from (case, annotator, category)."""
    return Votes(*(np.array(column) for column in zip(*rows, strict=True)))


def anaesthetists():
    return votes_of(
        (case, observer, int(said) - 1)
        for case, patient in enumerate(ANAESTHETISTS.split())
        for observer, said in zip(OBSERVERS, patient, strict=True)
    )


def plain_em(rows, num_categories, swapped=None, smoothing=0.0, rounds=200):
    """Return probabilities as the equations of the paper give them, one case at a time."""
    cases, people = {row[0] for row in rows}, {row[1] for row in rows}
    categories = range(num_categories)
    swapped = swapped or categories
    of_case = {case: [row for row in rows if row[0] == case] for case in cases}
    true = {
        case: [sum(row[2] == k for row in votes) / len(votes) for k in categories]
        for case, votes in of_case.items()
    }
    for _ in range(rounds):
        count = {
            (j, k, said): sum(true[i][k] for i, other, heard in rows if (other, heard) == (j, said))
            for j in people
            for k in categories
            for said in categories
        }
        count = {
            (j, k, said): (number + count[j, swapped[k], swapped[said]]) / 2
            for (j, k, said), number in count.items()
        }
        average = {}
        for k in categories:
            whole = sum(count[j, k, said] for j in people for said in categories)
            for said in categories:
                both = sum(count[j, k, said] for j in people)
                average[k, said] = both / whole if whole else 0.0
        error = {}
        for j in people:
            for k in categories:
                row = [count[j, k, said] + smoothing * average[k, said] for said in categories]
                for said in categories:
                    error[j, k, said] = row[said] / sum(row) if sum(row) else 0.0
        share = [sum(true[i][k] for i in cases) / len(cases) for k in categories]
        share = [(share[k] + share[swapped[k]]) / 2 for k in categories]
        for i, votes in of_case.items():
            joint = [
                share[k] * np.prod([error[j, k, said] for _, j, said in votes]) for k in categories
            ]
            true[i] = [value / sum(joint) for value in joint]
    return np.array([true[case] for case in sorted(cases)])


def test_the_anaesthetists_are_those_of_the_paper():
    """Their table 2: shares of the classes, and error rates of the first observer."""
    found = dawid_skene(anaesthetists(), swapped=range(4), smoothing=0)
    assert found.shares == pytest.approx([0.40, 0.42, 0.11, 0.07], abs=5e-3)
    first = [[0.89, 0.11, 0, 0], [0.07, 0.88, 0.05, 0], [0, 0.34, 0.66, 0], [0, 0, 0.56, 0.44]]
    assert found.confusion[0] == pytest.approx(np.array(first), abs=5e-3)
    votes = anaesthetists()
    rows = list(zip(*(column.tolist() for column in astuple(votes)), strict=True))
    expected = plain_em(rows, 4, rounds=found.num_rounds)
    assert found.probabilities == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("swapped", "smoothing"),
    [
        pytest.param(range(4), 0.0, id="as in the paper"),
        pytest.param(range(4), 4.0, id="around the average annotator"),
        pytest.param(TWO_ANSWERS, 0.0, id="two names that say nothing"),
        pytest.param(TWO_ANSWERS, 4.0, id="as for comparisons"),
    ],
)
def test_probabilities_are_those_of_em_written_as_the_equations_stand(swapped, smoothing):
    random = np.random.default_rng(3)
    rows = [
        (case, int(person), int(true if random.random() < 0.7 else random.integers(4)))
        for case, true in enumerate(random.choice(4, size=40, p=[0.4, 0.3, 0.2, 0.1]))
        for person in random.choice(5, size=int(random.integers(1, 5)), replace=False)
    ]
    found = dawid_skene(votes_of(rows), swapped=swapped, smoothing=smoothing)
    expected = plain_em(rows, 4, list(swapped), smoothing, rounds=found.num_rounds)
    assert found.probabilities == pytest.approx(expected, abs=1e-9)


def simulated(seed, *, num_cases, accuracies, overlap):
    """Return what is true and what people of these accuracies say, who err to any other word."""
    random = np.random.default_rng(seed)
    true = random.choice(4, size=num_cases, p=[0.44, 0.44, 0.08, 0.04])
    rows = [
        (
            case,
            int(person),
            int(
                word if random.random() < accuracies[person] else (word + random.integers(1, 4)) % 4
            ),
        )
        for case, word in enumerate(true)
        for person in random.choice(len(accuracies), size=overlap, replace=False)
    ]
    return true, votes_of(rows)


@pytest.mark.parametrize("seed", range(5))
def test_people_of_known_accuracy_are_found_and_the_truth_better_than_by_counting(seed):
    """Two good and three poor annotators: over 1,000 cases an accuracy is known to about 0.03."""
    accuracies = [0.95, 0.9, 0.55, 0.5, 0.5]
    true, votes = simulated(seed, num_cases=1_000, accuracies=accuracies, overlap=5)
    found = dawid_skene(votes, swapped=TWO_ANSWERS)
    counts = np.zeros((1_000, 4))
    np.add.at(counts, (votes.case, votes.category), 1)
    by_counting = (counts.argmax(axis=1) == true).mean()
    weighed = (found.probabilities.argmax(axis=1) == true).mean()
    assert weighed > by_counting + 0.02
    right = found.probabilities[votes.case, votes.category]
    reliability = np.bincount(votes.annotator, right) / np.bincount(votes.annotator)
    assert reliability == pytest.approx(accuracies, abs=0.05)
    assert list(np.argsort(-reliability)[:2]) == [0, 1]


def test_probabilities_mean_what_they_say():
    """Of many cases that are held for 60 to 95 % sure about so many are true."""
    said, held = [], []
    for seed in range(20):
        true, votes = simulated(
            seed, num_cases=400, accuracies=[0.9, 0.85, 0.8, 0.7, 0.6, 0.6], overlap=3
        )
        found = dawid_skene(votes, swapped=TWO_ANSWERS).probabilities
        unsure = (found.max(axis=1) > 0.6) & (found.max(axis=1) < 0.95)
        said.append((found.argmax(axis=1) == true)[unsure])
        held.append(found.max(axis=1)[unsure])
    said, held = np.concatenate(said), np.concatenate(held)
    assert len(said) > 1_000
    assert said.mean() == pytest.approx(held.mean(), abs=0.05)


ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30
).map(
    lambda rows: [
        (case, person, said)
        for (case, person), said in {(row[0], row[1]): row[2] for row in rows}.items()
    ]
)


def from_zero(rows):
    """Return rows whose cases and people count from 0 without a gap."""
    cases = {case: number for number, case in enumerate(sorted({row[0] for row in rows}))}
    people = {name: number for number, name in enumerate(sorted({row[1] for row in rows}))}
    return [(cases[case], people[person], said) for case, person, said in rows]


@settings(max_examples=60, deadline=None)
@given(ROWS.map(from_zero), st.sets(st.integers(0, 5)))
def test_answers_that_change_names_in_any_case_change_names_in_what_comes_of_it(rows, renamed):
    found = dawid_skene(votes_of(rows), swapped=TWO_ANSWERS)
    other = dawid_skene(
        votes_of(
            (case, person, TWO_ANSWERS[said] if case in renamed else said)
            for case, person, said in rows
        ),
        swapped=TWO_ANSWERS,
    )
    assert other.shares == pytest.approx(found.shares, abs=1e-5)
    for case, row in enumerate(other.probabilities):
        expected = found.probabilities[case]
        expected = expected[list(TWO_ANSWERS)] if case in renamed else expected
        assert row == pytest.approx(expected, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(ROWS.map(from_zero), st.randoms(use_true_random=False))
def test_the_order_of_votes_changes_nothing(rows, shuffler):
    found = dawid_skene(votes_of(rows), swapped=TWO_ANSWERS)
    other = dawid_skene(votes_of(shuffler.sample(rows, len(rows))), swapped=TWO_ANSWERS)
    assert other.probabilities == pytest.approx(found.probabilities)


@settings(max_examples=40, deadline=None)
@given(ROWS.map(from_zero))
def test_probabilities_are_probabilities(rows):
    found = dawid_skene(votes_of(rows), swapped=TWO_ANSWERS)
    assert found.probabilities.min() >= 0
    assert found.probabilities.sum(axis=1) == pytest.approx(1)
    assert found.shares.sum() == pytest.approx(1)


def test_where_nobody_shares_a_case_everybody_is_believed():
    """Nothing tells them apart, and a word that is rarely said is as good as another."""
    rows = [(case, case % 3, int(case == 7)) for case in range(30)] + [(30, 0, 2), (31, 1, 3)]
    found = dawid_skene(votes_of(rows), swapped=TWO_ANSWERS)
    assert found.probabilities == pytest.approx(np.eye(4)[[row[2] for row in rows]])


def test_two_people_who_always_say_the_opposite_leave_it_open():
    rows = [(case, person, person) for case in range(10) for person in (0, 1)]
    found = dawid_skene(votes_of(rows), swapped=TWO_ANSWERS)
    assert found.probabilities == pytest.approx(np.tile([0.5, 0.5, 0, 0], (10, 1)))
