from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.annotation.page.label_request import (
    AdjudicationRequest,
    LabelRequest,
    WrongFieldError,
    adjudication,
    label_on_screen,
)


def said(**fields: Any) -> LabelRequest:
    return LabelRequest.model_validate({"item_id": "i", "choice": 1, "seconds": 1.0} | fields)


def settled(**fields: Any) -> AdjudicationRequest:
    return AdjudicationRequest.model_validate({"item_id": "i", "choice": "a"} | fields)


def test_positions_become_letters_of_the_order_on_the_screen() -> None:
    label = label_on_screen(
        said(choice=1, worst=3, strength="clear", note="n", seconds=2.5), shown_order="cab"
    )
    assert (label.choice, label.worst, label.strength) == ("c", "b", "clear")
    assert (label.item_id, label.note, label.seconds) == ("i", "n", 2.5)


@given(st.permutations("abcdefghi"), st.data())
def test_every_position_means_the_letter_that_stands_there(order: list[str], data: Any) -> None:
    letters = "".join(order)
    best, worst = data.draw(st.permutations(range(1, 10)))[:2]
    label = label_on_screen(said(choice=best, worst=worst), letters)
    assert (label.choice, label.worst) == (letters[best - 1], letters[worst - 1])


@pytest.mark.parametrize("choice", ["tie", "both_bad", "skip"])
def test_what_names_no_answer_has_no_strength(choice: str) -> None:
    label = label_on_screen(said(choice=choice, strength="slight"), "ba")
    assert (label.choice, label.worst, label.strength) == (choice, None, None)


@pytest.mark.parametrize(
    ("fields", "order", "message"),
    [
        ({"choice": 3}, "ba", "choice is 3, and there are 2 answers"),
        ({"choice": 1, "worst": 4}, "cab", "worst is 4, and there are 3 answers"),
        ({"choice": 2, "worst": 2}, "cab", "worst is the answer that was chosen as the best"),
        ({"choice": "tie", "worst": 1}, "cab", "worst needs a best answer beside it"),
        ({"choice": 2}, "cab", "worst is missing"),
    ],
)
def test_positions_that_do_not_fit_are_refused_without_a_letter(
    fields: dict[str, Any], order: str, message: str
) -> None:
    with pytest.raises(WrongFieldError, match=message):
        label_on_screen(said(**fields), order)


@pytest.mark.parametrize(
    "fields",
    [
        *({"choice": wrong} for wrong in (0, -1, 10, 1.0, True, "1", "a", "left", None, [], {})),
        *({"worst": wrong} for wrong in (0, 10, "b", "tie", False, 2.0)),
        *({"strength": wrong} for wrong in ("", "strong", 1)),
        *(
            {"seconds": wrong}
            for wrong in (-0.1, float("nan"), float("inf"), "1", None, True, 1e10)
        ),
        *({"note": wrong} for wrong in (None, 1, "x" * 5001, "\ud800")),
        *({"item_id": wrong} for wrong in (None, 1, "", "x" * 201)),
        {"annotator": "somebody else"},
    ],
    ids=repr,
)
def test_fields_of_another_kind_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        said(**fields)


def test_an_adjudication_is_in_letters_of_the_item() -> None:
    label = adjudication(settled(choice="c", worst="a", note="n"), "abc")
    assert (label.choice, label.worst, label.note) == ("c", "a", "n")
    assert adjudication(settled(choice="both_bad"), "abc").choice == "both_bad"


@pytest.mark.parametrize(
    ("fields", "sides", "message"),
    [
        ({"choice": "c"}, "ab", "choice is 'c'; the item has a, b"),
        ({"choice": "a", "worst": "i"}, "abc", "worst is 'i'; the item has a, b, c"),
        ({"choice": "a", "worst": "a"}, "abc", "worst is the answer that was chosen"),
        ({"choice": "tie", "worst": "a"}, "abc", "worst needs a best answer"),
        ({"choice": "b"}, "abc", "worst is missing"),
    ],
)
def test_an_adjudication_that_does_not_fit_is_refused(
    fields: dict[str, Any], sides: str, message: str
) -> None:
    with pytest.raises(WrongFieldError, match=message):
        adjudication(settled(**fields), sides)


@pytest.mark.parametrize("choice", ["skip", "ab", "", "j", 1, None])
def test_an_adjudication_settles_something(choice: Any) -> None:
    with pytest.raises(ValidationError):
        settled(choice=choice)
