"""A draft and its revision after criticism, as preference pairs.

The steps are those of the supervised stage of Constitutional AI (Bai et al. 2022, section 3.1):
each round draws one principle at random. There the revisions train a model; here the last one is
preferred to the draft.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.table import Message, row_id
from tasks.judging.comparison import PairwiseJudge
from tasks.pairs.api_completion import answer_or_fault
from tasks.pairs.chat_request import chat_request, message_request
from tasks.pairs.critique_prompts import critique_messages, revision_messages
from tasks.pairs.fault import Fault, fault_of
from tasks.pairs.intended_pairs import Intended, intended_pairs, verifier
from tasks.pairs.labeler import Labeler
from tasks.pairs.made_pairs import MadePairs
from tasks.pairs.params import CritiqueReviseParams
from tasks.progress import Progress, silent
from tasks.sampling.api.api import Api
from tasks.sampling.api.reply import ApiReply
from tasks.sampling.api.request import ApiRequest


@dataclass(frozen=True, slots=True)
class _Line:
    """A prompt on its way: the draft and its revisions so far; a fault ends it."""

    prompt: Prompt
    principles: tuple[int, ...]
    answers: tuple[Completion, ...] = ()
    critique: str = ""
    fault: Fault | None = None

    @property
    def text(self) -> str:
        """The latest answer."""
        return self.answers[-1].text

    @property
    def intended(self) -> Intended:
        """The last revision against the draft."""
        drawn = ", ".join(map(str, self.principles))
        return Intended(self.answers[-1], self.answers[0], f"principles {drawn}")

    def answered(self, request: ApiRequest, reply: ApiReply, step: str) -> "_Line":
        """Return the line with the next answer, or with its end."""
        came = answer_or_fault(
            self.prompt, request, reply, sample_index=len(self.answers), step=step
        )
        if isinstance(came, Fault):
            return replace(self, fault=came)
        return replace(self, answers=(*self.answers, came))

    def criticised(self, reply: ApiReply, step: str) -> "_Line":
        """Return the line with the critique of its latest answer, or with its end."""
        if reply.text is None:
            return replace(self, fault=fault_of(self.prompt, reply, step))
        return replace(self, critique=reply.text)


def critique_revise_pairs(
    prompts: Sequence[Prompt],
    api: Api,
    params: CritiqueReviseParams,
    *,
    seed: int,
    judge: PairwiseJudge | None = None,
    min_margin: float = 0.0,
    progress: Progress = silent,
) -> MadePairs:
    """Return a pair of each prompt's last revision, as chosen, and its draft.

    Each step is asked for at once for all prompts whose earlier steps brought a text. Draft and
    revisions are kept as completions with ascending sample indices. With `verify` the judge
    compares the last revision with the draft, and a pair is kept where both orders prefer the
    revision by at least `min_margin`.

    Raises:
        InputError: as `chat_request`.
        ValueError: `verify` without a judge.
    """
    verified_by = verifier(judge, verify=params.verify, min_margin=min_margin)
    steps = _Steps(api, params, progress)
    lines = steps.draft([_Line(prompt, _draw(prompt, params, seed)) for prompt in prompts])
    for number in range(params.num_rounds):
        lines = steps.revise(steps.criticise(lines, number), number)
    return intended_pairs(
        prompts,
        [answer for line in lines for answer in line.answers],
        [line.fault for line in lines if line.fault is not None],
        {line.prompt.prompt_id: line.intended for line in lines if line.fault is None},
        labeler=Labeler("llm", f"critique-revise:{params.model}"),
        verified_by=verified_by,
        progress=progress,
    )


@dataclass(frozen=True, slots=True)
class _Steps:
    """The three calls of the method, each for all lines that have not ended."""

    api: Api
    params: CritiqueReviseParams
    progress: Progress

    def draft(self, lines: Sequence[_Line]) -> list[_Line]:
        """Return the lines with an answer to each prompt."""
        return self._step(
            lines,
            lambda line: chat_request(line.prompt, self.params.model, self.params.chat),
            lambda line, request, reply: line.answered(request, reply, "draft"),
        )

    def criticise(self, lines: Sequence[_Line], number: int) -> list[_Line]:
        """Return the lines with a critique of each latest answer."""
        return self._step(
            lines,
            lambda line: self._request(
                critique_messages(line.prompt, line.text, self._principle(line, number))
            ),
            lambda line, _, reply: line.criticised(reply, f"critique {number + 1}"),
        )

    def revise(self, lines: Sequence[_Line], number: int) -> list[_Line]:
        """Return the lines with a revision of each latest answer."""
        return self._step(
            lines,
            lambda line: self._request(
                revision_messages(
                    line.prompt, line.text, self._principle(line, number), line.critique
                )
            ),
            lambda line, request, reply: line.answered(request, reply, f"revision {number + 1}"),
        )

    def _principle(self, line: _Line, number: int) -> str:
        return self.params.principles[line.principles[number]]

    def _request(self, messages: Sequence[Message]) -> ApiRequest:
        return message_request(messages, self.params.model, self.params.chat)

    def _step(
        self,
        lines: Sequence[_Line],
        request_of: Callable[[_Line], ApiRequest],
        after: Callable[[_Line, ApiRequest, ApiReply], _Line],
    ) -> list[_Line]:
        alive = [line for line in lines if line.fault is None]
        if not alive:
            return list(lines)
        requests = [request_of(line) for line in alive]
        replies = self.api.ask(requests, self.progress)
        came = iter(map(after, alive, requests, replies))
        return [line if line.fault is not None else next(came) for line in lines]


def _draw(prompt: Prompt, params: CritiqueReviseParams, seed: int) -> tuple[int, ...]:
    """Return the principle of each round, drawn by the seed, the prompt and the round."""
    return tuple(
        int(row_id("principle", seed, prompt.prompt_id, number), 16) % len(params.principles)
        for number in range(params.num_rounds)
    )
