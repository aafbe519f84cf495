"""Tiny models of several architectures and rows of several shapes."""

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from tasks.sampling.encoding import Encoded

VOCAB = 97
WIDTHS = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
LLAMA = LlamaConfig(**WIDTHS)
MODELS = {
    "llama": lambda: LlamaForCausalLM(LLAMA),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCAB,
            n_embd=32,
            n_layer=2,
            n_head=4,
            n_positions=64,
            bos_token_id=0,
            eos_token_id=1,
        )
    ),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**WIDTHS)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**WIDTHS, head_dim=8)),
}


def make(architecture):
    """Return a random model in eval mode with larger weights than usual: sharp attention."""
    torch.manual_seed(0)
    model = MODELS[architecture]()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def responses(prompt_length, *lengths, seed=0):
    """Return responses of the given lengths to one prompt of random tokens."""
    generator = torch.Generator().manual_seed(seed + 31 * prompt_length)

    def tokens(count):
        return tuple(torch.randint(2, VOCAB, (count,), generator=generator).tolist())

    prompt = tokens(prompt_length)
    return [Encoded(prompt_ids=prompt, completion_ids=tokens(length)) for length in lengths]


GROUPS = {
    "several prompts of different lengths": [
        responses(7, 3, 5),
        responses(2, 4, 4, 2),
        responses(11, 6),
    ],
    "responses of one token": [responses(5, 1, 1, 1), responses(3, 1)],
    "one response": [responses(6, 4)],
    "twelve responses": [responses(9, *range(1, 13))],
    "prompts of one token": [responses(1, 3, 2), responses(1, 1)],
    "a prompt of one token beside a longer one": [responses(1, 3, 2), responses(5, 1)],
}


@pytest.fixture(params=MODELS)
def model(request):
    """Return a tiny model of each architecture in turn."""
    return make(request.param)


@pytest.fixture
def llama():
    """Return a tiny Llama-type model."""
    return make("llama")


@pytest.fixture(params=GROUPS.values(), ids=GROUPS)
def groups(request):
    """Return prompts with their responses, of each shape in turn."""
    return request.param
