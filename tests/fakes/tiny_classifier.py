"""A real sequence classifier of a few thousand weights, trained in a second, for tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

POSITIVE_WORDS = ("great", "lovely", "superb", "charming", "brilliant")
NEGATIVE_WORDS = ("awful", "dull", "boring", "terrible", "clumsy")
OPENINGS = ("The film was", "I found the plot", "A story that is", "The cast is")
MAX_TOKENS = 64
_NUM_STEPS = 60
_RESERVED = {"roberta": 2}
"""Position embeddings that RoBERTa never uses: those up to the padding token's number, 1."""


def training_sentences() -> list[tuple[str, float]]:
    """Return texts with their wanted P(positive): 0.9, 0.1, and 0.5 for mixed or no words."""
    texts = [("", 0.5)]
    for opening in OPENINGS:
        texts += [(f"{opening} {word}.", 0.9) for word in POSITIVE_WORDS]
        texts += [(f"{opening} {word}.", 0.1) for word in NEGATIVE_WORDS]
        mixed = zip(POSITIVE_WORDS, NEGATIVE_WORDS, strict=True)
        texts += [(f"{opening} {good} and {bad}.", 0.5) for good, bad in mixed]
    texts += [(f" {word}", 0.9) for word in POSITIVE_WORDS]
    return texts + [(f" {word}", 0.1) for word in NEGATIVE_WORDS]


def write_tiny_classifier(
    out: Path,
    *,
    architecture: str = "roberta",
    labels: Sequence[str] = ("NEGATIVE", "POSITIVE"),
    chat_template: str | None = None,
    pad_in_config: bool = True,
    seed: int = 0,
) -> Path:
    """Write a trained classifier with its tokenizer to `out` and return `out`.

    `architecture` is roberta, bert or llama. The last of several labels is fitted to the
    positive sentences; a single label is one logit that is above 0 for them. Without
    `pad_in_config` the model does not know which token is padding, like many decoders.
    """
    import torch

    tokenizer = _train_tokenizer(chat_template)
    torch.manual_seed(seed)
    model = _untrained(architecture, len(tokenizer), labels)
    texts, wanted = zip(*training_sentences(), strict=True)
    batch = tokenizer(list(texts), padding=True, return_tensors="pt")
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(_NUM_STEPS):
        loss = _loss(model(**batch).logits, torch.tensor(wanted))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if not pad_in_config:
        model.config.pad_token_id = None
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return out


def _loss(logits: Any, wanted: Any) -> Any:
    """Return the cross-entropy of the last class against the first, or of the one logit."""
    from torch.nn.functional import binary_cross_entropy_with_logits

    log_odds = logits[:, -1] - (logits[:, 0] if logits.shape[1] > 1 else 0)
    return binary_cross_entropy_with_logits(log_odds, wanted)


def _untrained(architecture: str, vocab_size: int, labels: Sequence[str]) -> Any:
    from transformers import AutoConfig, AutoModelForSequenceClassification

    widths = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": MAX_TOKENS + _RESERVED.get(architecture, 0),
        "vocab_size": vocab_size,
    }
    config = AutoConfig.for_model(
        architecture,
        **widths,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
        setattr(config, name, 0.0)
    return AutoModelForSequenceClassification.from_config(config)


def _train_tokenizer(chat_template: str | None) -> Any:
    """Return a byte-level tokenizer that frames texts as RoBERTa's does: `<s>` text `</s>`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        [text for text, _ in training_sentences()],
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<s>", "<pad>", "</s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    framed = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
    )
    framed.chat_template = chat_template
    return framed
