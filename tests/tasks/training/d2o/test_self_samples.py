"""Self-samples of the policy in training."""

import pytest
import torch

from storage.input_error import InputError
from storage.tables.table import Message
from tasks.sampling.encoding import Encoded, encode_prompt
from tasks.sampling.instructions import MORAL_TEMPLATES, instructed
from tasks.sampling.logps import sequence_logps
from tasks.training.d2o.params import D2OParams
from tasks.training.d2o.self_samples import SelfSampler

PARAMS = D2OParams(
    resample_every=16, margin_cutoff=2.0, max_samples=4, response_tokens=6, bf16="no", device="cpu"
)
PROMPTS = {(Message("text", text),): f"id of {text}" for text in ("The film", "We liked it")}
FILM, LIKED = PROMPTS


def drawn(loaded, prompts=PROMPTS, step=32, **update):
    params = PARAMS.model_copy(update=update)
    return SelfSampler(loaded, params, bf16=False).draw(prompts, step)


def ids(samples):
    return [sample.completion_ids for sample in samples]


def test_each_prompt_gets_k_samples_with_what_is_stored_of_them(tiny_llama):
    samples = drawn(tiny_llama, seed=9)[FILM]
    assert [sample.completion.sample_index for sample in samples] == [0, 1, 2, 3]
    for sample in samples:
        row = sample.completion
        assert (row.prompt_id, row.seed, row.temperature) == ("id of The film", 9, 1.0)
        assert row.num_tokens == len(sample.completion_ids) <= 6
        assert row.finish_reason in {"stop", "length"}
        assert row.text in tiny_llama.tokenizer.decode(sample.completion_ids)
    assert len(set(ids(samples))) > 1


def test_their_log_probability_is_that_of_the_policy_that_drew_them(tiny_llama):
    prompt = encode_prompt(FILM, tiny_llama.tokenizer, max_prompt_tokens=256)
    samples = drawn(tiny_llama)[FILM]
    rows = [Encoded(prompt_ids=prompt, completion_ids=sample) for sample in ids(samples)]
    stored = [sample.completion.sum_logp for sample in samples]
    assert stored == pytest.approx(sequence_logps(tiny_llama, rows), abs=1e-4)


def test_a_draw_depends_on_seed_step_and_prompt_and_on_nothing_else(tiny_llama):
    all_of_them = drawn(tiny_llama)
    assert drawn(tiny_llama) == all_of_them
    alone = drawn(tiny_llama, {LIKED: PROMPTS[LIKED]})
    assert ids(alone[LIKED]) == ids(all_of_them[LIKED])
    assert ids(drawn(tiny_llama, step=64)[FILM]) != ids(all_of_them[FILM])
    assert ids(drawn(tiny_llama, seed=1)[FILM]) != ids(all_of_them[FILM])
    assert ids(all_of_them[FILM]) != ids(all_of_them[LIKED])


def test_drawing_leaves_the_policy_and_the_global_random_numbers_as_they_were(tiny_llama):
    tiny_llama.model.train()
    before = torch.random.get_rng_state()
    drawn(tiny_llama)
    assert tiny_llama.model.training
    assert torch.equal(torch.random.get_rng_state(), before)


def test_under_templates_the_policy_sees_the_instruction_and_the_rest_is_bare(tiny_llama):
    """Of four samples two are instructed, and the two bare ones are those of a bare draw."""
    plain = drawn(tiny_llama)[FILM]
    mixed = drawn(tiny_llama, sample_templates="moral", templated_samples=2)[FILM]
    assert ids(mixed)[2:] == ids(plain)[2:]
    assert [sample.completion.sample_index for sample in mixed] == [0, 1, 2, 3]
    assert [sample.completion.sum_logp is None for sample in mixed] == [True, True, False, False]
    first = {instructed(FILM, MORAL_TEMPLATES["ethical"]): PROMPTS[FILM]}
    asked_directly = drawn(tiny_llama, first)
    assert ids(mixed)[0] == ids(next(iter(asked_directly.values())))[0]


def test_greedy_samples_are_all_alike(tiny_llama):
    assert len(set(ids(drawn(tiny_llama, temperature=0.0)[FILM]))) == 1


def test_a_context_without_room_is_an_input_error(tiny_llama):
    context = tiny_llama.model.config.max_position_embeddings
    with pytest.raises(InputError, match=f"response_tokens is {context}.*below {context}"):
        drawn(tiny_llama, response_tokens=context)
