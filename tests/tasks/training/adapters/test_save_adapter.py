import json

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from tasks.sampling.model import LoadedModel, load_model
from tasks.training.adapters.new_adapter import with_adapter
from tasks.training.adapters.trainable_state import restore_trainable, trainable_state
from tasks.training.base.base_model import directory_fingerprint
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.save_policy import save_policy
from tests.tasks.training.adapters.conftest import LORA, learned, logits


def test_the_merged_model_is_the_policy(policy, tmp_path):
    save_policy(policy, tmp_path)
    merged = load_model(tmp_path).model
    assert type(merged) is type(policy.model.get_base_model())
    assert torch.allclose(logits(merged), logits(policy.model), atol=1e-4, rtol=0)


def test_saving_changes_nothing_in_memory(policy, tmp_path):
    before = {name: value.clone() for name, value in policy.model.state_dict().items()}
    save_policy(policy, tmp_path)
    after = policy.model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert policy.model.training
    assert any(parameter.requires_grad for parameter in policy.model.parameters())


def test_merging_is_pefts(policy, tmp_path):
    """Weight by weight, as peft's own `merge_and_unload` adds them."""
    save_policy(policy, tmp_path)
    ours = load_model(tmp_path).model.state_dict()
    theirs = policy.model.merge_and_unload().state_dict()
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert torch.allclose(ours[name], value, atol=1e-6, rtol=0), name


def test_peft_loads_the_adapter_on_its_base(policy, start, tmp_path):
    save_policy(policy, tmp_path)
    base = AutoModelForCausalLM.from_pretrained(start)
    again = PeftModel.from_pretrained(base, tmp_path / "adapter")
    assert torch.equal(logits(again), logits(policy.model))


def test_a_merged_policy_is_a_base_for_the_next_training(llama, tmp_path):
    save_policy(llama, tmp_path / "first")
    second = load_for_training(tmp_path / "first", LORA)
    assert torch.allclose(logits(second.model), logits(llama.model), atol=1e-4, rtol=0)
    save_policy(learned(second, seed=1), tmp_path / "second")
    merged = load_model(tmp_path / "second").model
    assert torch.allclose(logits(merged), logits(second.model), atol=1e-4, rtol=0)


def test_the_same_policy_gives_the_same_bytes_and_names_no_place(llama, starts, tmp_path):
    for name in ("a", "b"):
        save_policy(llama, tmp_path / name)
    assert directory_fingerprint(tmp_path / "a") == directory_fingerprint(tmp_path / "b")
    config = (tmp_path / "a" / "adapter" / "adapter_config.json").read_text()
    assert str(starts["llama"]) not in config
    assert json.loads(config)["target_modules"] == sorted(json.loads(config)["target_modules"])


def test_the_adapter_names_its_base_by_content(llama, starts, tmp_path):
    save_policy(llama, tmp_path)
    base = json.loads((tmp_path / "adapter" / "base.json").read_text())
    files = directory_fingerprint(starts["llama"])
    assert base == {name: files[name] for name in ("config.json", "model.safetensors")}


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_a_base_in_less_precision_is_merged_from_its_checkpoint(starts, tmp_path, architecture):
    """As on a GPU: bfloat16 in memory, and no weight of the checkpoint loses a digit."""
    loaded = load_model(starts[architecture], dtype=torch.bfloat16)
    model = with_adapter(loaded.model, LORA)
    policy = learned(LoadedModel(model, loaded.tokenizer, loaded.device))
    assert all(p.dtype == torch.float32 for p in model.parameters() if p.requires_grad)
    save_policy(policy, tmp_path)
    exact = load_for_training(starts[architecture], LORA)
    restore_trainable(exact.model, trainable_state(model))
    merged = load_model(tmp_path).model
    assert merged.dtype == torch.float32
    assert torch.allclose(logits(merged), logits(exact.model), atol=1e-4, rtol=0)
    frozen = load_model(starts[architecture]).model.get_input_embeddings().weight
    assert torch.equal(merged.get_input_embeddings().weight, frozen)


def test_a_policy_without_adapter_is_saved_as_it_is(starts, tmp_path):
    policy = load_for_training(starts["gpt2"], LORA.model_copy(update={"lora_rank": 0}))
    save_policy(policy, tmp_path)
    assert not (tmp_path / "adapter").exists()
    assert torch.equal(logits(load_model(tmp_path).model), logits(policy.model))


def test_of_several_processes_only_the_first_writes(llama, tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    save_policy(llama, tmp_path / "policy")
    assert not (tmp_path / "policy").exists()
