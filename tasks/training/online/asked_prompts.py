"""The prompts of a run, and the order in which they are asked."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from storage.input_error import InputError
from storage.tables.prompts import Prompt
from tasks.sampling.encoding import encode_prompt
from tasks.sampling.model import LoadedModel
from tasks.training.online.params import OnlineParams


@dataclass(frozen=True, slots=True)
class AskedPrompt:
    """A prompt and its token ids."""

    prompt: Prompt
    prompt_ids: tuple[int, ...]


def encode_prompts(
    prompts: Sequence[Prompt], loaded: LoadedModel, params: OnlineParams
) -> list[AskedPrompt]:
    """Return the prompts with their ids, cut so that an answer fits behind them.

    Raises:
        InputError: there is no prompt, the model's context has no room for `response_length` and
            one prompt token, or a prompt cannot be rendered.
    """
    if not prompts:
        raise InputError(
            "there are no prompts to train on; give an artifact that has rows in split train"
        )
    limit = params.max_prompt_tokens
    context = getattr(loaded.model.config, "max_position_embeddings", None)
    if context is not None:
        limit = min(limit, int(context) - params.response_length)
    if limit < 1:
        raise InputError(
            f"response_length is {params.response_length} but the model's context holds {context} "
            f"tokens for prompt and answer; set response_length below {context}"
        )
    return [
        AskedPrompt(
            prompt, encode_prompt(prompt.messages, loaded.tokenizer, max_prompt_tokens=limit)
        )
        for prompt in prompts
    ]


def order_of_prompts(num_prompts: int, length: int, seed: int) -> list[int]:
    """Return `length` numbers of prompts: all in a shuffled order, then all in another one.

    The whole run is laid out at once, so an interrupted one finds its place again.
    """
    generator = torch.Generator().manual_seed(seed)
    order: list[int] = []
    while len(order) < length:
        order += torch.randperm(num_prompts, generator=generator).tolist()
    return order[:length]
