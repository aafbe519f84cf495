import math

import pytest
import torch
from peft.tuners.lora import LoraLayer

from tasks.sampling.model import load_model
from tasks.training.base.base_model import directory_fingerprint
from tasks.training.d2o.params import D2OParams
from tasks.training.d2o.train_d2o import train_d2o
from tasks.training.dpo.params import DPOParams
from tasks.training.dpo.train_dpo import train_dpo
from tasks.training.run.run_files import RunFiles
from tasks.training.sft.params import SFTParams
from tasks.training.sft.train_sft import train_sft

SHARED = {
    "learning_rate": 1e-2,
    "epochs": 3,
    "batch_size": 4,
    "warmup": 0.0,
    "max_prompt_tokens": 16,
    "max_tokens": 64,
    "lora_rank": 2,
    "bf16": "no",
    "device": "cpu",
}
SFT = SFTParams(**SHARED, optimizer="adamw")
DPO = DPOParams(**SHARED, engine="packed")
D2O = D2OParams(
    **SHARED, max_samples=3, max_kl=1e6, kl_stop=0, kl_every=2, kl_samples=4, kl_max_tokens=8
)
LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def values(result, metric):
    return [row.value for row in result.steps if row.metric == metric]


def assert_only_adapters_changed(start, out):
    """Each linear layer changed by a matrix of rank 2 or less, and nothing else at all."""
    before, after = (load_model(directory).model.state_dict() for directory in (start, out))
    changed = 0
    for name, value in after.items():
        if not any(layer in name for layer in LAYERS):
            assert torch.equal(value, before[name]), name
            continue
        singular = torch.linalg.svdvals((value - before[name]).double())
        assert singular[2:].max() < 1e-5, name
        changed += int(singular[0] > 1e-3)
    assert changed == 2 * len(LAYERS)


def test_sft_lowers_its_loss_with_adapters_alone(demonstrations, tiny_checkpoint, tmp_path):
    out = tmp_path / "policy"
    result = train_sft(demonstrations, SFT, RunFiles(start=tiny_checkpoint, out=out))
    assert values(result, "loss")[-1] < values(result, "loss")[0] - 0.1
    assert_only_adapters_changed(tiny_checkpoint, out)


def test_dpo_starts_at_ln_2_and_changes_adapters_alone(pairs, tiny_checkpoint, tmp_path):
    """The packed engine and TRL's, whose reference is a copy of the untrained adapter."""
    runs = {}
    for engine in ("packed", "trl"):
        runs[engine] = train_dpo(
            pairs,
            DPO.model_copy(update={"engine": engine}),
            RunFiles(start=tiny_checkpoint, out=tmp_path / engine),
        )
        assert values(runs[engine], "loss")[0] == pytest.approx(math.log(2), abs=1e-6)
        assert values(runs[engine], "loss")[-1] < 0.5
        assert_only_adapters_changed(tiny_checkpoint, tmp_path / engine)
    for metric in ("loss", "grad_norm", "logps/chosen", "rewards/margins"):
        ours, theirs = (values(runs[engine], metric) for engine in ("packed", "trl"))
        assert ours == pytest.approx(theirs, abs=1e-3, rel=1e-3), metric


def test_trls_reference_is_the_untrained_policy(pairs, tiny_checkpoint, tmp_path):
    """Its log-probabilities do not move: reward = beta (logp - reference) at every step."""
    params = DPO.model_copy(update={"engine": "trl", "batch_size": 8, "beta": 0.5})
    result = train_dpo(pairs, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    for answer in ("chosen", "rejected"):
        logps, rewards = values(result, f"logps/{answer}"), values(result, f"rewards/{answer}")
        references = [logp - reward / 0.5 for logp, reward in zip(logps, rewards, strict=True)]
        assert references == pytest.approx([logps[0]] * len(logps), abs=1e-3)
        assert rewards[0] == pytest.approx(0, abs=1e-6)


def test_d2o_starts_at_ln_2_without_a_second_model(negatives, tiny_checkpoint, tmp_path):
    out, before = tmp_path / "policy", directory_fingerprint(tiny_checkpoint)
    result = train_d2o(negatives, D2O, RunFiles(start=tiny_checkpoint, out=out))
    assert values(result, "loss")[0] == pytest.approx(math.log(2), abs=1e-6)
    assert values(result, "kl")[0] == pytest.approx(0, abs=1e-6)
    assert values(result, "loss")[-1] < 0.5
    assert values(result, "kl")[-1] > 0.01
    assert_only_adapters_changed(tiny_checkpoint, out)
    assert directory_fingerprint(tiny_checkpoint) == before


def test_a_kl_budget_puts_the_adapters_back(negatives, tiny_checkpoint, tmp_path):
    params = D2O.model_copy(update={"max_kl": 1e-9})
    out = tmp_path / "policy"
    result = train_d2o(negatives, params, RunFiles(start=tiny_checkpoint, out=out))
    assert (result.stop_reason, result.num_steps) == ("kl_budget", 0)
    start = load_model(tiny_checkpoint).model.state_dict()
    for name, value in load_model(out).model.state_dict().items():
        assert torch.allclose(value, start[name], atol=1e-7), name


def test_the_same_seed_gives_the_same_adapters(pairs, tiny_checkpoint, tmp_path):
    params = DPO.model_copy(update={"max_steps": 2, "lora_dropout": 0.2})
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        files = RunFiles(start=tiny_checkpoint, out=tmp_path / name)
        train_dpo(pairs, params.model_copy(update={"seed": seed}), files)
    a, b, c = (directory_fingerprint(tmp_path / name) for name in "abc")
    assert a == b
    assert a["adapter/adapter_model.safetensors"] != c["adapter/adapter_model.safetensors"]


def test_activation_checkpointing_learns_the_same(negatives, tiny_checkpoint, tmp_path):
    """The layers with adapters run once more in each backward pass."""
    runs, losses = [], []
    hook = torch.nn.modules.module.register_module_forward_pre_hook(
        lambda module, _: (
            runs.append(torch.is_grad_enabled()) if isinstance(module, LoraLayer) else None
        )
    )
    try:
        for saving in (False, True):
            params = D2O.model_copy(update={"activation_checkpointing": saving, "max_steps": 2})
            files = RunFiles(start=tiny_checkpoint, out=tmp_path / str(saving))
            losses.append(values(train_d2o(negatives, params, files), "loss"))
            if not saving:
                plain = sum(runs)
                runs.clear()
    finally:
        hook.remove()
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)
    assert sum(runs) == 2 * plain


def test_the_next_method_goes_on_from_a_merged_policy(
    demonstrations, negatives, tiny_checkpoint, tmp_path
):
    sft, d2o = tmp_path / "sft", tmp_path / "d2o"
    train_sft(demonstrations, SFT, RunFiles(start=tiny_checkpoint, out=sft))
    result = train_d2o(negatives, D2O, RunFiles(start=sft, out=d2o))
    assert values(result, "loss")[0] == pytest.approx(math.log(2), abs=1e-6)
    assert_only_adapters_changed(sft, d2o)
