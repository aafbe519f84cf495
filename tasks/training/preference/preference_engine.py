"""How the responses of a batch get their log-probabilities: packed or as padded rows."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from storage.input_error import InputError
from tasks.sampling.entropy import EntropyProbe, mean_entropy, spread_places
from tasks.sampling.logps import TokenBatch, completion_logits, logps_of, per_token_logps
from tasks.sampling.model import LoadedModel
from tasks.sampling.shared_prefix.packed_batch import PackedBatch
from tasks.sampling.shared_prefix.packed_logps import AttentionPath, packed_logps
from tasks.sampling.shared_prefix.support import supports_shared_prefix
from tasks.training.preference.preference_batch import (
    PreferenceExample,
    collate_packed,
    collate_padded,
)

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WatchedLogps:
    """What `PreferenceEngine.logps` returns, and how undecided the policy is there.

    `entropy` is the mean entropy of the next-token distributions at scored positions, in nats a token,
    of at most `MOST_TOKENS` positions of the batch, evenly spread; it carries no gradient.
    """

    logps: Tensor
    entropy: Tensor


class PreferenceEngine(Protocol):
    """Makes batches of examples and the log-probabilities of their responses."""

    def collate(self, examples: Sequence[PreferenceExample]) -> dict[str, Any]:
        """Return the tensors of a batch, `ref_logps` and `num_responses` among them."""
        ...

    def logps(self, model: torch.nn.Module, inputs: dict[str, Tensor]) -> Tensor:
        """Return log pi(response | prompt) in nats, [responses], in the order of the examples."""
        ...

    def watched_logps(self, model: torch.nn.Module, inputs: dict[str, Tensor]) -> WatchedLogps:
        """Return the same log-probabilities and the entropy, for one pass of the model."""
        ...


@dataclass(frozen=True, slots=True)
class PackedEngine:
    """All responses of a prompt behind one copy of it."""

    path: AttentionPath

    def collate(self, examples: Sequence[PreferenceExample]) -> dict[str, Any]:
        """Return the tensors of a packed batch."""
        return collate_packed(examples)

    def logps(self, model: torch.nn.Module, inputs: dict[str, Tensor]) -> Tensor:
        """Return the log-probabilities, [responses]."""
        return packed_logps(model, PackedBatch.of(inputs), self.path)

    def watched_logps(self, model: torch.nn.Module, inputs: dict[str, Tensor]) -> WatchedLogps:
        """Return the log-probabilities and the entropy."""
        probe = EntropyProbe()
        logps = packed_logps(model, PackedBatch.of(inputs), self.path, probe)
        entropy = logps.new_zeros(()) if probe.value is None else probe.value
        return WatchedLogps(logps=logps, entropy=entropy)


@dataclass(frozen=True, slots=True)
class PaddedEngine:
    """Each response in a row of its own behind its own copy of the prompt."""

    pad_token_id: int

    def collate(self, examples: Sequence[PreferenceExample]) -> dict[str, Any]:
        """Return the tensors of a padded batch."""
        return collate_padded(examples, self.pad_token_id)

    def logps(self, model: torch.nn.Module, inputs: dict[str, Tensor]) -> Tensor:
        """Return the log-probabilities, [responses]."""
        return per_token_logps(model, TokenBatch.of(inputs)).sum(dim=1)

    def watched_logps(self, model: torch.nn.Module, inputs: dict[str, Tensor]) -> WatchedLogps:
        """Return the log-probabilities and the entropy."""
        batch = TokenBatch.of(inputs)
        logits = completion_logits(model, batch)
        scored = batch.completion_mask.flatten().nonzero().squeeze(-1)
        places = scored[spread_places(len(scored), scored.device)]
        return WatchedLogps(
            logps=logps_of(logits, batch).sum(dim=1),
            entropy=mean_entropy(logits.detach().flatten(end_dim=1)[places]),
        )


def packed_engine(
    models: Sequence[LoadedModel],
    *,
    asked: Literal["auto", "packed"],
    max_tokens: int,
    instead: str,
) -> PackedEngine | None:
    """Return the engine that packs, or None where `models` cannot read packed rows; it is logged.

    All of `models` are prepared for packed rows. `instead` names the engine that the caller then
    falls back to.

    Raises:
        InputError: packing was asked for by name and is not possible.
    """
    found = [supports_shared_prefix(loaded.model, max_tokens=max_tokens) for loaded in models]
    for support in found:
        if support.path is None and asked == "packed":
            raise InputError(
                f"engine is 'packed' but this model cannot read packed rows: {support.reason}. "
                f"Set engine to {instead!r}, or to 'auto', which finds out"
            )
        if support.path is None:
            _LOG.warning("engine %s instead of packed: %s", instead, support.reason)
            return None
    paths = {support.path for support in found if support.path is not None}
    return PackedEngine(path="dense" if len(paths) > 1 else paths.pop())


def with_reference_logps(
    examples: Sequence[PreferenceExample],
    reference: LoadedModel,
    engine: PreferenceEngine,
    *,
    bf16: bool,
    batch_size: int,
) -> list[PreferenceExample]:
    """Return the examples with the reference's log-probabilities, in training's arithmetic.

    `batch_size` counts prompts. The reference is asked in eval mode and without gradients; prompts
    of like length share a batch.
    """
    training = reference.model.training
    reference.model.eval()
    order = sorted(range(len(examples)), key=lambda index: _num_tokens(examples[index]))
    scored = list(examples)
    with torch.no_grad(), torch.autocast(reference.device.type, torch.bfloat16, enabled=bf16):
        for start in range(0, len(order), batch_size):
            indices = order[start : start + batch_size]
            inputs = engine.collate([examples[index] for index in indices])
            inputs = {name: value.to(reference.device) for name, value in inputs.items()}
            logps = iter(engine.logps(reference.model, inputs).tolist())
            for index in indices:
                own = tuple(next(logps) for _ in examples[index].encoded)
                scored[index] = replace(examples[index], ref_logps=own)
    reference.model.train(training)
    return scored


def _num_tokens(example: PreferenceExample) -> int:
    return max(len(row.prompt_ids) + len(row.completion_ids) for row in example.encoded)
