"""Several answers of an API model to each prompt, and the faults in their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.input_error import InputError
from tasks.pairs.api_candidates import api_candidates
from tasks.sampling.api.params import ChatParams
from tasks.sampling.api.reply import Outcome
from tests.tasks.pairs.small_world import FunctionApi, no_reply, prompt, texts_reply

PROMPTS = [prompt("q0"), prompt("q1"), prompt("q2")]
TEXT = {Outcome.OK, Outcome.LENGTH, Outcome.FEWER_CHOICES}
NO_TEXT = [o for o in Outcome if o not in TEXT | {Outcome.BAD_REQUEST}]


def asked_of(request):
    return request.body["messages"][-1]["content"]


def candidates(say, prompts=PROMPTS, *, num_samples=4, chat=None, **fields):
    api = FunctionApi(say)
    found = api_candidates(
        api, "m", prompts, num_samples=num_samples, chat=chat or ChatParams(), **fields
    )
    return api, found


def full(request):
    texts = [f"{asked_of(request)} answer {index}" for index in range(request.num_choices)]
    return texts_reply(*texts, tokens=10)


def test_all_answers_to_all_prompts_are_asked_for_in_one_call_each_and_all_at_once():
    api, found = candidates(full)
    (batch,) = api.batches
    assert [request.num_choices for request in batch] == [4, 4, 4]
    assert [(row.prompt_id, row.sample_index, row.text) for row in found.completions] == [
        (asked.prompt_id, index, f"q{number} answer {index}")
        for number, asked in enumerate(PROMPTS)
        for index in range(4)
    ]
    assert found.faults == ()


def test_a_completion_says_how_it_was_drawn():
    chat = ChatParams(temperature=0.7, seed=5)
    _, found = candidates(full, PROMPTS[:1], chat=chat)
    row = found.completions[0]
    assert (row.policy, row.temperature, row.seed) == ("llm:m", 0.7, 5)
    assert (row.finish_reason, row.num_tokens, row.sum_logp) == ("stop", 2, None)  # 10 // 4


def test_what_was_not_sent_is_taken_to_be_the_default():
    _, found = candidates(full, PROMPTS[:1], policy="ours")
    row = found.completions[0]
    assert (row.policy, row.temperature, row.seed) == ("ours", 1.0, 0)


def test_an_answer_that_was_cut_says_so():
    _, found = candidates(
        lambda _: texts_reply("cut", outcome=Outcome.LENGTH, finish_reason="length"),
        PROMPTS[:1],
        num_samples=1,
    )
    assert found.completions[0].finish_reason == "length"


def test_a_server_that_ignores_n_is_asked_for_each_missing_answer_alone():
    api, found = candidates(lambda request: f"draw {request.sample_index}", PROMPTS[:2])
    first, second = api.batches
    assert [request.num_choices for request in first] == [4, 4]
    assert [(asked_of(r), r.num_choices, r.sample_index) for r in second] == [
        (name, 1, index) for name in ("q0", "q1") for index in (1, 2, 3)
    ]
    assert [row.text for row in found.completions] == ["draw 0", "draw 1", "draw 2", "draw 3"] * 2
    assert [row.sample_index for row in found.completions] == [0, 1, 2, 3] * 2


def test_a_server_that_refuses_n_is_asked_for_each_answer_alone():
    def say(request):
        return no_reply(Outcome.BAD_REQUEST) if request.num_choices > 1 else full(request)

    api, found = candidates(say, num_samples=2)
    assert [len(batch) for batch in api.batches] == [3, 6]
    assert [row.sample_index for row in found.completions] == [0, 1, 0, 1, 0, 1]
    assert found.faults == ()


def test_a_prompt_that_is_refused_however_it_is_asked_is_a_fault_of_each_call():
    _, found = candidates(lambda _: no_reply(Outcome.BAD_REQUEST), PROMPTS[:1], num_samples=2)
    assert [fault.outcome for fault in found.faults] == [Outcome.BAD_REQUEST] * 2


def test_a_single_answer_is_never_asked_for_twice():
    api, found = candidates(full, num_samples=1)
    assert len(api.batches) == 1
    assert len(found.completions) == 3


@pytest.mark.parametrize("outcome", NO_TEXT)
def test_a_call_without_text_is_a_fault_of_its_kind_and_is_not_asked_again(outcome):
    def say(request):
        return no_reply(outcome, "because") if asked_of(request) == "q1" else full(request)

    api, found = candidates(say)
    assert len(api.batches) == 1
    (fault,) = found.faults
    assert (fault.prompt_id, fault.outcome) == (PROMPTS[1].prompt_id, outcome)
    assert fault.detail == f"{outcome}: because"
    assert {row.prompt_id for row in found.completions} == {
        PROMPTS[0].prompt_id,
        PROMPTS[2].prompt_id,
    }


def test_a_missing_answer_that_is_refused_alone_leaves_the_others():
    def say(request):
        if request.num_choices > 1:
            return texts_reply("a", "b", outcome=Outcome.FEWER_CHOICES)
        return no_reply(Outcome.REFUSAL) if request.sample_index == 2 else "d"

    _, found = candidates(say, PROMPTS[:1])
    assert [(row.text, row.sample_index) for row in found.completions] == [
        ("a", 0),
        ("b", 1),
        ("d", 3),
    ]
    assert [fault.outcome for fault in found.faults] == [Outcome.REFUSAL]


def test_a_continuation_is_joined_to_its_text():
    _, found = candidates(lambda _: "great.", [prompt("p", ("text", "It was"))], num_samples=1)
    assert found.completions[0].text == " great."


def test_no_answers_at_all_are_refused():
    with pytest.raises(InputError, match="num_samples is 0"):
        candidates(full, num_samples=0)


@given(
    num_samples=st.integers(1, 5),
    kinds=st.lists(st.sampled_from(["full", "one", "none"]), max_size=4),
)
def test_every_answer_came_or_its_call_is_a_fault(num_samples, kinds):
    prompts = [prompt(f"q{number}") for number in range(len(kinds))]

    def say(request):
        kind = kinds[int(asked_of(request)[1:])]
        if kind == "none":
            return no_reply(Outcome.PENDING)
        return full(request) if kind == "full" else "one"

    _, found = candidates(say, prompts, num_samples=num_samples)
    for asked, kind in zip(prompts, kinds, strict=True):
        rows = [row for row in found.completions if row.prompt_id == asked.prompt_id]
        faults = [fault for fault in found.faults if fault.prompt_id == asked.prompt_id]
        expected = [] if kind == "none" else list(range(num_samples))
        assert [row.sample_index for row in rows] == expected
        assert len(faults) == (kind == "none")
