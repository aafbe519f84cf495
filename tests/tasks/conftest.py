"""Small real policies that several stages' tests share."""

import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # read once, when huggingface_hub is imported

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from tasks.sampling.model import LoadedModel, load_model
from tasks.training.base.scratch_model import train_tokenizer

TEXTS = [
    "The film was a quiet joy from start to end.",
    "I liked the story, but the sound was dull and the end was flat.",
    "A warm, funny film with a great cast. I would watch it again.",
    "The phone arrived broken and nobody answered my letters.",
    "Not bad, not good: the plot was thin and the jokes were old.",
]
ARCHITECTURES = ("llama", "gpt2", "qwen3")


def write_tiny_policy(architecture: str, out: Path, *, seed: int = 0) -> Path:
    """Write a random model of about 20k parameters with a tokenizer of its own."""
    tokenizer = train_tokenizer(TEXTS, vocab_size=300, context_tokens=128)
    ends = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "vocab_size": len(tokenizer),
    }
    widths = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
    }
    torch.manual_seed(seed)
    if architecture == "llama":
        model = LlamaForCausalLM(LlamaConfig(**widths, **ends))
    elif architecture == "qwen3":
        model = Qwen3ForCausalLM(Qwen3Config(**widths, head_dim=8, **ends))
    else:
        model = GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=128, **ends))
    for parameter in model.parameters():  # larger weights than usual: probabilities that differ
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return out


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a random Llama-type policy."""
    return write_tiny_policy("llama", tmp_path_factory.mktemp("tiny-llama"))


@pytest.fixture(scope="session")
def other_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of another random policy with the same tokenizer."""
    return write_tiny_policy("llama", tmp_path_factory.mktemp("other-llama"), seed=1)


@pytest.fixture(scope="session", params=ARCHITECTURES)
def tiny_policy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> LoadedModel:
    """Return a random policy of each architecture in turn."""
    directory = tmp_path_factory.mktemp(f"tiny-{request.param}")
    return load_model(write_tiny_policy(request.param, directory))


@pytest.fixture
def tiny_llama(tiny_checkpoint: Path) -> LoadedModel:
    """Return a random Llama-type policy."""
    return load_model(tiny_checkpoint)
