"""The checkpoint of a text classifier, checked and loaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.input_error import InputError
from tasks.judging.check_classifier import check_classifier
from tasks.judging.classifier_labels import preferred_class
from tasks.sampling.model import pick_device, resolve_checkpoint

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_UNLIMITED = 10**9
"""A tokenizer without a limit says 10**30."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """A sequence classifier in eval mode with its tokenizer, on `device`.

    `preferred` is the place of the preferred class among `labels`, None for a reward model with
    one logit. `max_tokens` counts the special tokens; None is no limit.
    """

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    device: "torch.device"
    labels: tuple[str, ...]
    preferred: int | None
    max_tokens: int | None


def load_checkpoint(model: str, *, device: str) -> Classifier:
    """Return the classifier of a directory or hub id.

    Weights come from safetensors only and no code of the checkpoint is run. They are float32 on a
    CPU, and as they were saved elsewhere.

    Raises:
        InputError: as `check_classifier`, the model cannot be loaded or lacks weights (transformers
            would make random ones), it has no tokenizer of its own, or the device does not exist.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # progress goes through our own callbacks
    target = pick_device(device)
    check_classifier(model)
    source = resolve_checkpoint(model)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        network, info = AutoModelForSequenceClassification.from_pretrained(
            source,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32 if target.type == "cpu" else "auto",
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise _cannot_load(model, error) from error
    _check_weights(model, info)
    _check_vocabulary(model, tokenizer, network)
    config = network.config
    labels = tuple(str(config.id2label[index]) for index in range(config.num_labels))
    config.use_cache = False  # a classifier reads each text once
    network.eval()
    torch.nn.Module.to(network, target)
    return Classifier(
        model=network,
        tokenizer=tokenizer,
        device=target,
        labels=labels,
        preferred=preferred_class(labels, model=model, problem_type=config.problem_type),
        max_tokens=_max_tokens(network, tokenizer),
    )


def _check_weights(model: str, info: Mapping[str, Any]) -> None:
    missing = sorted(str(name) for name in info["missing_keys"])
    if missing:
        raise InputError(
            f"checkpoint {model!r} holds no weights for {', '.join(missing[:4])} "
            f"({len(missing)} missing): it is no trained classifier, and random weights would give "
            "random scores. Give a model that was trained and saved as a sequence classifier"
        )


def _check_vocabulary(
    model: str, tokenizer: "PreTrainedTokenizerBase", network: "PreTrainedModel"
) -> None:
    """Refuse the nearly empty tokenizer that transformers makes where a checkpoint has none."""
    expected = network.config.get_text_config().vocab_size
    if 2 * len(tokenizer) < expected:
        raise InputError(
            f"checkpoint {model!r} lacks its tokenizer: {len(tokenizer)} tokens were found for a "
            f"model that knows {expected}. Save the tokenizer beside the model with save_pretrained"
        )


def _max_tokens(network: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int | None:
    """Return the smaller limit of model and tokenizer.

    RoBERTa and its kin number positions from behind the padding token's, so they have fewer
    places than position embeddings.
    """
    import torch

    limits = [int(tokenizer.model_max_length)]
    if positions := getattr(network.config.get_text_config(), "max_position_embeddings", None):
        skipped = [
            module.padding_idx + 1
            for name, module in network.named_modules()
            if name.endswith("position_embeddings")
            and isinstance(module, torch.nn.Embedding)
            and module.padding_idx is not None
        ]
        limits.append(positions - max(skipped, default=0))
    return min(limits) if min(limits) < _UNLIMITED else None


def _cannot_load(model: str, error: Exception) -> InputError:
    first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return InputError(
        f"classifier {model!r} cannot be loaded: {first_line} Give a directory that holds a "
        "sequence classifier (safetensors) with its tokenizer, or an id that the Hugging Face hub "
        "has (with HF_HUB_OFFLINE=1 only what is already in the cache)"
    )
