"""Which pairs come of compared answers, and what is counted."""

from dataclasses import replace
from itertools import combinations

import pytest

from tasks.judging.comparison import Comparison
from tasks.judging.params import JudgingParams
from tasks.pairs.asked_judge import Compares
from tasks.pairs.comparison_pairs import OVERALL_LOSES
from tasks.pairs.fate import Fate
from tasks.pairs.judged import judged_pairs
from tasks.pairs.settled import settle
from tasks.sampling.api.reply import Outcome
from tests.tasks.pairs.small_world import TextComparer, answers, longer, prompt

ASKED = prompt("p")


def compared(texts, say, *, pairing="all", min_margin=0.1, flagged=()):
    judge = TextComparer(say, flagged=frozenset(flagged))
    params = JudgingParams(pairing=pairing, min_margin=min_margin)
    return judged_pairs([ASKED], answers(ASKED, *texts), [], Compares(judge), params)


def by_table(table):
    """Return a judge that says what the table says of two texts, in either order."""
    other = {"1": "2", "2": "1"}

    def say(first, second):
        if first + second in table:
            return table[first + second]
        said = table[second + first]
        return 1 - said if isinstance(said, float) else other.get(said, said)

    return say


def chosen_over(made):
    return [(pair.chosen, pair.rejected) for pair in made.pairs]


def counts(made):
    """Return status, pairs, ties, undecided, same texts, unparsable, flagged, failed, pending."""
    (row,) = made.outcomes
    return (
        row.status,
        row.num_pairs,
        row.num_ties,
        row.num_undecided,
        row.num_same_text,
        row.num_unparsable,
        row.num_flagged,
        row.num_failed,
        row.num_pending,
    )


def test_a_decided_comparison_is_a_pair_with_margin_and_agreement():
    made = compared(["a", "bb"], by_table({"abb": 0.2}))
    (pair,) = made.pairs
    assert (pair.chosen, pair.rejected) == ("bb", "a")
    assert pair.margin == pytest.approx(0.6)  # |2 * 0.2 - 1| in both orders
    assert pair.agreement == 1.0
    assert (pair.labeler_kind, pair.labeler) == ("llm", "llm:j pairwise-overall")
    ids = {row.text: row.completion_id for row in made.completions}
    assert (pair.chosen_id, pair.rejected_id) == (ids["bb"], ids["a"])


def test_four_answers_are_six_comparisons_and_up_to_six_pairs():
    made = compared(["a", "bb", "ccc", "dddd"], longer)
    assert chosen_over(made) == [
        ("bb", "a"),
        ("ccc", "a"),
        ("dddd", "a"),
        ("ccc", "bb"),
        ("dddd", "bb"),
        ("dddd", "ccc"),
    ]
    assert counts(made) == ("paired", 6, 0, 0, 0, 0, 0, 0, 0)
    assert made.outcomes[0].num_verdicts == 12


@pytest.mark.parametrize(
    ("say", "expected"),
    [
        pytest.param(lambda *_: "1", ("undecided", 0, 0, 1, 0, 0, 0, 0, 0), id="first shown"),
        pytest.param(lambda *_: "tie", ("tied", 0, 1, 0, 0, 0, 0, 0, 0), id="both say tie"),
        pytest.param(
            by_table({"ab": 0.54}), ("tied", 0, 1, 0, 0, 0, 0, 0, 0), id="margin 0.08 below 0.1"
        ),
        pytest.param(by_table({"ab": 0.56}), ("paired", 1, 0, 0, 0, 0, 0, 0, 0), id="margin 0.12"),
        pytest.param(
            lambda *_: "unparsable", ("unparsable", 0, 0, 0, 0, 1, 0, 0, 0), id="not readable"
        ),
        pytest.param(lambda *_: Outcome.TIMEOUT, ("failed", 0, 0, 0, 0, 0, 0, 1, 0), id="failed"),
        pytest.param(lambda *_: Outcome.PENDING, ("pending", 0, 0, 0, 0, 0, 0, 0, 1), id="pending"),
        pytest.param(
            lambda first, _: "1" if first == "a" else "tie",
            ("undecided", 0, 0, 1, 0, 0, 0, 0, 0),
            id="a tie in one order",
        ),
        pytest.param(
            lambda first, _: "1" if first == "a" else Outcome.PENDING,
            ("pending", 0, 0, 0, 0, 0, 0, 0, 1),
            id="one order not asked",
        ),
    ],
)
@pytest.mark.parametrize("pairing", ["all", "best-worst"])
def test_two_answers_are_settled_alike_by_either_pairing(pairing, say, expected):
    assert counts(compared(["a", "b"], say, pairing=pairing)) == expected


def test_a_decision_against_its_own_probabilities_is_a_tie():
    said = TextComparer(lambda first, _: "1" if first == "a" else "2")
    a, b = answers(ASKED, "a", "b")
    verdicts = [
        replace(verdict, probability=0.1) for verdict in said.compare([Comparison(ASKED, a, b)])
    ]
    settled = settle(Comparison(ASKED, a, b), *verdicts, min_margin=0.0)
    assert (settled.fate, settled.winner) == (Fate.TIED, None)


def test_a_comparison_whose_verdict_obeys_a_candidate_gives_no_pair():
    made = compared(["a", "bb", "ccc"], longer, flagged=["ccc"])
    assert chosen_over(made) == [("bb", "a")]
    assert counts(made) == ("paired", 1, 0, 0, 0, 0, 2, 0, 0)
    assert counts(compared(["a", "bb"], longer, flagged=["a"]))[0] == "flagged"


