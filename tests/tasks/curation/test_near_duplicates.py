"""Texts that nearly repeat an earlier one are found, in any order and in good time."""

import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.curation import near_duplicates
from tasks.curation.minhash import RUN_WORDS, SignedTexts
from tasks.curation.near_duplicates import near_duplicate_leaders, rows_of_band
from tasks.curation.words import words_of
from tasks.progress import silent

WORDS = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
]
LONG = " ".join(f"w{number}" for number in range(60))


def leaders(texts, threshold=0.8):
    return near_duplicate_leaders(texts, threshold=threshold).tolist()


def random_text(draw, num_words=50):
    return " ".join(f"w{draw.randrange(5_000)}" for _ in range(num_words))


def similarity(one, other):
    ours, theirs = (
        {tuple(words[at : at + RUN_WORDS]) for at in range(len(words) - RUN_WORDS + 1)}
        for words in (words_of(one), words_of(other))
    )
    return len(ours & theirs) / len(ours | theirs)


def test_the_earliest_text_of_a_group_leads_it():
    assert leaders([LONG, "something else", LONG + " w60", LONG.upper() + "!"]) == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param([], [], id="no text"),
        pytest.param([""], [0], id="an empty text"),
        pytest.param(["", "", "?"], [0, 1, 2], id="texts without words"),
        pytest.param([" ".join(WORDS[:9])] * 2, [0, 1], id="nine words are too few"),
        pytest.param([" ".join(WORDS[:10])] * 2, [0, 0], id="ten words are enough"),
        pytest.param([LONG, LONG, LONG], [0, 0, 0], id="all the same"),
        pytest.param(["word " * 50, "word " * 20], [0, 0], id="one word over and over"),
        pytest.param([LONG, "short", LONG], [0, 1, 0], id="a short text in between"),
        pytest.param([LONG, " ".join(reversed(LONG.split()))], [0, 1], id="words in other order"),
    ],
)
def test_odd_texts_are_grouped_as_expected(texts, expected):
    assert leaders(texts) == expected


def test_a_run_does_not_reach_into_the_next_text():
    """If it did, what follows a text would change its signature."""
    signed = [
        SignedTexts.of([LONG, other], 64, silent).signatures[0].tolist()
        for other in (" ".join(WORDS), random_text(random.Random(0)))
    ]
    assert signed[0] == signed[1]
    assert signed[0] == SignedTexts.of([LONG], 64, silent).signatures[0].tolist()


def test_equal_places_of_signatures_estimate_the_jaccard_similarity():
    """Standard error of one estimate at most sqrt(J (1 - J) / 128) <= 0.0442, of 300 0.0026."""
    draw = random.Random(2)
    errors, expected = [], []
    for _ in range(300):
        text = random_text(draw)
        other = " ".join(word for word in text.split() if draw.random() > 0.08)
        exact = similarity(text, other)
        ours, theirs = SignedTexts.of([text, other], 128, silent).signatures
        errors.append(float((ours == theirs).mean()) - exact)
        expected.append(exact * (1 - exact) / 128)
    assert np.mean(errors) == pytest.approx(0, abs=3 * 0.0026)
    assert np.mean(np.square(errors)) < 1.25 * np.mean(expected)


