import sys

import pytest
import torch

from storage.input_error import InputError
from tasks.sampling.model import LoadedModel, load_model
from tasks.training.adapters.liger import use_liger
from tasks.training.adapters.quantization import quantization
from tasks.training.run.load_for_training import load_for_training
from tests.tasks.training.adapters.conftest import LORA, logits

CUDA = torch.device("cuda")  # a name: nothing is put there


def adapters(policy):
    return {n: p.detach() for n, p in policy.model.named_parameters() if p.requires_grad}


def test_a_fresh_adapter_leaves_the_policy_as_its_base_exactly(start):
    policy = load_for_training(start, LORA)
    assert policy.model.training
    assert torch.equal(logits(policy.model), logits(load_model(start).model))


def test_only_adapters_learn_and_they_are_float32(start):
    learning = adapters(load_for_training(start, LORA))
    assert learning
    assert all(".lora_A." in name or ".lora_B." in name for name in learning)
    assert all(value.dtype == torch.float32 for value in learning.values())
    assert not any("lm_head" in name for name in learning)


def test_all_linear_layers_but_the_head_get_one(starts):
    """Seven in each of two Llama layers (q, k, v, o, gate, up, down), an A and a B each."""
    assert len(adapters(load_for_training(starts["llama"], LORA))) == 2 * 7 * 2
    assert len(adapters(load_for_training(starts["gpt2"], LORA))) == 2 * 4 * 2


@pytest.mark.parametrize(("alpha", "scaling"), [(0.0, 2.0), (4.0, 1.0), (6.0, 1.5)])
def test_the_scaling_is_alpha_over_rank_and_twice_by_default(starts, alpha, scaling):
    params = LORA.model_copy(update={"lora_alpha": alpha})
    base = load_for_training(starts["llama"], params).model.get_base_model()
    assert base.model.layers[0].self_attn.q_proj.scaling["default"] == scaling


@pytest.mark.parametrize("names", [("q_proj", "v_proj"), ("self_attn.q_proj", "v_proj")])
def test_named_layers_get_adapters_and_no_others(starts, names):
    params = LORA.model_copy(update={"lora_modules": names})
    learning = adapters(load_for_training(starts["llama"], params))
    assert len(learning) == 2 * 2 * 2
    assert all(".q_proj." in name or ".v_proj." in name for name in learning)


@pytest.mark.parametrize("name", ["q_prj", "proj", "lm_head", "embed_tokens", "self_attn", ""])
def test_a_name_of_no_linear_layer_is_refused_with_those_that_exist(starts, name):
    params = LORA.model_copy(update={"lora_modules": ("v_proj", name)})
    with pytest.raises(InputError, match=f"names '{name}'.* llama model; there is down_proj, gate"):
        load_for_training(starts["llama"], params)


def test_the_seed_alone_draws_the_adapter(starts):
    first = adapters(load_for_training(starts["llama"], LORA))
    torch.manual_seed(12345)
    before = torch.get_rng_state()
    again = adapters(load_for_training(starts["llama"], LORA))
    assert torch.equal(torch.get_rng_state(), before)
    other = adapters(load_for_training(starts["llama"], LORA.model_copy(update={"seed": 1})))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_dropout_is_that_of_the_adapter(starts):
    params = LORA.model_copy(update={"lora_dropout": 0.25})
    policy = load_for_training(starts["llama"], params)
    layer = policy.model.get_base_model().model.layers[1].mlp.up_proj
    assert layer.lora_dropout["default"].p == 0.25


def test_activation_checkpointing_gives_frozen_embeddings_an_output_with_gradient(starts):
    params = LORA.model_copy(update={"activation_checkpointing": True})
    base = load_for_training(starts["llama"], params).model.get_base_model()
    assert base.get_input_embeddings()(torch.tensor([[3]])).requires_grad


def test_without_a_rank_all_weights_learn(starts):
    policy = load_for_training(starts["llama"], LORA.model_copy(update={"lora_rank": 0}))
    assert all(parameter.requires_grad for parameter in policy.model.parameters())


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"quantize": "4bit"}, r"quantize is '4bit' but training runs on cpu.*to 'no'"),
        ({"quantize": "8bit"}, r"quantize is '8bit' but training runs on cpu.*to 'no'"),
        ({"liger": True}, r"liger is on but training runs on cpu.*liger to false"),
    ],
    ids=str,
)
def test_what_needs_a_gpu_is_refused_without_one(starts, wanted, message):
    with pytest.raises(InputError, match=message):
        load_for_training(starts["llama"], LORA.model_copy(update=wanted))


def test_a_package_that_is_not_installed_is_named(starts, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    loaded = load_model(starts["llama"])
    with pytest.raises(InputError, match="pip install liger-kernel"):
        use_liger(LoadedModel(loaded.model, loaded.tokenizer, CUDA))
    with pytest.raises(InputError, match="pip install bitsandbytes"):
        quantization(LORA.model_copy(update={"quantize": "4bit"}), CUDA)


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put packages with the names of those that need a GPU where they are found."""
    patch = tmp_path / "liger_kernel" / "transformers"
    patch.mkdir(parents=True)
    for directory in (patch, patch.parent):
        (directory / "__init__.py").touch()
    (patch / "monkey_patch.py").write_text(
        "MODEL_TYPE_TO_APPLY_LIGER_FN = {'llama': None, 'qwen3': None}\n"
        "def _apply_liger_kernel_to_instance(model, **kwargs):\n    model.patched_with = kwargs\n"
    )
    (tmp_path / "bitsandbytes").mkdir()
    (tmp_path / "bitsandbytes" / "__init__.py").touch()
    (tmp_path / "bitsandbytes-0.49.0.dist-info").mkdir()
    (tmp_path / "bitsandbytes-0.49.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: bitsandbytes\nVersion: 0.49.0\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "liger_kernel"]:
        del sys.modules[name]


def test_liger_patches_the_model_without_its_losses(starts, stand_in):
    loaded = load_model(starts["llama"])
    use_liger(LoadedModel(loaded.model, loaded.tokenizer, CUDA))
    assert loaded.model.patched_with == {
        "cross_entropy": False,
        "fused_linear_cross_entropy": False,
    }


def test_a_model_that_liger_does_not_know_is_refused(starts, stand_in):
    loaded = load_model(starts["gpt2"])
    with pytest.raises(InputError, match=r"models of type 'gpt2'; it knows llama, qwen3\."):
        use_liger(LoadedModel(loaded.model, loaded.tokenizer, CUDA))


@pytest.mark.parametrize(("bf16", "dtype"), [("yes", torch.bfloat16), ("no", torch.float32)])
def test_four_bits_are_normal_floats_multiplied_as_training_is(stand_in, bf16, dtype):
    bits = quantization(LORA.model_copy(update={"quantize": "4bit", "bf16": bf16}), CUDA)
    assert (bits.load_in_4bit, bits.load_in_8bit) == (True, False)
    assert (bits.bnb_4bit_quant_type, bits.bnb_4bit_use_double_quant) == ("nf4", True)
    assert bits.bnb_4bit_compute_dtype == dtype


def test_eight_bits_are_llm_int8(stand_in):
    bits = quantization(LORA.model_copy(update={"quantize": "8bit", "bf16": "no"}), CUDA)
    assert (bits.load_in_4bit, bits.load_in_8bit) == (False, True)
