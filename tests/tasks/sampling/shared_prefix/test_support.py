import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPTJConfig,
    GPTJForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from tasks.sampling.shared_prefix.attention import ATTENTION
from tasks.sampling.shared_prefix.packed_batch import pack_responses
from tasks.sampling.shared_prefix.packed_logps import packed_logps
from tasks.sampling.shared_prefix.support import supports_shared_prefix
from tests.tasks.sampling.shared_prefix.conftest import GROUPS, WIDTHS
from tests.tasks.sampling.shared_prefix.test_packed_logps import padded


def sharp(model):
    torch.manual_seed(0)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def test_common_architectures_are_read_block_by_block(model):
    before = model.train().state_dict()
    support = supports_shared_prefix(model, max_tokens=32)
    assert (support.path, support.reason) == ("segments", "")
    assert model.config._attn_implementation == ATTENTION
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_saved_model_names_no_attention_of_ours(llama, tmp_path):
    supports_shared_prefix(llama, max_tokens=32)
    llama.save_pretrained(tmp_path)
    assert ATTENTION not in (tmp_path / "config.json").read_text()


def test_attention_that_is_not_exchangeable_gets_a_dense_mask():
    model = sharp(
        GPTJForCausalLM(GPTJConfig(vocab_size=97, n_embd=32, n_layer=2, n_head=4, rotary_dim=8))
    ).eval()
    assert supports_shared_prefix(model, max_tokens=32).path == "dense"
    groups = GROUPS["several prompts of different lengths"]
    with torch.no_grad():
        got = packed_logps(model, pack_responses(groups), "dense")
        assert torch.allclose(got, padded(model, groups)[0].sum(dim=1), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (
            lambda: MistralForCausalLM(MistralConfig(**WIDTHS, sliding_window=8)),
            "attends to a sliding window of 8 tokens, below 32",
        ),
        (
            lambda: BloomForCausalLM(
                BloomConfig(vocab_size=97, hidden_size=32, n_layer=1, n_head=2)
            ),
            "BloomForCausalLM takes no position ids",
        ),
        # what it multiplies its logits with would multiply our log-probabilities
        (
            lambda: CohereForCausalLM(CohereConfig(**WIDTHS)),
            "differ from those of padded rows by",
        ),
        (
            lambda: Gemma2ForCausalLM(
                Gemma2Config(**WIDTHS, head_dim=8, final_logit_softcapping=1.0)
            ),
            "differ from those of padded rows by",
        ),
    ],
    ids=["sliding window", "ALiBi", "scaled logits", "capped logits"],
)
def test_a_model_that_cannot_is_found_out_with_the_reason(make, reason):
    model = sharp(make())
    before = model.config._attn_implementation
    support = supports_shared_prefix(model, max_tokens=32)
    assert support.path is None
    assert reason in support.reason
    assert model.config._attn_implementation == before


def test_a_window_that_holds_every_row_is_no_obstacle():
    model = sharp(MistralForCausalLM(MistralConfig(**WIDTHS, sliding_window=32)))
    assert supports_shared_prefix(model, max_tokens=32).path == "segments"


def test_attention_that_drops_the_segments_is_found_out(llama):
    """A model whose layers lose keyword arguments sees the whole row and gets the dense mask."""
    for layer in llama.model.layers:
        forward = layer.self_attn.forward

        def lossy(*arguments, forward=forward, **named):
            return forward(*arguments, **{k: v for k, v in named.items() if k != "prefix_segments"})

        layer.self_attn.forward = lossy
    assert supports_shared_prefix(llama, max_tokens=32).path == "dense"
