"""Anthropic's HH-RLHF: two transcripts that differ in the last reply.

Source: Bai et al. 2022, arXiv 2204.05862. The original DPO code cuts both transcripts at the last
`Assistant:` of the chosen one; here they are compared turn by turn, because some differ earlier.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.ingest.answered import demonstration_of, pair_of
from tasks.ingest.params import IngestParams
from tasks.ingest.record import Kept, Record, fault_of, refuse
from tasks.ingest.split import place_prompt

SHAPES = (("chosen", "rejected"),)
LABELER = "Anthropic/hh-rlhf"
_TURN = re.compile(r"\n\n(Human|Assistant):")
_ROLES = {"Human": "user", "Assistant": "assistant"}


@dataclass(frozen=True, slots=True)
class Replies:
    """What both transcripts share, and the one reply of each that follows it."""

    messages: tuple[Message, ...]
    chosen: str
    rejected: str


def hh_rlhf_rows(records: Iterable[Record], params: IngestParams) -> Iterator[Kept | Refusal]:
    """Yield a prompt, its pair and the chosen reply as a demonstration, or a refusal, per row.

    Replies keep the space that follows `Assistant:`, so they continue the transcript verbatim.
    """
    for record in records:
        fault = fault_of(record, SHAPES[0])
        compared = fault or compare(record.values["chosen"], record.values["rejected"])
        if isinstance(compared, str):
            yield refuse(record, params.source, compared)
        else:
            yield _kept(record, compared, params)


def compare(chosen: str, rejected: str) -> Replies | str:
    """Return the replies of two transcripts after all that they share, or why there are none.

    After the shared turns each side must consist of exactly one Assistant turn. White space around
    a turn does not count.
    """
    ours, theirs = _turns(chosen), _turns(rejected)
    fault = _fault(ours, theirs)
    if fault:
        return fault
    shared = _num_shared(ours, theirs)
    if len(ours) != shared + 1 or len(theirs) != shared + 1:
        return "transcripts differ before the last reply"
    if all(turn.role != "user" for turn in ours[:shared]):
        return "no Human turn before the reply"
    return Replies(
        messages=tuple(ours[:shared]),
        chosen=f" {ours[-1].content}",
        rejected=f" {theirs[-1].content}",
    )


def _turns(transcript: str) -> list[Message]:
    """Return the turns of a transcript, none if it does not begin with one."""
    preamble, *parts = _TURN.split(transcript)
    if preamble.strip():
        return []
    return [
        Message(_ROLES[speaker], text.strip())
        for speaker, text in zip(parts[::2], parts[1::2], strict=True)
    ]


def _fault(ours: list[Message], theirs: list[Message]) -> str:
    """Return why two transcripts end in no two replies, empty if they do."""
    if not ours or not theirs:
        return "not a transcript"
    if "user" in (ours[-1].role, theirs[-1].role):
        return "ends on a Human turn"
    if not ours[-1].content or not theirs[-1].content:
        return "empty last reply"
    return "chosen equals rejected" if ours == theirs else ""


def _num_shared(ours: list[Message], theirs: list[Message]) -> int:
    shared = 0
    for mine, other in zip(ours, theirs, strict=False):
        if mine != other:
            break
        shared += 1
    return shared


def _kept(record: Record, replies: Replies, params: IngestParams) -> Kept:
    prompt = place_prompt(params, replies.messages, origin=record.origin)
    return Kept(
        prompt=prompt,
        demonstrations=(demonstration_of(prompt, replies.chosen),),
        pairs=(pair_of(prompt, chosen=replies.chosen, rejected=replies.rejected, labeler=LABELER),),
    )
