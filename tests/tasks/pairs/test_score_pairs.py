"""Which pairs come of scored answers, and what is counted."""

import pytest

from tasks.judging.params import JudgingParams
from tasks.pairs.asked_judge import Scores
from tasks.pairs.judged import judged_pairs
from tasks.sampling.api.reply import Outcome
from tests.tasks.pairs.small_world import TextScorer, answer, answers, prompt

ASKED = prompt("p")


def scored(scores, *, pairing="best-worst", min_margin=0.0, flagged=(), **judge):
    """Return what comes of the answers t0, t1, ... with these scores."""
    of = {f"t{index}": score for index, score in enumerate(scores)}
    scorer = TextScorer(of.__getitem__, flagged=frozenset(flagged), **judge)
    params = JudgingParams(pairing=pairing, min_margin=min_margin)
    return judged_pairs([ASKED], answers(ASKED, *of), [], Scores(scorer), params)


def chosen_over(made):
    return [(pair.chosen, pair.rejected) for pair in made.pairs]


def counts(made):
    """Return status, pairs, ties, same texts, unparsable, flagged, failed, pending."""
    (row,) = made.outcomes
    return (
        row.status,
        row.num_pairs,
        row.num_ties,
        row.num_same_text,
        row.num_unparsable,
        row.num_flagged,
        row.num_failed,
        row.num_pending,
    )


def test_the_best_answer_is_chosen_and_the_worst_rejected():
    made = scored([0.4, 0.9, 0.1, 0.5], min_margin=0.1)
    (pair,) = made.pairs
    assert (pair.chosen, pair.rejected) == ("t1", "t2")
    rows = {row.text: row.completion_id for row in made.completions}
    assert (pair.chosen_id, pair.rejected_id) == (rows["t1"], rows["t2"])
    assert pair.margin == pytest.approx(0.8)
    assert pair.agreement is None
    assert (pair.labeler_kind, pair.labeler) == ("judge", "lexical-train")
    assert (pair.prompt_id, pair.split, pair.origin) == (ASKED.prompt_id, "train", "p:1")
    assert pair.messages == ASKED.messages


@pytest.mark.parametrize(
    ("judge", "rubric", "labeler"),
    [
        ("llm:m", "helpful v1 0a1b2c3d", ("llm", "llm:m helpful")),
        ("llm:m", "", ("llm", "llm:m")),
        ("oracle", "", ("oracle", "oracle")),
        ("classifier:some/model", "", ("judge", "classifier:some/model")),
    ],
)
def test_a_pair_names_who_preferred(judge, rubric, labeler):
    (pair,) = scored([0.9, 0.1], name=judge, rubric=rubric).pairs
    assert (pair.labeler_kind, pair.labeler) == labeler


def test_four_answers_give_a_pair_of_every_two_that_differ():
    made = scored([0.9, 0.9, 0.4, 0.1], pairing="all")
    assert chosen_over(made) == [
        ("t0", "t2"),
        ("t0", "t3"),
        ("t1", "t2"),
        ("t1", "t3"),
        ("t2", "t3"),
    ]
    assert [pair.margin for pair in made.pairs] == pytest.approx([0.5, 0.8, 0.5, 0.8, 0.3])
    assert counts(made) == ("paired", 5, 1, 0, 0, 0, 0, 0)
    assert made.outcomes[0].num_verdicts == made.outcomes[0].num_completions == 4


def test_of_every_two_the_better_one_is_chosen_whichever_came_first():
    assert chosen_over(scored([0.1, 0.9], pairing="all")) == [("t1", "t0")]


N, F, P = "unparsable", Outcome.SERVER_ERROR, Outcome.PENDING


