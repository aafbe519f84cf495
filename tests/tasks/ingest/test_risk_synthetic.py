"""Generated situations: strict disagreements, balanced, short, and stable when extended."""

from collections import Counter

import orjson
import pytest
from scipy.stats import chisquare

from storage.input_error import InputError
from storage.tables.prompts import Prompt
from tasks.ingest.params import IngestParams
from tasks.ingest.risk_lotteries import MARGIN
from tasks.ingest.risk_prompt import option_lines
from tasks.ingest.risk_synthetic import risk_synthetic_rows
from tasks.ingest.risk_utility import Cara, Crra, Linear, Lottery, lottery_fault
from tasks.ingest.risk_wordings import LABEL_STYLES, PERCENTS_IN_WORDS, money
from tasks.judging.choice_labels import choice_key

NUM_ROWS = 2_000


def generate(**params):
    settings = {"source": "risk-synthetic", "num_situations": 100} | params
    return list(risk_synthetic_rows(IngestParams(**settings)))


@pytest.fixture(scope="module")
def rows():
    return generate(num_situations=NUM_ROWS)


def meta(example):
    return orjson.loads(example.meta)


def lotteries(example):
    facts = meta(example)
    pairs = zip(facts["prizes"], facts["probabilities_percent"], strict=True)
    return [Lottery(tuple(prizes), tuple(percents)) for prizes, percents in pairs]


def labels(example):
    return [line.label for line in option_lines(example.messages[0].content)]


def picked(example):
    """The places of the chosen and the rejected option, counted from 0."""
    listed = labels(example)
    return listed.index(example.chosen.strip()), listed.index(example.rejected.strip())


def test_situations_do_not_depend_on_how_many_there_are():
    assert generate(num_situations=40)[:10] == generate(num_situations=10)
    assert generate(num_situations=40, limit=10) == generate(num_situations=10)


def test_another_seed_makes_other_situations_that_are_named_after_it():
    ours, others = generate(seed=0), generate(seed=1)
    assert not {row.messages for row in ours} & {row.messages for row in others}
    assert (others[4].file, others[4].line) == ("risk-synthetic(1)", 5)


def test_no_situation_repeats(rows):
    assert len({row.example_id for row in rows}) == NUM_ROWS


@pytest.mark.parametrize(
    ("params", "agent"),
    [
        pytest.param({}, Cara(0.01), id="CARA"),
        pytest.param({"utility": "crra"}, Crra(2.0, 1000.0), id="CRRA"),
        pytest.param({"stakes": 1e6}, Cara(0.01), id="losses above wealth are not offered"),
        pytest.param({"stakes": 5.0, "risk_aversion": 0.3}, Cara(0.3), id="cents"),
    ],
)
def test_every_situation_is_a_strict_disagreement_by_more_than_the_margin(params, agent):
    margin = MARGIN * params.get("stakes", 100)
    for row in generate(**params):
        options, (chosen, rejected) = lotteries(row), picked(row)
        for place, who in ((chosen, agent), (rejected, Linear())):
            worth = [who.certainty_equivalent(option) for option in options]
            assert all(
                worth[place] - other >= margin - 1e-9
                for index, other in enumerate(worth)
                if index != place
            )
        assert chosen != rejected


def test_what_is_computed_with_is_what_the_prompt_says(rows):
    for row in rows:
        lines = option_lines(row.messages[0].content)
        assert len(lines) == meta(row)["num_options"] == len(lotteries(row))
        for line, lottery in zip(lines, lotteries(row), strict=True):
            assert lottery_fault(lottery.prizes, lottery.percents) == ""
            rest = line.text
            for prize, percent in zip(lottery.prizes, lottery.percents, strict=True):
                if percent < 100:
                    written = {f"{percent:g}%", PERCENTS_IN_WORDS[int(percent)]}
                    assert any(chance in rest for chance in written)
                assert money(prize) in rest
                rest = rest.partition(", ")[2]


def test_number_words_are_the_probabilities_that_they_name():
    numbers = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    values = {word: number for number, word in enumerate(numbers, start=1)}
    values |= {"nineteen": 19, "twenty": 20}
    for percent, words in PERCENTS_IN_WORDS.items():
        part, _, whole = words.split("-")
        assert 100 * values[part] == percent * values[whole]