@pytest.mark.parametrize("outcome", [Outcome.PENDING, Outcome.TIMEOUT])
def test_what_never_came_cannot_be_distrusted(outcome):
    made = compared(["a", "bb"], lambda *_: outcome, flagged=["a"])
    assert (made.outcomes[0].num_flagged, made.pairs) == (0, ())
    assert made.outcomes[0].num_pending + made.outcomes[0].num_failed == 1


def test_a_flag_counts_before_a_reply_that_cannot_be_read():
    assert counts(compared(["a", "bb"], lambda *_: "unparsable", flagged=["a"]))[0] == "flagged"


def test_answers_of_one_text_are_not_compared():
    made = compared(["a", "bb", "a"], longer)
    assert chosen_over(made) == [("bb", "a")]
    assert counts(made) == ("paired", 1, 0, 0, 2, 0, 0, 0, 0)  # a-a, and a-bb once more
    assert made.outcomes[0].num_verdicts == 2
    assert counts(compared(["a", "a"], longer))[0] == "same-text"


def test_best_and_worst_are_those_with_most_and_fewest_wins():
    made = compared(["bb", "a", "dddd", "ccc"], longer, pairing="best-worst")
    assert chosen_over(made) == [("dddd", "a")]
    assert counts(made) == ("paired", 1, 0, 0, 0, 0, 0, 0, 0)


def test_equal_wins_are_told_apart_by_the_mean_margin():
    # a and b beat c and tie with each other; a does so by more: means (1 + 0)/2 and (0.6 + 0)/2
    table = {"ab": "tie", "ac": "1", "bc": 0.8}
    assert chosen_over(compared("abc", by_table(table), pairing="best-worst")) == [("a", "c")]
    table = {"ab": "tie", "ac": 0.8, "bc": "1"}
    assert chosen_over(compared("abc", by_table(table), pairing="best-worst")) == [("b", "c")]


def test_losses_count_against_wins_before_any_margin_does():
    # wins less losses: a 1, b 0, c 1, d -2; mean margins: a 0.4/3, b (1 - 0.2)/3, c 0.2/3
    table = {"ab": "tie", "ac": "tie", "ad": 0.7, "bc": 0.4, "bd": "1", "cd": "tie"}
    assert chosen_over(compared("abcd", by_table(table), pairing="best-worst")) == [("a", "d")]


def test_the_mean_margin_counts_from_the_answers_own_side():
    # c comes first here, so that a and b win as the second of their comparisons
    table = {"ab": "tie", "ac": 0.8, "bc": "1"}
    assert chosen_over(compared("cab", by_table(table), pairing="best-worst")) == [("b", "c")]


def test_a_comparison_that_cannot_be_believed_says_nothing_about_best_and_worst():
    # d obeys: were it believed, b would beat it and stand above a
    table = {"ab": "tie", "ac": 0.8, "bc": 0.8, "ad": "tie", "bd": "1", "cd": "tie"}
    made = compared("abcd", by_table(table), pairing="best-worst", flagged="d")
    assert chosen_over(made) == [("a", "c")]


def test_what_is_then_still_equal_is_told_apart_by_the_sample_index():
    table = {"ab": "tie", "ac": "1", "bc": "1"}
    assert chosen_over(compared("abc", by_table(table), pairing="best-worst")) == [("a", "c")]
    table = {"ab": "1", "ac": "1", "bc": "tie"}
    assert chosen_over(compared("abc", by_table(table), pairing="best-worst")) == [("a", "b")]


def test_a_circle_of_preferences_gives_no_best_and_worst():
    circle = {"ab": "1", "bc": "1", "ac": "2"}
    made = compared("abc", by_table(circle), pairing="best-worst")
    assert counts(made) == ("tied", 0, 0, 0, 0, 0, 0, 0, 0)
    assert len(compared("abc", by_table(circle)).pairs) == 3


def test_best_and_worst_give_no_pair_where_their_own_comparison_is_not_decided():
    # wins less losses: a 2, b 0, c 0, d -2
    table = {"ab": "1", "ac": "1", "ad": "tie", "bc": "tie", "bd": "1", "cd": "1"}
    made = compared("abcd", by_table(table), pairing="best-worst")
    assert counts(made)[:4] == ("tied", 0, 2, 0)
    unread = compared("abcd", by_table(table | {"ad": "unparsable"}), pairing="best-worst")
    assert counts(unread)[0] == "unparsable"


def test_a_best_answer_that_loses_to_the_worst_gives_no_pair():
    # of five answers a beats b, c and d and loses to e; e loses to b, c and d
    table = {"ab": "1", "ac": "1", "ad": "1", "ae": "2", "be": "1", "ce": "1", "de": "1"}
    table |= {"bc": "tie", "bd": "tie", "cd": "tie"}
    made = compared("abcde", by_table(table), pairing="best-worst")
    assert counts(made)[:2] == ("tied", 0)
    assert made.outcomes[0].detail == OVERALL_LOSES


def test_the_judge_is_asked_once_for_all_prompts():
    prompts = [prompt(f"p{number}") for number in range(3)]
    rows = [row for asked in prompts for row in answers(asked, "a", "bb", "ccc")]
    judge = TextComparer(longer)
    made = judged_pairs(prompts, rows, [], Compares(judge), JudgingParams(pairing="all"))
    assert judge.num_calls == 1
    assert len(made.verdicts) == 3 * 3 * 2
    assert [pair.prompt_id for pair in made.pairs] == [
        asked.prompt_id for asked in prompts for _ in combinations(range(3), 2)
    ]


def test_an_answer_to_a_prompt_that_was_not_asked_is_a_mistake():
    stray = answers(prompt("other"), "a")
    with pytest.raises(ValueError, match="not among the 1 prompts"):
        judged_pairs([ASKED], stray, [], Compares(TextComparer(longer)), JudgingParams())
