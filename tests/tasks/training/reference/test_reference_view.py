import pytest
import torch

from tasks.sampling.draw import uniforms
from tasks.sampling.encoding import Encoded
from tasks.sampling.logps import sequence_kls
from tasks.sampling.model import load_model
from tasks.sampling.rollout import end_token_ids, rollout
from tasks.sampling.shared_prefix.packed_batch import pack_responses
from tasks.sampling.shared_prefix.packed_logps import packed_logps
from tasks.sampling.shared_prefix.support import supports_shared_prefix
from tasks.training.preference.preference_batch import PreferenceExample
from tasks.training.preference.preference_engine import (
    PaddedEngine,
    packed_engine,
    with_reference_logps,
)
from tasks.training.reference.load_reference import load_reference
from tasks.training.reference.reference_view import ReferenceView
from tasks.training.run.load_for_training import load_for_training
from tests.tasks.training.adapters.conftest import IDS, LORA, learned, logits

ROWS = [
    Encoded(prompt_ids=(7, 8, 9), completion_ids=(20, 21, 22, 1)),
    Encoded(prompt_ids=(7, 8, 9), completion_ids=(30, 31)),
    Encoded(prompt_ids=(11, 12), completion_ids=(40, 41, 42)),
]
GROUPS = [ROWS[:2], ROWS[2:]]


def uniform(count, width):
    return torch.stack([uniforms(0, "view", index, width) for index in range(count)])


def test_the_reference_is_the_untrained_policy_to_the_last_bit(policy, start):
    reference = load_reference(start, policy)
    assert isinstance(reference.model, ReferenceView)
    base = load_model(start).model
    assert torch.equal(logits(reference.model), logits(base))
    assert (logits(policy.model) - logits(base)).abs().max() > 0.01


def test_it_holds_no_weights_of_its_own(llama, starts):
    reference = load_reference(starts["llama"], llama)
    theirs = {parameter.data_ptr() for parameter in llama.model.parameters()}
    assert all(parameter.data_ptr() in theirs for parameter in reference.model.parameters())
    assert list(reference.model.children()) == []
    assert reference.model.state_dict() == {}


def test_its_log_probabilities_and_kls_are_those_of_a_second_model(policy, start):
    reference, second = load_reference(start, policy), load_model(start)
    examples = [PreferenceExample(encoded=tuple(group)) for group in GROUPS]
    for engine in (
        PaddedEngine(2),
        packed_engine((policy, reference), asked="packed", max_tokens=64, instead="padded"),
    ):
        found = with_reference_logps(examples, reference, engine, bf16=False, batch_size=4)
        wanted = with_reference_logps(examples, second, PaddedEngine(2), bf16=False, batch_size=4)
        for ours, theirs in zip(found, wanted, strict=True):
            assert ours.ref_logps == pytest.approx(theirs.ref_logps, abs=1e-4)
    policy.model.eval()
    kls = [sequence_kls(policy, other, ROWS) for other in (reference, second)]
    assert kls[0][0].exact > 0.01
    for one, other in zip(*kls, strict=True):
        assert (one.exact, one.sampled) == pytest.approx((other.exact, other.sampled), abs=1e-4)


def test_it_answers_as_a_second_model(policy, start):
    reference, second = load_reference(start, policy), load_model(start)
    assert end_token_ids(reference) == end_token_ids(second)
    prompts, numbers = [(7, 8, 9), (11, 12)], uniform(6, 8)
    drawn = [
        rollout(model, prompts, numbers, temperature=1.0, top_p=1.0)
        for model in (reference, second)
    ]
    assert [row.completion_ids for row in drawn[0]] == [row.completion_ids for row in drawn[1]]


def test_policy_and_view_answer_where_embeddings_require_gradients(starts):
    """Activation checkpointing makes them; drawing is in inference mode, which forbids gradients."""
    params = LORA.model_copy(update={"activation_checkpointing": True})
    policy = learned(load_for_training(starts["llama"], params))
    reference = load_reference(starts["llama"], policy)
    policy.model.eval()
    for model in (policy, reference):
        assert len(rollout(model, [(7, 8)], uniform(2, 4), temperature=1.0, top_p=1.0)) == 2


