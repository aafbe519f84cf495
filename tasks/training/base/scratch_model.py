"""A small language model and its tokenizer, made from the texts that it will learn."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from storage.input_error import InputError
from tasks.training.base.scratch_sizes import ScratchSize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BEGIN, END, PAD = "<|begin|>", "<|end|>", "<|pad|>"
_BYTES = 256


def build_scratch_model(
    size: ScratchSize,
    texts: Sequence[str],
    *,
    vocab_size: int,
    context_tokens: int,
    seed: int,
    out: Path,
) -> None:
    """Write an untrained Llama-type model and its tokenizer to `out`.

    The same arguments give the same files. The vocabulary can be smaller than `vocab_size` where
    the texts do not hold enough repeated pieces.

    Raises:
        InputError: there is no text to make a tokenizer of.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # progress goes through our own callbacks

    tokenizer = train_tokenizer(texts, vocab_size=vocab_size, context_tokens=context_tokens)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.hidden_size,
        intermediate_size=round(size.hidden_size * 8 / 3 / 8) * 8,
        num_hidden_layers=size.num_layers,
        num_attention_heads=size.num_heads,
        num_key_value_heads=size.num_heads,
        max_position_embeddings=context_tokens,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def train_tokenizer(
    texts: Sequence[str], *, vocab_size: int, context_tokens: int
) -> "PreTrainedTokenizerFast":
    """Return a byte-level BPE tokenizer with begin, end and padding tokens of its own.

    It knows every byte, so no text is unknown to it, and it puts the begin token in front of
    every text that is tokenised with special tokens.

    Raises:
        InputError: there is no text.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    if not any(texts):
        raise InputError(
            "a scratch model makes its tokenizer from the demonstrations, but there is no "
            "demonstration in split train; ingest a source that has some, or start from a model"
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=max(vocab_size, _BYTES + 3),
            special_tokens=[BEGIN, END, PAD],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A",
        special_tokens=[(BEGIN, tokenizer.token_to_id(BEGIN))],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        model_max_length=context_tokens,
        clean_up_tokenization_spaces=False,
    )
