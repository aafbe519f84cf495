import pytest
import torch

from storage.input_error import InputError
from tasks.sampling.model import load_model
from tasks.training.base.base_model import directory_fingerprint
from tasks.training.reference.follow import follow, reference_state, restore_reference
from tasks.training.reference.load_reference import load_reference
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.save_policy import save_policy
from tests.tasks.training.adapters.conftest import LORA, learned, logits

FULL = LORA.model_copy(update={"lora_rank": 0})


def factors(policy, adapter):
    return {
        name.replace(f".{adapter}.", "."): parameter.detach().clone()
        for name, parameter in policy.model.named_parameters()
        if f".{adapter}." in name
    }


def moved(start, *, by=1.0):
    """Return a full policy whose every weight is larger by `by`."""
    policy = load_for_training(start, FULL)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.add_(by)
    return policy


def test_a_full_reference_moves_by_its_share(start):
    """Policy = start + 1: at decay 3/4 the reference gains 1/4, then 3/16; tied weights once each."""
    policy = moved(start)
    reference = load_reference(start, policy)
    before = {name: value.clone() for name, value in reference.model.named_parameters()}
    for gained in (0.25, 0.4375):
        follow(reference, policy, decay=0.75)
        for name, value in reference.model.named_parameters():
            assert torch.allclose(value, before[name] + gained, atol=1e-5), name
    assert not any(value.requires_grad for value in reference.model.parameters())


def test_decay_0_is_a_copy_and_decay_1_does_not_move(start):
    policy = moved(start)
    reference = load_reference(start, policy)
    before = logits(reference.model)
    follow(reference, policy, decay=1.0)
    assert torch.equal(logits(reference.model), before)
    follow(reference, policy, decay=0.0)
    assert torch.equal(logits(reference.model), logits(policy.model))
    with torch.no_grad():
        next(policy.model.parameters()).add_(1.0)
    assert not torch.equal(logits(reference.model), logits(policy.model))


def test_the_first_time_an_adapter_gains_its_share_of_the_policys(policy, start):
    """Both have the policy's A, so a quarter of B is a quarter of the product."""
    reference = load_reference(start, policy)
    follow(reference, policy, decay=0.75)
    quarter = load_for_training(start, LORA)
    with torch.no_grad():
        own = dict(policy.model.named_parameters())
        for name, parameter in quarter.model.named_parameters():
            if "lora_" in name:
                parameter.copy_(own[name] * (0.25 if "lora_B" in name else 1.0))
    assert torch.allclose(logits(reference.model), logits(quarter.model), atol=1e-5)


def test_later_both_factors_move_by_their_share(llama, starts):
    reference = load_reference(starts["llama"], llama)
    follow(reference, llama, decay=0.5)
    before = factors(llama, "reference")
    with torch.no_grad():
        for name, parameter in llama.model.named_parameters():
            if ".default." in name:
                parameter.add_(1.0)
    follow(reference, llama, decay=0.75)
    target, after = factors(llama, "default"), factors(llama, "reference")
    for name, value in after.items():
        assert torch.allclose(value, 0.75 * before[name] + 0.25 * target[name], atol=1e-6), name


def test_a_hard_copy_is_the_policy_then_and_stays_it(policy, start):
    reference = load_reference(start, policy)
    follow(reference, policy, decay=0.0)
    then = logits(policy.model)
    assert torch.equal(logits(reference.model), then)
    learned(policy, seed=1)
    assert torch.equal(logits(reference.model), then)
    assert not torch.equal(logits(policy.model), then)


def test_a_policy_that_was_followed_is_saved_without_its_reference(llama, starts, tmp_path):
    save_policy(llama, tmp_path / "before")
    follow(load_reference(starts["llama"], llama), llama, decay=0.5)
    save_policy(llama, tmp_path / "after")
    before, after = (directory_fingerprint(tmp_path / name) for name in ("before", "after"))
    assert after == before


