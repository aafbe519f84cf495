"""A helpful and a deliberately poor answer to each prompt, as preference pairs."""

from collections.abc import Sequence

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from tasks.judging.comparison import PairwiseJudge
from tasks.pairs.api_completion import answer_or_fault
from tasks.pairs.chat_request import chat_request
from tasks.pairs.fault import Fault
from tasks.pairs.intended_pairs import Intended, intended_pairs, verifier
from tasks.pairs.labeler import Labeler
from tasks.pairs.made_pairs import MadePairs
from tasks.pairs.params import ContrastParams
from tasks.progress import Progress, silent
from tasks.sampling.api.api import Api

HELPFUL, POOR = 0, 1
"""Sample indices of the two answers: both are of one policy, under different system prompts."""
_STEPS = {HELPFUL: "helpful answer", POOR: "poor answer"}


def contrast_pairs(
    prompts: Sequence[Prompt],
    api: Api,
    params: ContrastParams,
    *,
    judge: PairwiseJudge | None = None,
    min_margin: float = 0.0,
    progress: Progress = silent,
) -> MadePairs:
    """Return a pair of each prompt's helpful answer, as chosen, and its poor one.

    Both answers to all prompts are asked for at once. With `verify` the judge compares them, and a
    pair is kept where both orders prefer the helpful answer by at least `min_margin`.

    That two contrasting prompts label the answers by construction is the idea of RLCD (Yang et al.
    2023).

    Raises:
        InputError: as `chat_request`.
        ValueError: `verify` without a judge.
    """
    verified_by = verifier(judge, verify=params.verify, min_margin=min_margin)
    systems = {HELPFUL: params.helpful_system, POOR: params.poor_system}
    asked = [(prompt, index) for prompt in prompts for index in systems]
    requests = [
        chat_request(prompt, params.model, params.chat, system=systems[index])
        for prompt, index in asked
    ]
    replies = api.ask(requests, progress)
    came = [
        answer_or_fault(prompt, request, reply, sample_index=index, step=_STEPS[index])
        for (prompt, index), request, reply in zip(asked, requests, replies, strict=True)
    ]
    both = zip(came[::2], came[1::2], strict=True)
    return intended_pairs(
        prompts,
        [row for row in came if isinstance(row, Completion)],
        [row for row in came if isinstance(row, Fault)],
        {
            helpful.prompt_id: Intended(helpful, poor)
            for helpful, poor in both
            if isinstance(helpful, Completion) and isinstance(poor, Completion)
        },
        labeler=Labeler("llm", f"contrast:{params.model}"),
        verified_by=verified_by,
        progress=progress,
    )