def test_near_duplicates_are_found_and_others_left_alone():
    """Copies with J >= 0.9 are three standard errors above the threshold, those <= 0.68 below."""
    draw = random.Random(3)
    texts = [random_text(draw) for _ in range(3_000)]
    copies = [
        " ".join(word for word in text.split() if draw.random() >= 0.03) for text in texts[:1_000]
    ]
    found = leaders(texts + copies)
    assert found[:3_000] == list(range(3_000))
    likeness = [similarity(text, copy) for text, copy in zip(texts, copies, strict=False)]
    clear = [found[3_000 + at] == at for at, alike in enumerate(likeness) if alike >= 0.9]
    other = [found[3_000 + at] == at for at, alike in enumerate(likeness) if alike <= 0.68]
    assert len(clear) > 200
    assert len(other) > 50
    assert np.mean(clear) >= 0.99
    assert np.mean(other) <= 0.01


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_the_order_of_texts_does_not_change_the_groups(seed):
    draw = random.Random(seed)
    bases = [random_text(draw, 20) for _ in range(4)]
    texts = [
        " ".join(word for word in draw.choice(bases).split() if draw.random() > 0.04)
        for _ in range(25)
    ]
    order = draw.sample(range(25), 25)
    ours = leaders(texts)
    theirs = leaders([texts[at] for at in order])
    groups = {}
    for place, at in enumerate(order):
        groups.setdefault(theirs[place], set()).add(at)
    expected = {}
    for at, leader in enumerate(ours):
        expected.setdefault(leader, set()).add(at)
    assert sorted(map(sorted, groups.values())) == sorted(map(sorted, expected.values()))
    assert all(leader == min(group) for leader, group in expected.items())


def test_groups_are_chains_of_near_duplicates():
    """Each step drops 3 of 60 words: neighbours have J = 55 / 58, the first and the last 28 / 58."""
    words = [f"w{number}" for number in range(60)]
    steps = [" ".join(words[start:]) for start in range(0, 31, 3)]
    assert similarity(steps[0], steps[-1]) == pytest.approx(28 / 58)
    assert leaders([steps[0], steps[-1]]) == [0, 1]
    assert leaders(steps) == [0] * len(steps)


def test_threshold_one_leaves_only_texts_with_the_same_runs():
    assert leaders([LONG, LONG + ".", LONG.title(), LONG + " and more"], threshold=1.0) == [
        0,
        0,
        0,
        3,
    ]


@pytest.mark.parametrize(
    ("threshold", "rows"),
    [
        pytest.param(1.0, 128, id="all must agree"),
        pytest.param(0.8, 6, id="1 - (1 - 0.8^6)^21 = 0.998; with 7 rows 0.986"),
        pytest.param(0.5, 3, id="1 - (1 - 0.5^3)^42 = 0.996; with 4 rows 0.873"),
        pytest.param(0.01, 1, id="1 - 0.99^128 = 0.72 is the best there is"),
    ],
)
def test_bands_are_as_long_as_recall_allows(threshold, rows):
    assert rows_of_band(threshold, 128) == rows


def test_texts_from_one_template_are_not_all_compared_with_each_other(monkeypatch):
    """2,000 texts of 40 common and 12 own words: J = 38 / 62 = 0.61, 2 million pairs."""
    draw = random.Random(4)
    common = random_text(draw, 40)
    texts = [f"{common} {random_text(draw, 12)}" for _ in range(2_000)]
    copies = [f"{text} again" for text in texts[:50]]
    compared = 0
    find = near_duplicates._candidates

    def counted(keys):
        nonlocal compared
        for left, right in find(keys):
            compared += len(left)
            yield left, right

    monkeypatch.setattr(near_duplicates, "_candidates", counted)
    found = leaders(texts + copies)
    assert sum(found[at] == at for at in range(2_000)) >= 1_990
    assert sum(found[2_000 + at] == at for at in range(50)) >= 48
    assert compared < 1_000_000


def test_another_process_finds_the_same_signatures():
    """Python's own hashes would differ: they are salted for each process."""
    code = (
        "from tasks.curation.minhash import SignedTexts; from tasks.progress import silent;"
        f"print(SignedTexts.of([{LONG!r}], 8, silent).signatures.tolist())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == str(SignedTexts.of([LONG], 8, silent).signatures.tolist())


def test_progress_counts_all_texts_that_a_stream_brings():
    told = []
    near_duplicate_leaders(
        (LONG for _ in range(5_000)),
        threshold=0.8,
        progress=lambda done, total, _: told.append((done, total)),
    )
    assert told == [(2_048, 0), (4_096, 0), (5_000, 0)]
