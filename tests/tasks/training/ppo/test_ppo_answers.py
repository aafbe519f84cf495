"""What PPO asks, draws and knows about the answers before it learns from them."""

from dataclasses import replace
from itertools import islice

import pytest
import torch

from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.sampling.encoding import Encoded
from tasks.sampling.logps import collate, per_token_logps
from tasks.sampling.model import load_model
from tasks.training.ppo.answer_reader import answer_reader
from tasks.training.ppo.experience import minibatches, score_answers
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.rollout import draw_answers, encode_prompts, shuffled
from tasks.training.ppo.token_scores import padded_logps, padded_scores
from tasks.training.ppo.value_head import ValueHead

PARAMS = PPOParams(
    prompts_per_iteration=3,
    samples_per_prompt=4,
    response_length=8,
    batch_size=5,
    max_prompt_tokens=16,
    device="cpu",
)


def prompt(text):
    return Prompt(
        source="test",
        split="train",
        messages=(Message("text", text),),
        cluster=text,
        origin="test:1",
    )


PROMPTS = [prompt(text) for text in ("The film", "I liked the story, but", "A")]


def answers_of(loaded, iteration=0, params=PARAMS):
    return draw_answers(loaded, encode_prompts(PROMPTS, loaded, params), params, iteration)


def two_rows():
    return collate(
        [
            Encoded(prompt_ids=(5, 6, 7), completion_ids=(8, 9)),
            Encoded(prompt_ids=(5,), completion_ids=(10, 11, 12)),
        ],
        pad_token_id=0,
    )


def filled(head):
    torch.nn.init.normal_(head.linear.weight, generator=torch.Generator().manual_seed(0))
    return head


def test_every_prompt_gets_its_answers_one_after_the_other(tiny_llama):
    answers = answers_of(tiny_llama)
    assert [a.question.prompt for a in answers] == [p for p in PROMPTS for _ in range(4)]
    assert [a.question.completion.sample_index for a in answers] == [0, 1, 2, 3] * 3
    texts = [a.question.completion.text for a in answers]
    assert len(set(texts)) > 9  # each is a draw of its own
    for answer in answers:
        ends = answer.encoded.completion_ids[-1] == tiny_llama.tokenizer.eos_token_id
        assert answer.stopped is ends
        assert len(answer.encoded.completion_ids) <= 8


def test_the_same_prompt_twice_has_answers_with_ids_of_their_own(tiny_llama):
    asked = encode_prompts([PROMPTS[0], PROMPTS[1], PROMPTS[0]], tiny_llama, PARAMS)
    answers = draw_answers(tiny_llama, asked, PARAMS, 0)
    indices = [answer.question.completion.sample_index for answer in answers]
    assert indices == [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7]
    assert answers[0].encoded != answers[8].encoded  # draws of their own, too


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_an_answer_knows_its_log_probability_at_temperature_1(tiny_llama, temperature):
    params = PARAMS.model_copy(update={"temperature": temperature})
    for answer in answers_of(tiny_llama, params=params):
        batch = collate([answer.encoded], pad_token_id=0)
        expected = per_token_logps(tiny_llama.model, batch).sum().item()
        assert answer.question.completion.sum_logp == pytest.approx(expected, abs=1e-3)


def test_answers_are_new_in_each_iteration_and_the_same_when_it_is_repeated(tiny_llama):
    first, again, other = (answers_of(tiny_llama, iteration) for iteration in (0, 0, 1))
    assert first == again
    assert [a.encoded for a in first] != [a.encoded for a in other]


def test_prompts_are_all_asked_before_any_is_asked_again(tiny_llama):
    asked = encode_prompts(PROMPTS, tiny_llama, PARAMS)
    order = [item.prompt.prompt_id for item in islice(shuffled(asked, 0), 30)]
    turns = [tuple(order[start : start + 3]) for start in range(0, 30, 3)]
    assert all(len(set(turn)) == 3 for turn in turns)
    assert len(set(turns)) > 1
    assert order == [item.prompt.prompt_id for item in islice(shuffled(asked, 0), 30)]


def test_a_prompt_leaves_room_for_the_answer_in_the_context(tiny_llama):
    """The context is 128 tokens; 127 of them for the answer leave one for the prompt's end."""
    params = PARAMS.model_copy(update={"response_length": 127})
    (asked,) = encode_prompts(PROMPTS[:1], tiny_llama, params)
    (whole,) = encode_prompts(PROMPTS[:1], tiny_llama, PARAMS)
    assert asked.prompt_ids == whole.prompt_ids[-1:]
    assert len(whole.prompt_ids) > 1


