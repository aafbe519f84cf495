import pytest
import torch
from scipy.stats import chisquare

from storage.input_error import InputError
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.sampling.draw import uniforms
from tasks.sampling.encoding import Encoded, encode_prompt
from tasks.sampling.logps import sequence_logps
from tasks.sampling.params import SamplingParams
from tasks.sampling.rollout import rollout
from tasks.sampling.sample import sample


def prompt(content):
    return Prompt(
        source="test",
        split="eval",
        messages=(Message("text", content),),
        cluster=content,
        origin="test:1",
    )


PROMPTS = [prompt(content) for content in ("The film", "I", "The story was dull and", "A", "")]
PARAMS = SamplingParams(max_tokens=12)


def completions(loaded, prompts=PROMPTS, *, seed=7, num_samples=3, **changes):
    params = PARAMS.model_copy(update=changes)
    return sample(loaded, prompts, policy_id="p", num_samples=num_samples, params=params, seed=seed)


def test_completions_come_in_the_order_of_the_prompts(tiny_llama):
    drawn = completions(tiny_llama)
    expected = [(p.prompt_id, index) for p in PROMPTS for index in range(3)]
    assert [(row.prompt_id, row.sample_index) for row in drawn] == expected


def test_the_same_seed_draws_the_same_texts_and_another_draws_others(tiny_llama):
    assert completions(tiny_llama) == completions(tiny_llama)
    assert [row.text for row in completions(tiny_llama)] != [
        row.text for row in completions(tiny_llama, seed=8)
    ]


@pytest.mark.parametrize("batch_size", [1, 2, 4, 64])
def test_the_batch_does_not_change_the_texts(tiny_policy, batch_size):
    whole = completions(tiny_policy)
    assert [row.text for row in completions(tiny_policy, batch_size=batch_size)] == [
        row.text for row in whole
    ]


def test_a_prompt_alone_gets_the_texts_that_it_gets_among_others(tiny_llama):
    alone = completions(tiny_llama, [PROMPTS[2]])
    among = [row for row in completions(tiny_llama) if row.prompt_id == PROMPTS[2].prompt_id]
    assert [row.text for row in alone] == [row.text for row in among]


def test_more_samples_begin_with_the_same_ones(tiny_llama):
    few = completions(tiny_llama, PROMPTS[:1], num_samples=2)
    many = completions(tiny_llama, PROMPTS[:1], num_samples=5)
    assert [row.text for row in few] == [row.text for row in many[:2]]


def test_greedy_completions_are_those_of_transformers(tiny_policy):
    drawn = completions(tiny_policy, num_samples=1, temperature=0.0)
    for one_prompt, row in zip(PROMPTS, drawn, strict=True):
        ids = encode_prompt(one_prompt.messages, tiny_policy.tokenizer, max_prompt_tokens=64)
        generated = tiny_policy.model.generate(
            torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=12,
            do_sample=False,
        )[0, len(ids) :]
        assert row.text == tiny_policy.tokenizer.decode(generated, skip_special_tokens=True)


def test_the_sum_of_logps_is_that_of_the_drawn_tokens_at_temperature_one(tiny_policy):
    prompts = [(0, 50, 60), (0,), (0, 9, 9, 9, 9)]
    numbers = torch.rand(6, 15, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    drawn = rollout(tiny_policy, prompts, numbers, temperature=2.0, top_p=0.9)
    rows = [
        Encoded(prompt_ids=prompts[index // 2], completion_ids=result.completion_ids)
        for index, result in enumerate(drawn)
    ]
    expected = sequence_logps(tiny_policy, rows)
    assert [result.sum_logp for result in drawn] == pytest.approx(expected, abs=1e-4)


def test_a_completion_stops_at_its_first_end_token_or_at_the_limit(tiny_llama):
    end = tiny_llama.tokenizer.eos_token_id
    numbers = torch.rand(400, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    drawn = rollout(tiny_llama, [(0, 50)], numbers, temperature=1.0, top_p=1.0)
    for result in drawn:
        assert end not in result.completion_ids[:-1]
        assert result.stopped == (result.completion_ids[-1] == end)
        assert result.stopped or len(result.completion_ids) == 12
    assert {result.stopped for result in drawn} == {True, False}


def test_first_tokens_come_with_the_probabilities_of_the_model(tiny_llama):
    """Chi-square over the tokens that are expected at least 10 times, the others as one."""
    number, prompt_ids = 4000, (0, 50, 60)
    numbers = torch.stack([uniforms(11, "prompt", index, 1) for index in range(number)])
    drawn = rollout(tiny_llama, [prompt_ids], numbers, temperature=1.0, top_p=1.0)
    with torch.no_grad():
        probabilities = tiny_llama.model(torch.tensor([prompt_ids])).logits[0, -1].softmax(0)
    expected = probabilities.double() * number
    observed = torch.bincount(
        torch.tensor([result.completion_ids[0] for result in drawn]), minlength=len(expected)
    )
    common = expected >= 10
    seen, wanted = observed[common].tolist(), expected[common].tolist()
    assert len(seen) > 20
    assert chisquare([*seen, number - sum(seen)], [*wanted, number - sum(wanted)]).pvalue > 0.01


def test_a_completion_tells_how_it_was_drawn(tiny_llama):
    for row in completions(tiny_llama, temperature=0.7):
        assert (row.policy, row.temperature, row.seed) == ("p", 0.7, 7)
        assert row.finish_reason in {"stop", "length"}
        assert (row.num_tokens == 12) or row.finish_reason == "stop"
        assert row.sum_logp is not None
        assert row.sum_logp < 0


def test_progress_counts_completions_up_to_their_number(tiny_llama):
    seen = []
    params = PARAMS.model_copy(update={"batch_size": 4})
    sample(
        tiny_llama,
        PROMPTS,
        policy_id="p",
        num_samples=2,
        params=params,
        seed=0,
        progress=lambda done, total, _note="": seen.append((done, total)),
    )
    assert seen == [(0, 10), (4, 10), (8, 10), (10, 10)]


def test_no_prompts_give_no_completions(tiny_llama):
    assert completions(tiny_llama, []) == []


def test_long_prompts_keep_their_end_where_the_context_is_short(tiny_llama):
    """The model holds 128 positions; 100 are for the completion, 28 for the prompt."""
    [row] = completions(tiny_llama, [prompt("word " * 200)], num_samples=1, max_tokens=100)
    assert row.num_tokens <= 100


def test_a_context_without_room_is_refused(tiny_llama):
    with pytest.raises(InputError, match="max_tokens is 128 but the model's context holds 128"):
        completions(tiny_llama, max_tokens=128)


def test_no_samples_are_refused(tiny_llama):
    with pytest.raises(InputError, match="num_samples is 0"):
        completions(tiny_llama, num_samples=0)


def test_draws_that_do_not_fall_evenly_on_prompts_are_refused(tiny_llama):
    with pytest.raises(ValueError, match="3 completions do not fall evenly on 2 prompts"):
        rollout(tiny_llama, [(0,), (0,)], torch.rand(3, 4), temperature=1.0, top_p=1.0)


def test_end_tokens_of_the_generation_config_end_a_completion_too(tiny_llama):
    numbers = torch.rand(64, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plain = rollout(tiny_llama, [(0, 50)], numbers, temperature=1.0, top_p=1.0)
    extra = plain[0].completion_ids[0]
    tiny_llama.model.generation_config.eos_token_id = [1, extra]
    ended = rollout(tiny_llama, [(0, 50)], numbers, temperature=1.0, top_p=1.0)
    assert ended[0].completion_ids == (extra,)
    assert ended[0].stopped
