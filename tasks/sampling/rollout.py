"""Drawing a batch of completions token by token."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import DynamicCache

from tasks.sampling.draw import draw

if TYPE_CHECKING:
    from tasks.sampling.model import LoadedModel

_COMPACT_BELOW = 0.75


@dataclass(frozen=True, slots=True)
class Rollout:
    """One drawn completion.

    `completion_ids` ends with an end token exactly where `stopped`; `sum_logp` is the sum of
    their log-probabilities at temperature 1, in nats.
    """

    completion_ids: tuple[int, ...]
    stopped: bool
    sum_logp: float


@dataclass(slots=True)
class _Decoder:
    """The rows that pass through the model and what the next pass needs.

    `rows` are their numbers in the whole batch. Rows that ended stay until enough of them have
    gathered (`alive` is False), because dropping rows copies the cache.
    """

    loaded: "LoadedModel"
    cache: DynamicCache
    attention_mask: Tensor
    logits: Tensor
    rows: Tensor
    alive: Tensor

    def end(self, ended: Tensor) -> None:
        """Mark rows as ended, and drop them once a quarter of the rows has ended."""
        self.alive &= ~ended
        if not 0 < int(self.alive.sum()) < _COMPACT_BELOW * len(self.alive):
            return
        kept = self.alive.nonzero().squeeze(-1)
        self.cache.batch_select_indices(kept)
        self.attention_mask, self.logits = self.attention_mask[kept], self.logits[kept]
        self.rows, self.alive = self.rows[kept], self.alive[kept]

    def step(self, tokens: Tensor) -> None:
        """Run one token of every row through the model."""
        positions = self.attention_mask.sum(dim=1, keepdim=True)
        self.attention_mask = torch.cat([self.attention_mask, torch.ones_like(positions)], dim=1)
        self.logits = _last_logits(
            self.loaded, tokens.unsqueeze(-1), self.attention_mask, positions, self.cache
        )


@torch.inference_mode()
def rollout(
    loaded: "LoadedModel",
    prompts: Sequence[Sequence[int]],
    uniform: Tensor,
    *,
    temperature: float,
    top_p: float,
) -> list[Rollout]:
    """Return completions of `prompts`: `len(uniform) / len(prompts)` of the first, and so on.

    `uniform` holds one number in [0, 1) per completion and token; its width is the length of the
    longest completion. Every prompt passes through the model once, then its keys and values are
    repeated for its completions.

    Raises:
        ValueError: the completions do not fall evenly on the prompts.
    """
    num_samples, remainder = divmod(len(uniform), len(prompts))
    if remainder:
        raise ValueError(f"{len(uniform)} completions do not fall evenly on {len(prompts)} prompts")
    device = loaded.device
    ends = torch.tensor(sorted(end_token_ids(loaded)), device=device)
    uniform = uniform.to(device, torch.float32 if device.type == "mps" else torch.float64)
    tokens = torch.full(uniform.shape, -1, device=device)
    logps = torch.zeros(uniform.shape, device=device)
    decoder = _prefill(loaded, prompts, num_samples)
    for position in range(uniform.shape[1]):
        numbers = uniform[decoder.rows, position]
        drawn = draw(decoder.logits, numbers, temperature=temperature, top_p=top_p)
        chosen = decoder.logits.gather(-1, drawn.unsqueeze(-1)).squeeze(-1)
        chosen = chosen - decoder.logits.logsumexp(dim=-1)
        rows = decoder.rows[decoder.alive]
        tokens[rows, position] = drawn[decoder.alive]
        logps[rows, position] = chosen[decoder.alive]
        before = len(decoder.rows)
        alive = decoder.alive & ~torch.isin(drawn, ends)
        decoder.end(~alive)
        if not bool(alive.any()) or position + 1 == uniform.shape[1]:
            break
        decoder.step(drawn if len(decoder.rows) == before else drawn[alive])
    return _rollouts(tokens, logps, ends)


def end_token_ids(loaded: "LoadedModel") -> set[int]:
    """Return the tokens that end a completion: the tokenizer's and the generation config's."""
    ends = {int(loaded.tokenizer.eos_token_id)}
    config = getattr(loaded.model, "generation_config", None)
    more = getattr(config, "eos_token_id", None)
    if more is None:
        return ends
    return ends | set(more if isinstance(more, list) else [more])


def _prefill(loaded: "LoadedModel", prompts: Sequence[Sequence[int]], num_samples: int) -> _Decoder:
    """Run the prompts, padded on the left, and repeat each for its completions."""
    width = max(len(prompt) for prompt in prompts)
    input_ids = torch.full((len(prompts), width), int(loaded.tokenizer.pad_token_id))
    attention_mask = torch.zeros_like(input_ids)
    for index, prompt in enumerate(prompts):
        input_ids[index, width - len(prompt) :] = torch.tensor(prompt)
        attention_mask[index, width - len(prompt) :] = 1
    input_ids, attention_mask = input_ids.to(loaded.device), attention_mask.to(loaded.device)
    positions = (attention_mask.cumsum(dim=1) - 1).clamp(min=0)
    cache = DynamicCache(config=loaded.model.config)
    logits = _last_logits(loaded, input_ids, attention_mask, positions, cache)
    cache.batch_repeat_interleave(num_samples)
    rows = torch.arange(len(prompts) * num_samples, device=loaded.device)
    return _Decoder(
        loaded=loaded,
        cache=cache,
        attention_mask=attention_mask.repeat_interleave(num_samples, dim=0),
        logits=logits.repeat_interleave(num_samples, dim=0),
        rows=rows,
        alive=torch.ones_like(rows, dtype=torch.bool),
    )


def _last_logits(
    loaded: "LoadedModel",
    input_ids: Tensor,
    attention_mask: Tensor,
    positions: Tensor,
    cache: DynamicCache,
) -> Tensor:
    """Return the float32 logits after each row's last token; `cache` grows in place."""
    output = loaded.model(
        input_ids=input_ids,
        attention_mask=attention_mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return output.logits[:, -1].float()


def _rollouts(tokens: Tensor, logps: Tensor, ends: Tensor) -> list[Rollout]:
    lengths = (tokens >= 0).sum(dim=1).tolist()
    sums = logps.cpu().double().sum(dim=1).tolist()
    last = set(ends.tolist())
    results = []
    for row, length, sum_logp in zip(tokens.tolist(), lengths, sums, strict=True):
        ids = tuple(row[:length])
        results.append(Rollout(completion_ids=ids, stopped=ids[-1] in last, sum_logp=sum_logp))
    return results