def test_following_leaves_the_policy_alone(llama, starts):
    reference = load_reference(starts["llama"], llama)
    before, generator = logits(llama.model), torch.get_rng_state()
    learning = [name for name, value in llama.model.named_parameters() if value.requires_grad]
    for _ in range(2):
        follow(reference, llama, decay=0.5)
    assert torch.equal(logits(llama.model), before)
    assert torch.equal(torch.get_rng_state(), generator)
    assert llama.model.training
    assert llama.model.active_adapter == "default"
    assert [n for n, value in llama.model.named_parameters() if value.requires_grad] == learning


@pytest.mark.parametrize("rank", [0, 4])
def test_a_reference_goes_on_where_it_was_saved(start, rank):
    params = LORA.model_copy(update={"lora_rank": rank})
    policy = learned(load_for_training(start, params)) if rank else moved(start, by=0.1)
    reference = load_reference(start, policy)
    follow(reference, policy, decay=0.75)
    state, then = reference_state(reference), logits(reference.model)
    follow(reference, policy, decay=0.0)  # what happens later is not in the state
    resumed = load_for_training(start, params)
    again = load_reference(start, resumed)
    restore_reference(again, state)
    assert torch.equal(logits(again.model), then)
    restore_reference(reference, state)  # and in a reference that has moved on
    assert torch.equal(logits(reference.model), then)


def test_a_reference_that_never_moved_has_no_state(llama, starts):
    reference = load_reference(starts["llama"], llama)
    assert reference_state(reference) == {}
    before = logits(reference.model)
    follow(reference, llama, decay=0.0)
    restore_reference(reference, {})
    assert torch.equal(logits(reference.model), before)
    follow(reference, llama, decay=0.75)  # and starts from the base again
    assert not torch.equal(logits(reference.model), logits(llama.model))


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_a_model_of_its_own_follows_the_merged_policy(starts, other_checkpoint, architecture):
    policy = learned(load_for_training(starts[architecture], LORA))
    reference = load_model(starts[architecture])
    follow(reference, policy, decay=0.0)
    assert torch.allclose(logits(reference.model), logits(policy.model), atol=1e-4, rtol=0)


def test_it_cannot_follow_weights_of_less_precision(llama, starts):
    llama.model.get_base_model().model.embed_tokens.to(torch.bfloat16)
    with pytest.raises(InputError, match="frozen weights are not float32"):
        follow(load_model(starts["llama"]), llama, decay=0.0)


@pytest.mark.parametrize("decay", [-0.1, 1.1, float("nan")])
def test_a_decay_is_a_share(llama, starts, decay):
    with pytest.raises(ValueError, match=r"share in \[0, 1\]"):
        follow(load_reference(starts["llama"], llama), llama, decay=decay)


def test_a_view_follows_its_own_policy_only(llama, starts):
    other = load_for_training(starts["llama"], LORA)
    with pytest.raises(ValueError, match="view of another policy"):
        follow(load_reference(starts["llama"], llama), other, decay=0.5)


def test_models_of_other_kinds_do_not_follow_each_other(starts):
    with pytest.raises(ValueError, match="only a model of the policy's kind"):
        follow(load_model(starts["llama"]), load_model(starts["gpt2"]), decay=0.5)
    state = reference_state(load_model(starts["gpt2"]))
    with pytest.raises(ValueError, match="weights and the reference"):
        restore_reference(load_model(starts["llama"]), state)


def test_a_state_of_another_rank_is_refused(llama, starts):
    reference = load_reference(starts["llama"], llama)
    follow(reference, llama, decay=0.5)
    state = reference_state(reference)
    small = load_for_training(starts["llama"], LORA.model_copy(update={"lora_rank": 2}))
    with pytest.raises(ValueError, match="adapters exchange weights only with equal layers and"):
        restore_reference(load_reference(starts["llama"], small), state)
