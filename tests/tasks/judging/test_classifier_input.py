"""Which tokens of a text that is too long a classifier reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.judging.classifier_input import Layout

SIZES = st.integers(0, 20)


@pytest.mark.parametrize(
    ("layout", "max_tokens", "kept"),
    [
        pytest.param((1, 3, 2, 1), None, [0, 1, 2, 3, 4, 5, 6], id="no limit"),
        pytest.param((1, 3, 2, 1), 7, [0, 1, 2, 3, 4, 5, 6], id="all fit"),
        pytest.param((1, 3, 2, 1), 6, [0, 2, 3, 4, 5, 6], id="the prompt loses its start"),
        pytest.param((1, 3, 4, 1), 6, [0, 2, 3, 4, 5, 8], id="half of the room for each"),
        pytest.param((1, 1, 6, 1), 6, [0, 1, 2, 3, 4, 8], id="the answer loses its end"),
        pytest.param((0, 0, 5, 0), 3, [0, 1, 2], id="nothing but an answer"),
        pytest.param((2, 3, 3, 2), 3, [0, 1, 8, 9], id="special tokens alone exceed the limit"),
    ],
)
def test_kept_positions_worked_by_hand(layout, max_tokens, kept):
    head, prompt, answer, tail = layout
    layout = Layout(head=head, prompt=prompt, answer=answer, tail=tail)
    assert layout.kept(max_tokens) == kept


@given(head=SIZES, prompt=SIZES, answer=SIZES, tail=SIZES, spare=SIZES)
def test_the_room_is_used_up_and_no_position_moves(head, prompt, answer, tail, spare):
    layout = Layout(head=head, prompt=prompt, answer=answer, tail=tail)
    kept = layout.kept(head + tail + spare)
    num = head + prompt + answer + tail
    assert kept == sorted(set(kept))
    assert len(kept) == min(num, head + tail + spare)
    assert kept[:head] == list(range(head))
    assert kept[len(kept) - tail :] == list(range(num - tail, num))


@given(prompt=SIZES, answer=st.integers(1, 20), spare=st.integers(1, 20))
def test_an_answer_always_keeps_its_first_token(prompt, answer, spare):
    layout = Layout(head=1, prompt=prompt, answer=answer, tail=1)
    assert 1 + prompt in layout.kept(2 + spare)