def test_its_mode_is_its_own(starts):
    policy = load_for_training(starts["llama"], LORA.model_copy(update={"lora_dropout": 0.5}))
    layer = policy.model.get_base_model().model.layers[0]
    layer.training = False  # a mode of its own, as PPO sets it
    before = [module.training for module in policy.model.modules()]
    reference = load_reference(starts["llama"], policy)
    assert not reference.model.training
    first, again = (reference.model(input_ids=IDS).logits for _ in range(2))
    assert torch.equal(first, again)
    reference.model.train()
    assert reference.model.training
    reference.model(input_ids=IDS)
    reference.model.eval()
    assert [module.training for module in policy.model.modules()] == before


def test_a_named_adapter_drops_nothing_unless_the_view_trains(starts):
    policy = learned(
        load_for_training(starts["llama"], LORA.model_copy(update={"lora_dropout": 0.5}))
    )
    view = ReferenceView(policy.model, "default")
    first, again = (view(input_ids=IDS).logits for _ in range(2))
    assert torch.equal(first, again)
    view.train()
    first, again = (view(input_ids=IDS).logits for _ in range(2))
    assert not torch.equal(first, again)


def test_no_gradient_flows_and_what_learns_stays_what_it_was(policy, start):
    reference = load_reference(start, policy)
    before = {n: p.requires_grad for n, p in policy.model.named_parameters()}
    assert not reference.model(input_ids=IDS).logits.requires_grad
    reference.model.requires_grad_(requires_grad=False)
    assert {n: p.requires_grad for n, p in policy.model.named_parameters()} == before


def test_asking_it_between_forward_and_backward_changes_no_gradient(llama, starts):
    """With activation checkpointing, whose backward pass runs the layers again."""
    params = LORA.model_copy(update={"activation_checkpointing": True})
    policy = learned(load_for_training(starts["llama"], params))
    policy.model.activation_checkpointing_enable()
    reference = load_reference(starts["llama"], policy)
    gradients = []
    for model, asked in ((llama.model, False), (policy.model, True)):
        model.zero_grad()
        loss = model.train()(input_ids=IDS).logits.square().mean()
        if asked:
            reference.model(input_ids=IDS)
        loss.backward()
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    assert len(gradients[0]) == 28
    for name, grad in gradients[0].items():
        assert torch.allclose(grad, gradients[1][name], atol=1e-6), name


def test_moving_and_casting_it_does_nothing_to_the_policy(llama, starts):
    reference = load_reference(starts["llama"], llama)
    assert reference.model.to(torch.bfloat16).half().double() is reference.model
    assert {parameter.dtype for parameter in llama.model.parameters()} == {torch.float32}


def test_a_forward_that_fails_leaves_the_policy_as_it_was(llama, starts):
    before = logits(llama.model)
    view = load_reference(starts["llama"], llama).model
    with pytest.raises(IndexError):
        view(input_ids=torch.tensor([[10**6]]))
    assert torch.equal(logits(llama.model), before)


def test_it_packs_as_the_policy_does(policy, start):
    reference = load_reference(start, policy)
    support = supports_shared_prefix(reference.model, max_tokens=64)
    assert (support.path, support.reason) == ("segments", "")
    found = packed_logps(reference.model, pack_responses(GROUPS), "segments")
    base = load_model(start)
    assert supports_shared_prefix(base.model, max_tokens=64).path == "segments"
    with torch.no_grad():
        wanted = packed_logps(base.model, pack_responses(GROUPS), "segments")
    assert torch.equal(found, wanted)


def test_what_nobody_has_it_has_not_either(llama, starts):
    view = load_reference(starts["llama"], llama).model
    assert view.config is llama.model.config
    assert view.device.type == "cpu"
    with pytest.raises(AttributeError):
        _ = view.nothing_of_the_kind
