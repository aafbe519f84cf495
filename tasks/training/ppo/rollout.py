"""What the policy answers in one iteration of PPO."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from tasks.judging.judge import Question
from tasks.sampling.draw import uniforms
from tasks.sampling.encoding import Encoded, completion_text, encode_prompt
from tasks.sampling.model import LoadedModel
from tasks.sampling.rollout import Rollout, rollout
from tasks.training.ppo.params import PPOParams

_ROLLOUT_ROWS = 512  # answers drawn side by side, which bounds the memory of their keys and values


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt and its token ids."""

    prompt: Prompt
    prompt_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One drawn answer: its ids, and the question that the reward judge is asked about it."""

    encoded: Encoded
    question: Question

    @property
    def stopped(self) -> bool:
        """Whether the policy ended the answer itself."""
        return self.question.completion.finish_reason == "stop"


def encode_prompts(
    prompts: Sequence[Prompt], loaded: LoadedModel, params: PPOParams
) -> list[Asked]:
    """Return the prompts with their ids, cut so that an answer fits behind them.

    Raises:
        InputError: the model's context has no room for `response_length` and one prompt token, or
            a prompt cannot be rendered.
    """
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
        Asked(prompt, encode_prompt(prompt.messages, loaded.tokenizer, max_prompt_tokens=limit))
        for prompt in prompts
    ]


def shuffled(asked: Sequence[Asked], seed: int) -> Iterator[Asked]:
    """Yield all prompts in a shuffled order, again and again, each time in another one."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from (asked[index] for index in torch.randperm(len(asked), generator=generator))


def draw_answers(
    loaded: LoadedModel, asked: Sequence[Asked], params: PPOParams, iteration: int
) -> list[Answer]:
    """Return `samples_per_prompt` answers to each prompt, prompt after prompt.

    Each is drawn with random numbers of its own, made from the seed, the iteration and its place. A
    prompt that is asked twice has answers with further sample indices, so no two have the same id.
    """
    size = max(1, _ROLLOUT_ROWS // params.samples_per_prompt)
    answers: list[Answer] = []
    seen: Counter[str] = Counter()
    for start in range(0, len(asked), size):
        chunk = asked[start : start + size]
        places = [f"ppo:{iteration}:{start + place}" for place in range(len(chunk))]
        drawn = rollout(
            loaded,
            [item.prompt_ids for item in chunk],
            _numbers(places, params),
            temperature=params.temperature,
            top_p=1.0,
        )
        for index, result in enumerate(drawn):
            item = chunk[index // params.samples_per_prompt]
            prompt_id = item.prompt.prompt_id
            answers.append(_answer(loaded, item, result, seen[prompt_id], params))
            seen[prompt_id] += 1
    return answers


def _numbers(places: Sequence[str], params: PPOParams) -> Tensor:
    """Return the uniform numbers of the answers in these places, [answers, tokens]."""
    return torch.stack(
        [
            uniforms(params.seed, place, sample, params.response_length)
            for place in places
            for sample in range(params.samples_per_prompt)
        ]
    )


def _answer(
    loaded: LoadedModel, asked: Asked, result: Rollout, index: int, params: PPOParams
) -> Answer:
    encoded = Encoded(prompt_ids=asked.prompt_ids, completion_ids=result.completion_ids)
    completion = Completion(
        prompt_id=asked.prompt.prompt_id,
        policy="",  # weights in training have no id
        text=completion_text(asked.prompt_ids, result.completion_ids, loaded.tokenizer),
        sample_index=index,
        temperature=params.temperature,
        seed=params.seed,
        finish_reason="stop" if result.stopped else "length",
        num_tokens=len(result.completion_ids),
        sum_logp=result.sum_logp,  # the sampler knows it at temperature 1, whatever it drew at
    )
    return Answer(encoded, Question(asked.prompt, completion))
