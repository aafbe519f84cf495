"""Self-samples of the policy in training."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.table import Message
from tasks.sampling.draw import uniforms
from tasks.sampling.encoding import completion_text, encode_prompt
from tasks.sampling.instructions import instructed, shared_out
from tasks.sampling.model import LoadedModel
from tasks.sampling.rollout import Rollout, rollout
from tasks.sampling.template_set import load_templates
from tasks.training.d2o.params import D2OParams

_ROLLOUT_ROWS = 512  # samples drawn side by side, which bounds the memory of their keys and values

Messages = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class SelfSample:
    """A fresh self-sample: its token ids, and what is stored about it."""

    completion_ids: tuple[int, ...]
    completion: Completion


@dataclass(frozen=True, slots=True)
class _Request:
    """A prompt as the policy is asked it, and which of its samples are drawn like this."""

    messages: Messages
    prompt_id: str
    prompt_ids: tuple[int, ...]
    places: range
    is_bare: bool


@dataclass(frozen=True, slots=True)
class SelfSampler:
    """Draws self-samples from the policy as it is.

    Every sample has random numbers of its own, made from the seed, the step, its prompt and its
    place among the prompt's samples; they do not depend on what else is drawn.
    """

    policy: LoadedModel
    params: D2OParams
    bf16: bool

    def draw(self, prompts: Mapping[Messages, str], step: int) -> dict[Messages, list[SelfSample]]:
        """Return K self-samples of each prompt, drawn after optimizer step `step`.

        `prompts` gives each one's id. They are drawn under templates in turn, as `shared_out` says.
        `sum_logp` is null where the policy saw more than the prompt.

        Raises:
            InputError: the model's context has no room for `response_tokens` and a prompt token,
                or a prompt cannot be rendered.
        """
        drawn: dict[Messages, list[SelfSample]] = {messages: [] for messages in prompts}
        training = self.policy.model.training
        self.policy.model.eval()
        # training's arithmetic, so that a sample is drawn from the policy that will score it
        with torch.autocast(self.policy.device.type, torch.bfloat16, enabled=self.bf16):
            for requests in self._requests(prompts):
                for request, place, result in self._rollouts(requests, step):
                    drawn[request.messages].append(self._sample(request, place, result))
        self.policy.model.train(training)
        return drawn

    def _requests(self, prompts: Mapping[Messages, str]) -> Iterator[list[_Request]]:
        """Yield what all prompts are asked under one template, template after template."""
        params = self.params
        templates = load_templates(params.sample_templates)
        limit = self._prompt_limit()
        first = 0
        for name, count in shared_out(
            list(templates), params.max_samples, params.templated_samples
        ).items():
            instruction = templates.get(name, "")
            yield [
                _Request(
                    messages=messages,
                    prompt_id=prompt_id,
                    prompt_ids=encode_prompt(
                        instructed(messages, instruction),
                        self.policy.tokenizer,
                        max_prompt_tokens=limit,
                    ),
                    places=range(first, first + count),
                    is_bare=not instruction,
                )
                for messages, prompt_id in prompts.items()
            ]
            first += count

    def _rollouts(
        self, requests: Sequence[_Request], step: int
    ) -> Iterator[tuple[_Request, int, Rollout]]:
        """Yield each request's draws; prompts of like length are drawn side by side."""
        params = self.params
        order = sorted(requests, key=lambda request: len(request.prompt_ids), reverse=True)
        size = max(1, _ROLLOUT_ROWS // max(1, params.max_samples))
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            wanted = [(request, place) for request in batch for place in request.places]
            numbers = [
                uniforms(
                    params.seed, f"d2o:{step}:{request.prompt_id}", place, params.response_tokens
                )
                for request, place in wanted
            ]
            results = rollout(
                self.policy,
                [request.prompt_ids for request in batch],
                torch.stack(numbers),
                temperature=params.temperature,
                top_p=params.top_p,
            )
            for (request, place), result in zip(wanted, results, strict=True):
                yield request, place, result

    def _sample(self, request: _Request, place: int, result: Rollout) -> SelfSample:
        ids = result.completion_ids
        completion = Completion(
            prompt_id=request.prompt_id,
            policy="",  # weights in training have no id
            text=completion_text(request.prompt_ids, ids, self.policy.tokenizer),
            sample_index=place,
            temperature=self.params.temperature,
            seed=self.params.seed,
            finish_reason="stop" if result.stopped else "length",
            num_tokens=len(ids),
            sum_logp=result.sum_logp if request.is_bare else None,
        )
        return SelfSample(completion_ids=ids, completion=completion)

    def _prompt_limit(self) -> int:
        """Return how many prompt tokens fit beside `response_tokens` in the model's context."""
        params = self.params
        context = getattr(self.policy.model.config, "max_position_embeddings", None)
        if context is None:
            return params.max_prompt_tokens
        if context <= params.response_tokens:
            raise InputError(
                f"response_tokens is {params.response_tokens} but the model's context holds "
                f"{context} tokens for prompt and answer; set response_tokens below {context}"
            )
        return min(params.max_prompt_tokens, int(context) - params.response_tokens)
