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
from tasks.training.d2o.params import D2OParams
from tasks.training.d2o.train_d2o import train_d2o
from tasks.training.dpo.params import DPOParams
from tasks.training.dpo.train_dpo import train_dpo
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
