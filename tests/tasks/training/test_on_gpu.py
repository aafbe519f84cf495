"""What only a GPU can show; the same code paths run on the CPU in the other tests."""

import math

import pytest
import torch

from storage.tables.prompts import Prompt
from tasks.sampling.encoding import encode
from tasks.sampling.logps import sequence_kls, sequence_logps
from tasks.sampling.model import load_model
from tasks.sampling.params import SamplingParams
from tasks.sampling.sample import sample
from tasks.training.base.base_model import make_base_model
from tasks.training.d2o.dispreference_batch import encode_negatives
from tasks.training.d2o.params import D2OParams
from tasks.training.d2o.train_d2o import choose_engine, train_d2o
from tasks.training.dpo.params import DPOParams
from tasks.training.dpo.train_dpo import train_dpo
from tasks.training.preference.preference_engine import (
    PackedEngine,
    PaddedEngine,
    with_reference_logps,
)
from tasks.training.run.run_files import RunFiles
from tasks.training.sft.params import SFTParams
from tasks.training.sft.train_sft import train_sft

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.fixture
def start(tmp_path, demonstrations):
    return make_base_model("scratch:nano", demonstrations, SFTParams(), tmp_path / "start")


def test_log_probabilities_are_those_of_the_cpu(start, demonstrations):
    """float32 on both; the GPU may round its products differently."""
    on_gpu, on_cpu = load_model(start, device="cuda"), load_model(start, device="cpu")
    rows = [
        encode(row.messages, row.completion, on_cpu.tokenizer, max_prompt_tokens=32, max_tokens=64)
        for row in demonstrations
    ]
    assert sequence_logps(on_gpu, rows) == pytest.approx(sequence_logps(on_cpu, rows), abs=0.02)
    assert all(abs(kl.exact) < 1e-3 for kl in sequence_kls(on_gpu, on_cpu, rows))


def test_greedy_completions_are_those_of_the_cpu(start, demonstrations):
    prompts = [
        Prompt(source="t", split="eval", messages=row.messages, cluster="c", origin="t:1")
        for row in demonstrations
    ]
    texts = [
        [
            row.text
            for row in sample(
                load_model(start, device=device),
                prompts,
                policy_id="p",
                num_samples=1,
                params=SamplingParams(temperature=0, max_tokens=6),
                seed=0,
            )
        ]
        for device in ("cuda", "cpu")
    ]
    assert texts[0] == texts[1]


def test_every_method_trains_in_bfloat16(start, tmp_path, demonstrations, pairs, negatives):
    sft = train_sft(
        demonstrations,
        SFTParams(max_steps=3, bf16="yes"),
        RunFiles(start=start, out=tmp_path / "sft"),
    )
    dpo = train_dpo(
        pairs, DPOParams(max_steps=3, bf16="yes"), RunFiles(start=start, out=tmp_path / "dpo")
    )
    d2o = train_d2o(
        negatives,
        D2OParams(max_steps=3, bf16="yes", kl_every=1, kl_samples=4, kl_max_tokens=8),
        RunFiles(start=start, out=tmp_path / "d2o"),
    )
    for result in (sft, dpo, d2o):
        assert result.num_steps == 3
        assert all(math.isfinite(row.value) for row in result.steps)
    for result in (dpo, d2o):
        first = next(row.value for row in result.steps if row.metric == "loss")
        assert first == pytest.approx(math.log(2), abs=5e-3)


def test_packed_answers_have_the_log_probabilities_of_rows(start, negatives):
    """FlexAttention's block mask on the GPU against padded rows, both in float32."""
    loaded = load_model(start, device="cuda", dtype=torch.float32)
    params = D2OParams(max_prompt_tokens=16, max_tokens=64)
    packed = choose_engine((loaded,), params)
    assert isinstance(packed, PackedEngine)
    padded = PaddedEngine(int(loaded.tokenizer.pad_token_id))
    examples = encode_negatives(negatives, loaded.tokenizer, params).examples
    found = [
        with_reference_logps(examples, loaded, engine, bf16=False, batch_size=4)
        for engine in (packed, padded)
    ]
    for one, other in zip(*found, strict=True):
        assert one.ref_logps == pytest.approx(other.ref_logps, abs=0.02)


@pytest.mark.parametrize("quantize", ["4bit", "8bit"])
def test_adapters_train_on_quantized_weights(quantize, start, tmp_path, pairs):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    params = DPOParams(max_steps=3, lora_rank=4, quantize=quantize, kl_every=0)
    result = train_dpo(pairs, params, RunFiles(start=start, out=tmp_path / "policy"))
    assert result.num_steps == 3
    merged = load_model(tmp_path / "policy").model
    assert all(bool(parameter.isfinite().all()) for parameter in merged.parameters())


def test_ligers_kernels_train_alike(start, tmp_path, pairs):
    pytest.importorskip("liger_kernel", reason="liger-kernel is not installed")
    losses = [
        [
            row.value
            for row in train_dpo(
                pairs,
                DPOParams(max_steps=3, bf16="no", liger=liger, kl_every=0),
                RunFiles(start=start, out=tmp_path / str(liger)),
            ).steps
            if row.metric == "loss"
        ]
        for liger in (False, True)
    ]
    assert losses[1] == pytest.approx(losses[0], abs=1e-2)