def test_log_probabilities_are_those_of_the_rest_of_the_house(tiny_policy):
    batch, head = two_rows(), ValueHead(16)
    scores = padded_scores(tiny_policy.model, head, batch, temperature=1.0)
    expected = per_token_logps(tiny_policy.model, batch)
    assert torch.allclose(scores.logps, expected, atol=1e-5)
    assert torch.equal(padded_logps(tiny_policy.model, batch, temperature=1.0), scores.logps)


def test_a_temperature_divides_the_logits(tiny_llama):
    batch = collate([Encoded(prompt_ids=(5, 6, 7), completion_ids=(8,))], pad_token_id=0)
    head = ValueHead(16)
    scores = padded_scores(tiny_llama.model, head, batch, temperature=2.0)
    logits = tiny_llama.model(input_ids=torch.tensor([[5, 6, 7]])).logits[0, -1]
    distribution = (logits / 2).softmax(dim=-1)
    assert scores.logps[0, 0].item() == pytest.approx(distribution[8].log().item(), abs=1e-4)
    entropy = -sum(p * p.log() for p in distribution).item()
    assert scores.entropy.item() == pytest.approx(entropy, abs=1e-3)


def test_a_value_is_read_off_the_state_before_its_token(tiny_policy):
    """The state after the prompt and one token says what the second token's value is."""
    head = filled(ValueHead(16))
    scores = padded_scores(tiny_policy.model, head, two_rows(), temperature=1.0)
    for ids, row, column in (((5, 6, 7), 0, 0), ((5, 6, 7, 8), 0, 1), ((5, 10, 11), 1, 2)):
        output = tiny_policy.model(input_ids=torch.tensor([ids]), output_hidden_states=True)
        expected = head(output.hidden_states[-1][:, -1:]).item()
        assert scores.values[row, column].item() == pytest.approx(expected, abs=1e-4)
    assert scores.values[0, 2].item() == 0.0


def test_a_new_value_head_knows_nothing_and_learns(tiny_llama):
    head = ValueHead(16)
    values = padded_scores(tiny_llama.model, head, two_rows(), temperature=1.0).values
    assert torch.all(values == 0)
    (values - 1).square().sum().backward()
    assert head.linear.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("size", [5, 12, 100])
def test_minibatches_hold_every_answer_once(size):
    generator = torch.Generator().manual_seed(0)
    first, second = (minibatches(12, 3, size, generator) for _ in range(2))
    for found in (first, second):
        assert sorted(index for part in found for index in part) == list(range(12))
        assert all(len(part) <= size for part in found)
        prompts = [index // 3 for part in found for index in part]
        assert prompts == sorted(prompts, key=prompts.index)  # answers to a prompt side by side
    assert first != second


@pytest.mark.parametrize("path", [None, "segments"])
@pytest.mark.parametrize("bf16", [False, True])
def test_scores_are_bit_for_bit_those_of_the_first_pass_that_learns(tiny_policy, bf16, path):
    """With gradients and without, in the same batches: no rounding lies between the two."""
    answers, head = answers_of(tiny_policy), filled(ValueHead(16))
    parts = minibatches(len(answers), 4, 5, torch.Generator().manual_seed(3))
    reader = replace(answer_reader(tiny_policy, tiny_policy, PARAMS), path=path)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        scored = score_answers(answers, parts, tiny_policy, tiny_policy, head, reader, 5)
    assert scored.kl == 0.0
    for part in parts:
        batch = reader.batch([answers[i].encoded for i in part])
        width = batch.mask.shape[1]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            scores = reader.scores(tiny_policy.model, head, batch)
        assert scores.logps.requires_grad
        assert torch.equal(scores.logps.detach(), scored.logps[part, :width])
        assert torch.equal(scores.values.detach(), scored.values[part, :width])
        assert torch.equal(scored.mask[part, :width], batch.mask)
        assert not scored.mask[part, width:].any()


def test_the_divergence_is_the_mean_log_ratio_of_the_answers(tiny_llama, other_checkpoint):
    reference = load_model(other_checkpoint)
    answers = answers_of(tiny_llama)
    parts = minibatches(len(answers), 4, 5, torch.Generator().manual_seed(3))
    reader = answer_reader(tiny_llama, reference, PARAMS)
    scored = score_answers(answers, parts, tiny_llama, reference, ValueHead(16), reader, 5)
    ratios = []
    for answer in answers:
        batch = collate([answer.encoded], pad_token_id=0)
        with torch.no_grad():
            both = [per_token_logps(m.model, batch).sum().item() for m in (tiny_llama, reference)]
        ratios.append(both[0] - both[1])
    assert scored.kl == pytest.approx(sum(ratios) / len(ratios), abs=1e-3)
    assert scored.kl > 1
