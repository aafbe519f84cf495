"""Options that name what people compare."""

import pytest

from deployments.named_comparisons import named_comparisons
from storage.input_error import InputError

NONE = dict.fromkeys(("pairs", "verdicts", "completions", "file", "gold"))
NAMED = [
    ("nothing", {}, []),
    ("pairs", {"pairs": "latest"}, ["source=pairs", "reference=latest"]),
    (
        "undecided of the latest",
        {"verdicts": "undecided"},
        ["source=verdicts", "which=undecided", "reference=latest"],
    ),
    (
        "ties of an artifact",
        {"verdicts": "tied:1a2b"},
        ["source=verdicts", "which=tied", "reference=1a2b"],
    ),
    (
        "an artifact alone",
        {"verdicts": "1a2b"},
        ["source=verdicts", "which=undecided", "reference=1a2b"],
    ),
    ("a file", {"file": "rows.jsonl"}, ["source=file", "file=rows.jsonl"]),
    (
        "gold items among completions",
        {"completions": "latest", "gold": "gold.jsonl"},
        ["file=gold.jsonl", "source=completions", "reference=latest"],
    ),
]


@pytest.mark.parametrize(
    ("given", "settings"), [row[1:] for row in NAMED], ids=[row[0] for row in NAMED]
)
def test_options_become_settings_of_collect_pairs(given, settings):
    named = named_comparisons(**{**NONE, **given})
    assert named == [f"comparisons.{setting}" for setting in settings]


WRONG = [
    ("two sources", {"pairs": "latest", "file": "x"}, "--pairs and --file are both given"),
    ("gold alone", {"gold": "gold.jsonl"}, "none is given"),
    ("gold beside a file", {"gold": "gold.jsonl", "file": "x"}, "has its gold items in itself"),
]


@pytest.mark.parametrize(
    ("given", "message"), [row[1:] for row in WRONG], ids=[r[0] for r in WRONG]
)
def test_what_does_not_fit_together_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        named_comparisons(**{**NONE, **given})
