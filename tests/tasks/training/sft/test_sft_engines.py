import pytest
from pydantic import ValidationError

from tasks.sampling.model import load_model
from tasks.training.base.scratch_model import build_scratch_model
from tasks.training.base.scratch_sizes import SCRATCH_SIZES
from tasks.training.run.run_files import RunFiles
from tasks.training.sft.encode_demonstrations import encode_demonstrations
from tasks.training.sft.params import SFTParams
from tasks.training.sft.train_sft import train_sft

PARAMS = SFTParams(
    epochs=2,
    batch_size=3,
    block_tokens=32,
    learning_rate=1e-3,
    optimizer="adamw",
    max_prompt_tokens=16,
    max_tokens=64,
    bf16="no",
    device="cpu",
)


def values(result, metric):
    return [row.value for row in result.steps if row.metric == metric]


@pytest.mark.parametrize(
    ("changes", "tolerance"),
    [
        ({}, 1e-5),
        ({"packing": False, "completion_only": True}, 1e-5),
        ({"packing": False, "gradient_accumulation_steps": 2}, 1e-5),
        ({"lora_rank": 2, "learning_rate": 1e-2}, 1e-5),
        ({"eval_share": 0.25, "eval_every": 2}, 1e-5),
        ({"optimizer": "muon"}, 1e-2),  # torch's Muon rounds its updates to bfloat16
    ],
    ids=str,
)
def test_trl_trains_as_our_own_trainer_does(
    demonstrations, tiny_checkpoint, tmp_path, changes, tolerance
):
    own, trl = (
        train_sft(
            demonstrations,
            SFTParams(**{**PARAMS.model_dump(), **changes, "engine": engine}),
            RunFiles(start=tiny_checkpoint, out=tmp_path / engine),
        )
        for engine in ("own", "trl")
    )
    assert values(own, "loss") == pytest.approx(values(trl, "loss"), rel=tolerance)
    assert values(own, "eval_loss") == pytest.approx(values(trl, "eval_loss"), rel=tolerance)
    assert values(own, "grad_norm") == pytest.approx(values(trl, "grad_norm"), rel=100 * tolerance)
    assert (own.num_tokens, own.num_steps) == (trl.num_tokens, trl.num_steps)
    assert len(values(trl, "mean_token_accuracy")) == len(values(trl, "loss")) > 1


def test_trl_does_not_pack_demonstrations_apart():
    with pytest.raises(
        ValidationError, match=r"engine \(trl\) .* completion_only \(true\) with packing \(true\)"
    ):
        SFTParams(engine="trl", completion_only=True)
    assert SFTParams(engine="trl", completion_only=True, packing=False).engine == "trl"


def test_dropped_demonstrations_are_named_with_their_reason(demonstrations, tiny_llama):
    params = PARAMS.model_copy(update={"max_prompt_tokens": 4, "max_tokens": 4})
    whole = encode_demonstrations(demonstrations, tiny_llama.tokenizer, PARAMS).kept
    encoded = encode_demonstrations(demonstrations, tiny_llama.tokenizer, params)
    expected = [
        row.demonstration_id
        for row, kept in zip(demonstrations, whole, strict=True)
        if len(kept.encoded.prompt_ids) >= 4
    ]
    assert [row.row_id for row in encoded.dropped] == expected != []
    assert {row.reason for row in encoded.dropped} == {"prompt fills the limit"}


def num_parameters(name, vocab_size):
    """Count by hand: layers of 4 d^2 + 3 d h with two norms, a last norm, tied embeddings."""
    size = SCRATCH_SIZES[name]
    width, inner = size.hidden_size, round(size.hidden_size * 8 / 3 / 8) * 8
    layer = 4 * width**2 + 3 * width * inner + 2 * width
    return size.num_layers * layer + width + vocab_size * width


@pytest.mark.parametrize("name", ["nano", "tiny", "small", "medium"])
def test_scratch_models_have_their_size(name, tmp_path):
    build_scratch_model(
        SCRATCH_SIZES[name],
        ["a text"],
        vocab_size=300,
        context_tokens=64,
        seed=0,
        out=tmp_path / name,
    )
    model = load_model(tmp_path / name).model
    expected = num_parameters(name, model.config.vocab_size)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_the_largest_scratch_model_has_about_50_million_parameters():
    """It is not built here, which would take 200 MB."""
    assert list(SCRATCH_SIZES)[-1] == "large"
    assert num_parameters("large", 1024) == pytest.approx(50e6, rel=0.01)
