"""Log-probabilities of completions under a policy."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tasks.sampling.encoding import Encoded

if TYPE_CHECKING:
    from tasks.sampling.model import LoadedModel


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Prompts padded on the left, completions padded on the right.

    So every completion starts in the same column, and the last `1 + max completion` columns hold
    all positions whose logits are needed. `completion_mask` is True on completion tokens, their
    end token included.
    """

    input_ids: Int[Tensor, "batch tokens"]
    attention_mask: Int[Tensor, "batch tokens"]
    position_ids: Int[Tensor, "batch tokens"]
    completion_mask: Bool[Tensor, "batch completion"]

    @staticmethod
    def of(tensors: Mapping[str, Tensor]) -> "TokenBatch":
        """Return the batch whose fields are among `tensors`."""
        return TokenBatch(**{field.name: tensors[field.name] for field in fields(TokenBatch)})

    def to(self, device: torch.device) -> "TokenBatch":
        """Return the batch on `device`."""
        return TokenBatch(**{name: value.to(device) for name, value in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """Return the fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class SequenceKL:
    """KL(policy || reference) of one completion in nats, summed over its tokens.

    `sampled` is log pi - log pi_ref of the completion itself: unbiased where it was drawn from
    the policy at temperature 1, and below 0 for single completions. `exact` sums the divergence
    of the full next-token distributions along the completion, the same mean with less variance.
    """

    sampled: float
    exact: float


def collate(encoded: Sequence[Encoded], *, pad_token_id: int) -> TokenBatch:
    """Return the padded batch of `encoded`, on the CPU.

    Raises:
        ValueError: there is no row, or a row without a completion token.
    """
    if not encoded or any(row.is_empty for row in encoded):
        raise ValueError("a batch needs rows that all have completion tokens; drop empty ones")
    width = max(len(row.prompt_ids) for row in encoded)
    length = max(len(row.completion_ids) for row in encoded)
    input_ids = torch.full((len(encoded), width + length), pad_token_id)
    attention_mask = torch.zeros_like(input_ids)
    for index, row in enumerate(encoded):
        start, end = width - len(row.prompt_ids), width + len(row.completion_ids)
        input_ids[index, start:end] = torch.tensor(row.prompt_ids + row.completion_ids)
        attention_mask[index, start:end] = 1
    return TokenBatch(
        input_ids=input_ids,
        attention_mask=attention_mask,
        position_ids=(attention_mask.cumsum(dim=1) - 1).clamp(min=0),
        completion_mask=attention_mask[:, width:].bool(),
    )


def completion_logits(
    model: torch.nn.Module, batch: TokenBatch
) -> Float[Tensor, "batch completion vocab"]:
    """Return the float32 logits that predict each completion token.

    The LM head runs on completion positions only. Row positions outside `completion_mask` hold
    finite numbers without meaning.
    """
    keep = batch.completion_mask.shape[1] + 1
    logits = model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        position_ids=batch.position_ids,
        logits_to_keep=keep,
        use_cache=False,
    ).logits
    return logits[:, -keep:-1].float()


def per_token_logps(model: torch.nn.Module, batch: TokenBatch) -> Float[Tensor, "batch completion"]:
    """Return log pi(token | prompt, earlier tokens) in nats, 0 outside the completion.

    Gradients flow unless the caller turned them off.
    """
    return logps_of(completion_logits(model, batch), batch)


def logps_of(
    logits: Float[Tensor, "batch completion vocab"], batch: TokenBatch
) -> Float[Tensor, "batch completion"]:
    """Return the log-probabilities of the batch's completion tokens, 0 outside the completion."""
    targets = batch.input_ids[:, -logits.shape[1] :]
    chosen = logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    logps = chosen - logits.logsumexp(dim=-1)
    return logps.masked_fill(~batch.completion_mask, 0.0)


def sequence_logps(
    loaded: "LoadedModel", encoded: Sequence[Encoded], *, batch_size: int = 16
) -> list[float]:
    """Return log pi(completion | prompt) of each row in nats, summed over its tokens.

    Rows are batched by length and come back in their own order.

    Raises:
        ValueError: a row has no completion token.
    """
    sums = [0.0] * len(encoded)
    with torch.no_grad():
        for indices, batch in _batches(loaded, encoded, batch_size):
            totals = per_token_logps(loaded.model, batch).double().sum(dim=1).tolist()
            for index, total in zip(indices, totals, strict=True):
                sums[index] = total
    return sums


def sequence_kls(
    policy: "LoadedModel",
    reference: "LoadedModel",
    encoded: Sequence[Encoded],
    *,
    batch_size: int = 16,
) -> list[SequenceKL]:
    """Return the KL of `policy` to `reference` on each completion, never clamped.

    Both models must share the tokenizer that made `encoded`.

    Raises:
        ValueError: a row has no completion token, or the vocabularies differ in size.
    """
    kls = [SequenceKL(sampled=0.0, exact=0.0)] * len(encoded)
    with torch.no_grad():
        for indices, batch in _batches(policy, encoded, batch_size):
            logps = completion_logits(policy.model, batch).log_softmax(dim=-1)
            ref_batch = batch.to(reference.device)
            ref_logits = completion_logits(reference.model, ref_batch).to(logps.device)
            batch_kls = _sequence_kls(logps, ref_logits.log_softmax(dim=-1), batch)
            for index, kl in zip(indices, batch_kls, strict=True):
                kls[index] = kl
    return kls


def _sequence_kls(
    logps: Float[Tensor, "batch completion vocab"],
    ref_logps: Float[Tensor, "batch completion ref_vocab"],
    batch: TokenBatch,
) -> list[SequenceKL]:
    if logps.shape[-1] != ref_logps.shape[-1]:
        raise ValueError(
            f"the policy knows {logps.shape[-1]} tokens and the reference {ref_logps.shape[-1]}; "
            "a KL needs two models with the same tokenizer"
        )
    ratios = logps - ref_logps
    targets = batch.input_ids[:, -logps.shape[1] :].unsqueeze(-1)
    outside = ~batch.completion_mask
    sampled = ratios.gather(-1, targets).squeeze(-1).masked_fill(outside, 0.0)
    exact = (logps.exp() * ratios).sum(dim=-1).masked_fill(outside, 0.0)
    return [
        SequenceKL(sampled=ratio, exact=divergence)
        for ratio, divergence in zip(
            sampled.double().sum(dim=1).tolist(), exact.double().sum(dim=1).tolist(), strict=True
        )
    ]


def _batches(
    loaded: "LoadedModel", encoded: Sequence[Encoded], batch_size: int
) -> Iterator[tuple[list[int], TokenBatch]]:
    """Yield index lists and batches, the longest rows first so that memory peaks at once."""
    order = sorted(
        range(len(encoded)),
        key=lambda index: len(encoded[index].prompt_ids) + len(encoded[index].completion_ids),
        reverse=True,
    )
    for start in range(0, len(order), batch_size):
        indices = order[start : start + batch_size]
        batch = collate(
            [encoded[index] for index in indices], pad_token_id=loaded.tokenizer.pad_token_id
        )
        yield indices, batch.to(loaded.device)
