"""A policy's completions of prompts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from tasks.progress import Progress, silent
from tasks.sampling.draw import uniforms
from tasks.sampling.encoding import completion_text, encode_prompt
from tasks.sampling.params import SamplingParams
from tasks.sampling.rollout import Rollout, rollout

if TYPE_CHECKING:
    from tasks.sampling.model import LoadedModel


@dataclass(frozen=True, slots=True)
class _Request:
    """A prompt, its place among all prompts, and its ids."""

    index: int
    prompt: Prompt
    prompt_ids: tuple[int, ...]


def sample(
    loaded: "LoadedModel",
    prompts: Sequence[Prompt],
    *,
    policy_id: str,
    num_samples: int,
    params: SamplingParams,
    seed: int,
    progress: Progress = silent,
) -> list[Completion]:
    """Return `num_samples` completions of each prompt, in the order of the prompts.

    Each completion is drawn with its own random numbers, made from `seed`, the prompt's id and
    the sample index: it does not depend on its neighbours, except that another batch shape rounds
    the matrix products differently, which can tip a draw that lies within that rounding.

    Raises:
        InputError: `num_samples` is below 1, the model's context has no room for `max_tokens`
            and one prompt token, or a prompt cannot be rendered.
    """
    if num_samples < 1:
        raise InputError(f"num_samples is {num_samples}; draw at least 1 completion per prompt")
    limit = _prompt_limit(loaded, params)
    requests = [
        _Request(
            index=index,
            prompt=prompt,
            prompt_ids=encode_prompt(prompt.messages, loaded.tokenizer, max_prompt_tokens=limit),
        )
        for index, prompt in enumerate(prompts)
    ]
    total = len(requests) * num_samples
    drawn: dict[tuple[int, int], Completion] = {}
    progress(0, total)
    for batch, indices in _batches(requests, num_samples, params.batch_size):
        for (request, sample_index), result in zip(
            ((request, sample_index) for request in batch for sample_index in indices),
            _draw_batch(loaded, batch, indices, params, seed),
            strict=True,
        ):
            drawn[request.index, sample_index] = Completion(
                prompt_id=request.prompt.prompt_id,
                policy=policy_id,
                text=completion_text(request.prompt_ids, result.completion_ids, loaded.tokenizer),
                sample_index=sample_index,
                temperature=params.temperature,
                seed=seed,
                finish_reason="stop" if result.stopped else "length",
                num_tokens=len(result.completion_ids),
                sum_logp=result.sum_logp,
            )
        progress(len(drawn), total)
    return [drawn[key] for key in sorted(drawn)]


def _draw_batch(
    loaded: "LoadedModel",
    batch: Sequence[_Request],
    indices: range,
    params: SamplingParams,
    seed: int,
) -> list[Rollout]:
    """Return the rollouts of each prompt's sample indices, prompt after prompt."""
    uniform = torch.stack(
        [
            uniforms(seed, request.prompt.prompt_id, sample_index, params.max_tokens)
            for request in batch
            for sample_index in indices
        ]
    )
    return rollout(
        loaded,
        [request.prompt_ids for request in batch],
        uniform,
        temperature=params.temperature,
        top_p=params.top_p,
    )


def _batches(
    requests: Sequence[_Request], num_samples: int, batch_size: int
) -> Iterator[tuple[Sequence[_Request], range]]:
    """Yield prompts of similar length, longest first, with the sample indices to draw of each."""
    order = sorted(requests, key=lambda request: len(request.prompt_ids), reverse=True)
    num_prompts = max(1, batch_size // num_samples)
    for start in range(0, len(order), num_prompts):
        for first in range(0, num_samples, batch_size):
            yield (
                order[start : start + num_prompts],
                range(first, min(num_samples, first + batch_size)),
            )


def _prompt_limit(loaded: "LoadedModel", params: SamplingParams) -> int:
    """Return how many prompt tokens fit beside `max_tokens` in the model's context."""
    context = getattr(loaded.model.config, "max_position_embeddings", None)
    if context is None:
        return params.max_prompt_tokens
    if context <= params.max_tokens:
        raise InputError(
            f"max_tokens is {params.max_tokens} but the model's context holds {context} tokens "
            f"for prompt and completion; set max_tokens below {context}"
        )
    return min(params.max_prompt_tokens, int(context) - params.max_tokens)
