"""Reading which option an answer chooses."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.judging.choice_labels import normal_label
from tasks.judging.choice_parser import read_choice

READ = [
    pytest.param('{"answer":"2"}', "2", "json", id="json"),
    pytest.param("{'answer': 2}", "2", "json", id="json with single quotes and a number"),
    pytest.param('{"reason": "x", "Answer": ["b"]}', "b", "json", id="json list after a reason"),
    pytest.param('{"answer":"Option (2)."}', "2", "json", id="json with a decorated label"),
    pytest.param('{"answer":"1"} No: {"answer":"2"}', "2", "json", id="the last json holds"),
    pytest.param('<think>I choose 1.</think>\n{"answer":"2"}', "2", "json", id="after thinking"),
    pytest.param(r"So \boxed{3}.", "3", "boxed", id="boxed"),
    pytest.param(r"\boxed{\text{Option b}}", "b", "boxed", id="boxed text"),
    pytest.param("Answer: a", "a", "answer_line", id="answer line"),
    pytest.param("**Final Answer:** (B)", "b", "answer_line", id="bold final answer"),
    pytest.param("My answer is 2, because of the risk", "2", "answer_line", id="my answer is"),
    pytest.param("I would choose option 3 here.", "3", "answer_line", id="I would choose"),
    pytest.param("I'd go with (c) over (a).", "c", "answer_line", id="I'd go with"),
    pytest.param("I pick 1. Wait, I pick 2.", "2", "answer_line", id="a change of mind"),
    pytest.param(" 2", "2", "bare", id="bare label"),
    pytest.param("Option A", "a", "bare", id="bare option"),
    pytest.param("(2).", "2", "bare", id="bare with brackets"),
    pytest.param("2\n\nBecause it is safe.", "2", "bare", id="label alone on the first line"),
    pytest.param("It is the safe one.\n(b)", "b", "bare", id="label alone on the last line"),
]
UNREAD = [
    pytest.param("", id="empty"),
    pytest.param("Once upon a time", id="a story"),
    pytest.param("I choose a safe bet", id="an article is no label"),
    pytest.param("The answer is a difficult one", id="an article after answer"),
    pytest.param("I'd take 50% of it", id="a share is no label"),
    pytest.param("Answer: 12.5", id="a decimal is no label"),
    pytest.param("Would I choose option 2?", id="a question"),
    pytest.param("I would not choose option 2.", id="a denial"),
    pytest.param('<think>{"answer":"1"}', id="thinking that never ends"),
    pytest.param('{"answer":"neither"}', id="json without a label"),
    pytest.param("1\n2\n3", id="first and last line contradict"),
    pytest.param("2. Highly likely to give $5", id="an option repeated"),
    pytest.param("EU(a) = 3\n(b)\nEU = 4\nb is better", id="a heading in the middle"),
]


@pytest.mark.parametrize(("text", "label", "strategy"), READ)
def test_a_choice_is_read_with_the_strategy_that_found_it(text, label, strategy):
    read = read_choice(text)
    assert read is not None
    assert (read.label, read.strategy) == (label, strategy)


@pytest.mark.parametrize("text", UNREAD)
def test_what_is_no_choice_is_not_read(text):
    assert read_choice(text) is None


@pytest.mark.parametrize(
    ("text", "label"),
    [
        pytest.param('{"answer":"2', None, id="json that breaks off"),
        pytest.param("I choose option 1", None, id="12 may have been meant"),
        pytest.param("My answer is (c) because it", "c", id="said before the cut"),
        pytest.param("It is safe.\n2", None, id="a last line that may go on"),
        pytest.param("2\nThe reason is", "2", id="first line before the cut"),
        pytest.param("2", "2", id="the whole answer"),
    ],
)
def test_a_label_at_the_token_limit_is_believed_only_if_it_is_whole(text, label):
    read = read_choice(text, cut=True)
    assert (read.label if read else None) == label


@pytest.mark.parametrize(
    "spelled",
    ["2", " 2 ", "2.", "(2)", "(2).", "[2]", "Option 2", "option 2.", '"2"', "**2**", "02"],
)
def test_all_spellings_of_a_label_are_one_label(spelled):
    assert normal_label(spelled) == "2"


@pytest.mark.parametrize("text", ["", "12a", "ab", "option", "2 and 3", "100", "$", "\u0662"])
def test_what_is_no_label_has_no_normal_form(text):
    assert normal_label(text) is None


@given(st.text(max_size=200), st.booleans())
def test_any_text_is_read_without_an_error_and_gives_a_normal_label_or_nothing(text, cut):
    read = read_choice(text, cut=cut)
    assert read is None or normal_label(read.label) == read.label


@given(st.text(alphabet='<>{}":,answerthink/ \n12ab()', max_size=120))
@example("11\n1")
def test_an_answer_that_can_be_read_although_it_was_cut_can_be_read_as_a_whole(text):
    """Knowing that the answer was cut only makes the reader more careful."""
    read = read_choice(text, cut=True)
    if read is not None:
        assert read_choice(text) is not None
