import shutil

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from storage.input_error import InputError
from tasks.sampling.model import load_model
from tasks.training.base.base_model import directory_fingerprint
from tasks.training.reference.follow import follow
from tasks.training.reference.load_references import load_references
from tasks.training.reference.reference_view import ReferenceView
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.save_policy import save_policy
from tests.tasks.training.adapters.conftest import LORA, learned, logits

FULL = LORA.model_copy(update={"lora_rank": 0})


@pytest.fixture
def saved(starts, tmp_path):
    """Return the directories of two policies that were trained with adapters on one base."""
    directories = []
    for seed in (1, 2):
        directories.append(tmp_path / f"trained-{seed}")
        trained = load_for_training(starts["llama"], LORA.model_copy(update={"lora_rank": seed}))
        save_policy(learned(trained, seed=seed), directories[-1])
    return directories


def learning(policy):
    return [name for name, parameter in policy.model.named_parameters() if parameter.requires_grad]


@pytest.mark.parametrize("params", [LORA, FULL], ids=["adapter", "full"])
def test_by_default_both_are_one_untrained_model(starts, params):
    start = starts["llama"]
    policy = load_for_training(start, params)
    for paths in ((None, None), (start, None), (None, start), (start, start)):
        references = load_references(start, policy, *paths)
        assert references.self_samples is references.negative
    assert torch.equal(logits(references.negative.model), logits(load_model(start).model))


def test_adapters_on_the_same_base_are_frozen_adapters_beside_the_policys(llama, starts, saved):
    before, names = logits(llama.model), learning(llama)
    references = load_references(starts["llama"], llama, *saved)
    for reference, directory in zip(
        (references.self_samples, references.negative), saved, strict=True
    ):
        assert isinstance(reference.model, ReferenceView)
        merged = logits(load_model(directory).model)
        assert torch.allclose(logits(reference.model), merged, atol=1e-4, rtol=0)
    assert torch.equal(logits(llama.model), before)
    assert learning(llama) == names
    assert llama.model.training


def test_a_reference_can_have_adapters_where_the_policy_has_none(starts, saved, tmp_path):
    """The policy's is on q_proj alone; the reference's layers take no part in it, nor in its file."""
    params = LORA.model_copy(update={"lora_modules": ("q_proj",)})
    policy = learned(load_for_training(starts["llama"], params))
    before, names = logits(policy.model), learning(policy)
    save_policy(policy, tmp_path / "before")
    reference = load_references(starts["llama"], policy, None, saved[0]).negative
    assert torch.equal(logits(policy.model), before)
    assert learning(policy) == names
    merged = logits(load_model(saved[0]).model)
    assert torch.allclose(logits(reference.model), merged, atol=1e-4, rtol=0)
    save_policy(policy, tmp_path / "after")
    before, after = (directory_fingerprint(tmp_path / name) for name in ("before", "after"))
    assert after == before


def test_one_can_be_the_start_and_the_other_an_adapter(llama, starts, saved):
    references = load_references(starts["llama"], llama, None, saved[0])
    assert references.self_samples.model.adapter is None
    base = logits(load_model(starts["llama"]).model)
    assert torch.equal(logits(references.self_samples.model), base)
    assert not torch.allclose(logits(references.negative.model), base, atol=1e-3)


def test_the_same_checkpoint_twice_is_loaded_once(llama, starts, saved):
    references = load_references(starts["llama"], llama, saved[0], saved[0])
    assert references.self_samples is references.negative


def test_loading_them_again_replaces_them(llama, starts, saved):
    load_references(starts["llama"], llama, *saved)
    references = load_references(starts["llama"], llama, *reversed(saved))
    merged = logits(load_model(saved[1]).model)
    assert torch.allclose(logits(references.self_samples.model), merged, atol=1e-4, rtol=0)


def test_an_adapter_on_another_base_is_a_model_of_its_own(
    llama, starts, other_checkpoint, tmp_path
):
    save_policy(learned(load_for_training(other_checkpoint, LORA)), tmp_path / "other")
    references = load_references(starts["llama"], llama, None, tmp_path / "other")
    assert isinstance(references.negative.model, LlamaForCausalLM)
    assert not any(parameter.requires_grad for parameter in references.negative.model.parameters())
    merged = load_model(tmp_path / "other").model
    assert torch.equal(logits(references.negative.model), logits(merged))


def test_a_policy_without_adapters_has_models_of_their_own(starts, saved):
    policy = load_for_training(starts["llama"], FULL)
    references = load_references(starts["llama"], policy, *saved)
    for reference in (references.self_samples, references.negative):
        assert isinstance(reference.model, LlamaForCausalLM)
        assert not any(parameter.requires_grad for parameter in reference.model.parameters())


def test_a_base_whose_files_changed_is_another_base(llama, starts, saved, tmp_path):
    changed = tmp_path / "changed"
    shutil.copytree(starts["llama"], changed)
    config = (changed / "config.json").read_text()
    (changed / "config.json").write_text(config.replace("1e-06", "1e-05"))
    policy = load_for_training(changed, LORA)
    references = load_references(changed, policy, None, saved[0])
    assert isinstance(references.negative.model, LlamaForCausalLM)


def test_an_adapter_of_another_rank_cannot_follow(llama, starts, saved):
    """Ranks 1 and 4, alpha twice as much."""
    references = load_references(starts["llama"], llama, None, saved[0])
    with pytest.raises(InputError, match=r"\(rank 1, alpha 2, .*\(rank 4, alpha 8, .*lora_rank"):
        follow(references.negative, llama, decay=0.5)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("adapter_model.safetensors", b"no weights"),
        ("base.json", b"{"),
        ("adapter_config.json", b"{"),
    ],
)
def test_a_damaged_adapter_is_refused_with_the_way_out(llama, starts, saved, name, content):
    (saved[0] / "adapter" / name).write_bytes(content)
    with pytest.raises(InputError, match=r"cannot be read: .* Remove that folder"):
        load_references(starts["llama"], llama, None, saved[0])
    shutil.rmtree(saved[0] / "adapter")
    references = load_references(starts["llama"], llama, None, saved[0])
    assert isinstance(references.negative.model, LlamaForCausalLM)


def test_a_reference_with_another_vocabulary_is_refused(llama, starts, tmp_path):
    config = LlamaConfig(
        vocab_size=77,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    llama.tokenizer.save_pretrained(tmp_path)
    vocabulary = llama.model.config.vocab_size
    with pytest.raises(InputError, match=f"knows 77 tokens and the policy {vocabulary}"):
        load_references(starts["llama"], llama, None, tmp_path)


def test_a_reference_that_is_no_model_is_refused(llama, starts, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_references(starts["llama"], llama, tmp_path / "nothing", None)