@pytest.mark.parametrize(
    ("scores", "pairing", "min_margin", "expected"),
    [
        pytest.param([0.75, 0.25], "best-worst", 0.5, ("paired", 1, 0, 0, 0, 0, 0, 0), id="at it"),
        pytest.param([0.5, 0.55], "best-worst", 0.1, ("tied", 0, 1, 0, 0, 0, 0, 0), id="below it"),
        pytest.param([0.5, 0.5], "best-worst", 0.0, ("tied", 0, 1, 0, 0, 0, 0, 0), id="equal"),
        pytest.param([0.5, 0.5, 0.5], "all", 0.0, ("tied", 0, 3, 0, 0, 0, 0, 0), id="three equal"),
        pytest.param(
            [1.0, 0.0, 0.5], "all", 0.75, ("paired", 1, 2, 0, 0, 0, 0, 0), id="some below it"
        ),
        pytest.param(
            [0.9, N], "best-worst", 0.0, ("unparsable", 0, 0, 0, 1, 0, 0, 0), id="one readable"
        ),
        pytest.param([N, N], "all", 0.0, ("unparsable", 0, 0, 0, 2, 0, 0, 0), id="none readable"),
        pytest.param([0.9, N, 0.1], "all", 0.0, ("paired", 1, 0, 0, 1, 0, 0, 0), id="two readable"),
        pytest.param([0.9, N, 0.9], "all", 0.0, ("tied", 0, 1, 0, 1, 0, 0, 0), id="two equal"),
        pytest.param([0.9], "best-worst", 0.0, ("too-few", 0, 0, 0, 0, 0, 0, 0), id="one answer"),
        pytest.param([], "all", 0.0, ("too-few", 0, 0, 0, 0, 0, 0, 0), id="no answer"),
        pytest.param([0.9, F], "all", 0.0, ("failed", 0, 0, 0, 0, 0, 1, 0), id="a call failed"),
        pytest.param([F, P, N], "all", 0.0, ("pending", 0, 0, 0, 1, 0, 1, 1), id="one not asked"),
    ],
)
def test_every_prompt_has_the_status_and_the_counts_worked_by_hand(
    scores, pairing, min_margin, expected
):
    assert counts(scored(scores, pairing=pairing, min_margin=min_margin)) == expected


@pytest.mark.parametrize(
    ("texts", "pairing", "expected"),
    [
        pytest.param(["x", "x"], "best-worst", ("same-text", 0, 0, 1, 0, 0, 0, 0), id="one text"),
        pytest.param(["x", "x", "x"], "all", ("same-text", 0, 0, 3, 0, 0, 0, 0), id="three times"),
        # x-y is a pair; x-x and the second x against y are not another one
        pytest.param(["x", "x", "yy"], "all", ("paired", 1, 0, 2, 0, 0, 0, 0), id="one repeated"),
        pytest.param(
            ["x", "x", "yy"], "best-worst", ("paired", 1, 0, 0, 0, 0, 0, 0), id="best against worst"
        ),
    ],
)
def test_an_answer_that_repeats_another_ones_text_takes_no_part(texts, pairing, expected):
    judge = Scores(TextScorer(lambda text: float(len(text))))
    params = JudgingParams(pairing=pairing, min_margin=0.0)
    made = judged_pairs([ASKED], answers(ASKED, *texts), [], judge, params)
    assert counts(made) == expected
    assert len({pair.pair_id for pair in made.pairs}) == len(made.pairs)


def test_a_score_that_obeys_its_candidate_is_not_trusted():
    made = scored([1.0, 0.5, 0.1], pairing="all", flagged=["t0"])
    assert chosen_over(made) == [("t1", "t2")]
    assert counts(made) == ("paired", 1, 0, 0, 0, 1, 0, 0)
    assert counts(scored([1.0, 0.5], flagged=["t0"])) == ("flagged", 0, 0, 0, 0, 1, 0, 0)


def test_why_a_score_is_missing_stands_in_the_detail():
    (row,) = scored([0.9, "unparsable"]).outcomes
    assert row.detail == "judge: ok: no score there"


def test_among_equal_scores_the_earlier_sample_is_taken_whatever_the_order_of_the_rows():
    rows = answers(ASKED, "a", "b", "cc", "dd")
    judge = Scores(TextScorer(lambda text: float(len(text))))
    for given in (rows, rows[::-1]):
        made = judged_pairs([ASKED], given, [], judge, JudgingParams(min_margin=0.0))
        assert chosen_over(made) == [("cc", "a")]
        assert made.completions == tuple(rows)


def test_answers_of_two_policies_stand_by_sample_index_and_then_by_policy():
    rows = [answer(ASKED, "1z", 1, "z"), answer(ASKED, "0z", 0, "z"), answer(ASKED, "0a", 0, "a")]
    judge = Scores(TextScorer(lambda _: 0.5))
    made = judged_pairs([ASKED], rows, [], judge, JudgingParams())
    assert [row.text for row in made.completions] == ["0a", "0z", "1z"]
