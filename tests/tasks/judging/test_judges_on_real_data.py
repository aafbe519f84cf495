"""How far the judges agree with the labels of published data; skipped where it is absent."""

import csv
import gzip
from pathlib import Path

import pytest

from tasks.judging.choice_labels import normal_label
from tasks.judging.choice_parser import read_choice
from tasks.judging.lexical import fit_lexical

DATA = Path(__file__).parents[3] / "../shared/data"
RISK = "2026_03_22_low_stakes_training_set_600_situations_with_CoTs_lin_only.csv.gz"


def rows_of(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no {name} beside the checkout")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("side", ["chosen", "rejected"])
def test_every_reasoned_risk_answer_is_read_as_its_author_recorded_it(side):
    rows = rows_of(f"risk/{RISK}")
    read = [read_choice(row[f"{side}_full"]) for row in rows]
    recorded = [normal_label(row[f"{side}_answer"]) for row in rows]
    assert len(rows) == 600
    assert [choice and choice.label for choice in read] == recorded


@pytest.mark.parametrize("side", ["chosen", "rejected"])
def test_what_is_read_from_the_bare_reasoning_is_what_its_author_recorded(side):
    """Without the JSON line fewer answers are readable, but none is read wrongly."""
    rows = rows_of(f"risk/{RISK}")
    read = 0
    for row in rows:
        reasoning = row[f"{side}_full"].replace("<think>", "").split("</think>")[0]
        choice = read_choice(reasoning)
        if choice is not None:
            read += 1
            assert choice.label == normal_label(row[f"{side}_answer"]), row["situation_id"]
    assert read > 200


def test_the_lexical_judge_tells_the_sentiment_of_real_reviews():
    rows = rows_of("imdb/IMDB_Dataset_8000.csv.gz")[:1500]
    texts = [" ".join(row["review"].split()[:60]) for row in rows]
    labels = [int(row["sentiment"] == "positive") for row in rows]
    assert fit_lexical(texts, labels, name="lexical", seed=0).accuracy > 0.65