@pytest.mark.parametrize(
    ("probabilities", "least", "most"),
    [("words", 0, 0), ("percentages", 100, 100), ("mixed", 30, 70)],
)
def test_probabilities_are_written_as_asked(probabilities, least, most):
    """Sure prizes alone are no disagreement, so there is always a probability; mixed is a coin."""
    texts = [row.messages[0].content for row in generate(probabilities=probabilities)]
    assert least <= sum("%" in text for text in texts) <= most


@pytest.mark.parametrize("num_options", [2, 3, 4])
def test_no_place_is_chosen_or_rejected_more_often_than_others(rows, num_options):
    """Chi-squared against equal frequencies; the seed is fixed, so the test is too."""
    places = [picked(row) for row in rows if meta(row)["num_options"] == num_options]
    assert len(places) > NUM_ROWS / 4
    for side in (0, 1):
        counts = Counter(pair[side] for pair in places)
        assert chisquare([counts[place] for place in range(num_options)]).pvalue > 0.01


def test_a_sure_prize_is_not_always_the_answer(rows):
    sure = [len(lotteries(row)[picked(row)[0]].prizes) == 1 for row in rows]
    offered = [any(len(option.prizes) == 1 for option in lotteries(row)) for row in rows]
    assert 0.2 < sum(sure) / NUM_ROWS < 0.6
    assert sum(sure) < 0.9 * sum(offered)


def test_all_label_styles_and_wordings_occur(rows):
    texts = [row.messages[0].content for row in rows]
    assert {text.splitlines()[1].split()[0] for text in texts} == set(LABEL_STYLES)
    assert len({text.splitlines()[0] for text in texts}) >= 6
    assert len({text.splitlines()[-1] for text in texts}) >= 4


def test_prompts_are_short_enough_for_small_models(rows):
    lengths = sorted(len(row.messages[0].content.split()) for row in rows)
    assert lengths[-1] <= 60
    assert lengths[NUM_ROWS // 2] <= 40


def test_the_number_of_options_is_within_its_bounds():
    assert {meta(row)["num_options"] for row in generate(min_options=3)} == {3, 4}
    assert {meta(row)["num_options"] for row in generate(max_options=2)} == {2}


def test_meta_names_the_best_options_of_all_three_agents(rows):
    for row in rows:
        facts = meta(row)
        assert facts["cara_labels"] == [row.chosen.strip()]
        assert facts["linear_labels"] == [row.rejected.strip()]
        worth = [Crra(2.0, 1000.0).certainty_equivalent(option) for option in lotteries(row)]
        assert labels(row)[worth.index(max(worth))] in facts["crra_labels"]
    assert [meta(row)["situation_id"] for row in rows[:2]] == ["0-0", "0-1"]


def test_the_judge_understands_every_situation(rows):
    for row in rows:
        prompt = Prompt(
            source=row.source,
            split="eval",
            messages=row.messages,
            meta=row.meta,
            cluster="",
            origin=row.origin,
        )
        key = choice_key(prompt)
        assert key.chosen == {row.chosen.strip()}
        assert key.rejected == {row.rejected.strip()}
        assert key.options == set(labels(row))


def test_answers_are_bare_labels_with_the_labeler_that_compared_them(rows):
    assert {row.labeler for row in rows} == {"cara-against-linear"}
    assert {row.labeler for row in generate(utility="crra")} == {"crra-against-linear"}
    assert all(row.chosen[0] == row.rejected[0] == " " for row in rows)
    assert {row.demonstrations for row in rows} == {()}


def test_agents_that_hardly_differ_are_told():
    with pytest.raises(InputError, match="raise the stakes or the risk aversion"):
        generate(risk_aversion=1e-9)


def test_progress_is_told_to_the_end():
    told = []

    def listen(done, total, note=""):
        told.append((done, total))

    list(risk_synthetic_rows(IngestParams(source="risk-synthetic", num_situations=3), listen))
    assert told == [(0, 3), (3, 3)]


@pytest.mark.parametrize(
    ("dollars", "written"), [(-1200, "-$1,200"), (0.5, "$0.50"), (0, "$0"), (1e9, "$1,000,000,000")]
)
def test_money_is_written_as_people_do(dollars, written):
    assert money(dollars) == written
