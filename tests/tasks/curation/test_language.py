"""Texts in another language are told, where that can be told."""

import csv
import gzip
from pathlib import Path

import pytest

from storage.input_error import InputError
from tasks.curation.language import MIN_BYTES, OTHER_LANGUAGE, LanguageCheck

IMDB = Path(__file__).parents[3] / "../shared/data/imdb/IMDB_Dataset_8000.csv.gz"
ENGLISH = (
    "I would rather not tell you how to do that, because someone could be hurt; but if you want to "
    "talk about what made you so angry, then I am happy to listen for as long as you like."
)
OTHERS = {
    "German": (
        "Das kann ich dir leider nicht sagen, weil dabei jemand verletzt werden k\u00f6nnte; wenn du "
        "aber dar\u00fcber reden willst, was dich so w\u00fctend gemacht hat, h\u00f6re ich dir gerne zu."
    ),
    "Spanish": (
        "Prefiero no decirte c\u00f3mo se hace eso, porque alguien podr\u00eda salir herido; pero si quieres "
        "hablar de lo que te enfad\u00f3 tanto, te escucho con mucho gusto todo el tiempo que quieras."
    ),
    "Russian": (
        "\u042f \u043d\u0435 \u0441\u043a\u0430\u0436\u0443 \u0442\u0435\u0431\u0435, \u043a\u0430\u043a "
        "\u044d\u0442\u043e \u0441\u0434\u0435\u043b\u0430\u0442\u044c, \u043f\u043e\u0442\u043e\u043c\u0443 "
        "\u0447\u0442\u043e \u043a\u0442\u043e-\u0442\u043e \u043c\u043e\u0436\u0435\u0442 "
        "\u043f\u043e\u0441\u0442\u0440\u0430\u0434\u0430\u0442\u044c, \u043d\u043e \u044f \u0433\u043e\u0442\u043e\u0432 "
        "\u0432\u044b\u0441\u043b\u0443\u0448\u0430\u0442\u044c \u0442\u0435\u0431\u044f."
    ),
    "Chinese": (
        "\u6211\u4e0d\u80fd\u544a\u8bc9\u4f60\u600e\u4e48\u505a\uff0c\u56e0\u4e3a\u53ef\u80fd\u4f1a\u6709\u4eba"
        "\u53d7\u4f24\u3002\u4f46\u662f\u5982\u679c\u4f60\u60f3\u8c08\u8c08\u662f\u4ec0\u4e48\u8ba9\u4f60\u8fd9"
        "\u4e48\u751f\u6c14\uff0c\u6211\u5f88\u4e50\u610f\u542c\u4f60\u8bf4\u3002\u4f60\u60f3\u8bf4\u591a\u4e45"
        "\u90fd\u53ef\u4ee5\uff0c\u6211\u4eec\u4e0d\u7528\u7740\u6025\u3002"
    ),
}


@pytest.fixture(scope="module")
def english_only():
    return LanguageCheck(frozenset({"en"}))


def test_a_text_in_an_allowed_language_passes(english_only):
    assert english_only.fault(ENGLISH) == ""


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_a_text_in_another_language_is_told(english_only, text):
    assert english_only.fault(text) == OTHER_LANGUAGE


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("Ja, gerne!", id="two words"),
        pytest.param(OTHERS["German"][: MIN_BYTES - 5], id="too short to tell"),
        pytest.param("ha" * 200, id="laughter"),
        pytest.param("1 2 3 4 5 6 7 8 9 0 " * 20, id="numbers"),
        pytest.param("\ud800" * 200, id="lone surrogates"),
    ],
)
def test_texts_of_which_nothing_can_be_told_pass(english_only, text):
    assert english_only.fault(text) == ""


def test_several_languages_may_be_allowed():
    check = LanguageCheck(frozenset({"en", "de"}))
    assert check.fault(ENGLISH) == check.fault(OTHERS["German"]) == ""
    assert check.fault(OTHERS["Spanish"]) == OTHER_LANGUAGE


def test_without_languages_all_are_allowed():
    check = LanguageCheck(frozenset())
    assert {check.fault(text) for text in (ENGLISH, *OTHERS.values())} == {""}


def test_a_language_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match=r"'english', 'xx' cannot be told.* de, .* en,"):
        LanguageCheck(frozenset({"english", "de", "xx"}))


@pytest.mark.skipif(not IMDB.exists(), reason="the real IMDb file is not beside the checkout")
def test_real_english_reviews_pass(english_only):
    """At most one of 200 may be a false alarm."""
    with gzip.open(IMDB, "rt", encoding="utf-8", newline="") as file:
        texts = [row["review"] for row in csv.DictReader(file)][:1_000]
    assert sum(bool(english_only.fault(text)) for text in texts) <= 5
