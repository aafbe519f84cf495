"""Prompts with all their responses, each prompt once, as one row of tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from tasks.sampling.encoding import Encoded

IN_PROMPT = -1  # `response_of` of a prompt's tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedBatch:
    """One row of tokens: for each prompt `prompt[:-1] | [p_last, r1_1 ..] | [p_last, r2_1 ..] ...`.

    The last prompt token stands before each response and a response's last token is left out, so
    each token of a response segment has exactly one target, the token that follows it. Position
    ids start again at len(prompt) - 1 in each segment. There is no padding between prompts.

    `prompt_of` and `response_of` name each token's prompt and response, counted over the batch;
    prompt tokens have the response -1. `scored` are the places of the response segments' tokens,
    `targets` what follows them. The rest is how attention finds its blocks: `prompt_slots` and
    `response_slots` are the tokens' places in one padded row per prompt and per response (padding
    repeats place 0), `prompt_rows` each response's prompt, and `unslot` the way back: where each
    token stands in all prompt slots followed by all response slots.
    """

    input_ids: Int[Tensor, "1 tokens"]
    position_ids: Int[Tensor, "1 tokens"]
    prompt_of: Int[Tensor, " tokens"]
    response_of: Int[Tensor, " tokens"]
    scored: Int[Tensor, " scored"]
    targets: Int[Tensor, " scored"]
    prompt_slots: Int[Tensor, "prompts most_prompt"]
    prompt_lengths: Int[Tensor, " prompts"]
    response_slots: Int[Tensor, "responses most_response"]
    prompt_rows: Int[Tensor, " responses"]
    unslot: Int[Tensor, " tokens"]

    @staticmethod
    def of(tensors: Mapping[str, Tensor]) -> "PackedBatch":
        """Return the batch whose fields are among `tensors`."""
        return PackedBatch(**{field.name: tensors[field.name] for field in fields(PackedBatch)})

    def to(self, device: torch.device) -> "PackedBatch":
        """Return the batch on `device`."""
        return PackedBatch(**{name: value.to(device) for name, value in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """Return the fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def pack_responses(groups: Sequence[Sequence[Encoded]]) -> PackedBatch:
    """Return the packed batch of `groups`, on the CPU; a group is the responses of one prompt.

    Raises:
        ValueError: there is no group, a group is empty or has several prompts, or a response has
            no token.
    """
    for group in groups:
        _check(group)
    if not groups:
        raise ValueError("a packed batch needs at least one prompt with a response")
    segments: list[_Segment] = []
    num_responses = 0
    for index, group in enumerate(groups):
        prompt = group[0].prompt_ids
        segments.append(_Segment(index, IN_PROMPT, 0, prompt[:-1], ()))
        for row in group:
            ids = (prompt[-1], *row.completion_ids[:-1])
            segments.append(
                _Segment(index, num_responses, len(prompt) - 1, ids, row.completion_ids)
            )
            num_responses += 1
    return _laid_out(segments)


@dataclass(frozen=True, slots=True)
class _Segment:
    """A prompt without its last token, or a response behind it."""

    prompt: int
    response: int
    start: int
    ids: tuple[int, ...]
    targets: tuple[int, ...]


def _check(group: Sequence[Encoded]) -> None:
    if not group or any(row.is_empty for row in group):
        raise ValueError("a prompt needs responses that all have tokens; drop empty ones")
    if len({row.prompt_ids for row in group}) > 1:
        raise ValueError("the responses of a group must share one prompt; group them by prompt")


def _laid_out(segments: Sequence[_Segment]) -> PackedBatch:
    lengths = torch.tensor([len(segment.ids) for segment in segments])
    responses = torch.tensor([segment.response for segment in segments])
    prompts = torch.tensor([segment.prompt for segment in segments])
    places = torch.arange(int(lengths.sum())).split(lengths.tolist())
    is_prompt = (responses == IN_PROMPT).tolist()
    of_prompts = [place for place, yes in zip(places, is_prompt, strict=True) if yes]
    of_responses = [place for place, yes in zip(places, is_prompt, strict=True) if not yes]
    prompt_slots = pad_sequence(of_prompts, batch_first=True)
    response_slots = pad_sequence(of_responses, batch_first=True)
    return PackedBatch(
        input_ids=torch.tensor([[token for segment in segments for token in segment.ids]]),
        position_ids=torch.cat(
            [torch.arange(s.start, s.start + len(s.ids)) for s in segments]
        ).unsqueeze(0),
        prompt_of=prompts.repeat_interleave(lengths),
        response_of=responses.repeat_interleave(lengths),
        scored=torch.cat(of_responses),
        targets=torch.tensor([token for segment in segments for token in segment.targets]),
        prompt_slots=prompt_slots,
        prompt_lengths=torch.tensor([len(place) for place in of_prompts]),
        response_slots=response_slots,
        prompt_rows=prompts[responses != IN_PROMPT],
        unslot=_way_back(of_prompts, of_responses, prompt_slots, response_slots),
    )


def _way_back(
    of_prompts: Sequence[Tensor],
    of_responses: Sequence[Tensor],
    prompt_slots: Tensor,
    response_slots: Tensor,
) -> Tensor:
    """Return where each token stands in the flattened prompt slots and then response slots."""
    num_tokens = sum(len(place) for place in (*of_prompts, *of_responses))
    unslot = torch.zeros(num_tokens, dtype=torch.long)
    for slots, rows, offset in (
        (prompt_slots, of_prompts, 0),
        (response_slots, of_responses, prompt_slots.numel()),
    ):
        for index, place in enumerate(rows):
            start = offset + index * slots.shape[1]
            unslot[place] = torch.arange(start, start + len(place))
    return unslot
