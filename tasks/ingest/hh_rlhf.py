"""Anthropic's HH-RLHF: two transcripts that differ in the last reply.

Source: Bai et al. 2022, arXiv 2204.05862. The original DPO code cuts both transcripts at the last
`Assistant:` of the chosen one; here they are compared turn by turn, because some differ earlier.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from storage.tables.examples import Example
from storage.tables.quarantine import Refusal
from storage.tables.table import Message
from tasks.ingest.params import IngestParams
from tasks.ingest.record import Record, example_of, fault_of, refuse

SHAPES = (("chosen", "rejected"),)
LABELER = "Anthropic/hh-rlhf"
_TURN = re.compile(r"\n\n(Human|Assistant):")
_ROLES = {"Human": "user", "Assistant": "assistant"}
_REPLY = "\n\nAssistant:"
_QUESTION = "\n\nHuman:"


@dataclass(frozen=True, slots=True)
class Replies:
    """What both transcripts share, and the one reply of each that follows it."""

    messages: tuple[Message, ...]
    chosen: str
    rejected: str


def hh_rlhf_rows(records: Iterable[Record], params: IngestParams) -> Iterator[Example | Refusal]:
    """Yield a prompt with the chosen and the rejected reply, or a refusal, per row.

    Replies keep the space that follows `Assistant:`, so they continue the transcript verbatim.
    """
    for record in records:
        fault = fault_of(record, SHAPES[0])
        compared = fault or compare(record.values["chosen"], record.values["rejected"])
        if isinstance(compared, str):
            yield refuse(record, params.source, compared)
        else:
            yield example_of(
                record,
                params.source,
                compared.messages,
                chosen=compared.chosen,
                rejected=compared.rejected,
                labeler=LABELER,
            )


def compare(chosen: str, rejected: str) -> Replies | str:
    """Return the replies of two transcripts after all that they share, or why there are none.

    After the shared turns each side must consist of exactly one Assistant turn. White space around
    a turn does not count.
    """
    cut = _start_of_replies(chosen, rejected)
    if cut:
        shared, after = _turns(chosen[:cut]), cut + len(_REPLY)
        if not shared:
            return "not a transcript"
        return _replies(shared, chosen[after:].strip(), rejected[after:].strip())
    ours, theirs = _turns(chosen), _turns(rejected)
    if not ours or not theirs:
        return "not a transcript"
    if "user" in (ours[-1].role, theirs[-1].role):
        return "ends on a Human turn"
    num_shared = _num_shared(ours, theirs)
    if len(ours) == len(theirs) == num_shared:
        num_shared -= 1
    if num_shared + 1 != len(ours) or num_shared + 1 != len(theirs):
        empty = not ours[-1].content or not theirs[-1].content
        return "empty last reply" if empty else "transcripts differ before the last reply"
    return _replies(ours[:num_shared], ours[-1].content, theirs[-1].content)


def _start_of_replies(chosen: str, rejected: str) -> int:
    """Return where the last reply begins if all before it is equal, 0 if something differs.

    Nearly all transcripts are equal up to there, and so are taken apart only once.
    """
    cut = chosen.rfind(_REPLY)
    if cut <= 0 or rejected.rfind(_REPLY) != cut or not rejected.startswith(chosen[:cut]):
        return 0
    has_question_after = chosen.find(_QUESTION, cut) > 0 or rejected.find(_QUESTION, cut) > 0
    return 0 if has_question_after else cut


def _replies(shared: list[Message], chosen: str, rejected: str) -> Replies | str:
    if not chosen or not rejected:
        return "empty last reply"
    if chosen == rejected:
        return "chosen equals rejected"
    if not any(turn.role == "user" for turn in shared):
        return "no Human turn before the reply"
    return Replies(messages=tuple(shared), chosen=f" {chosen}", rejected=f" {rejected}")


def _turns(transcript: str) -> list[Message]:
    """Return the turns of a transcript, none if it does not begin with one."""
    parts = _TURN.split(transcript)
    if parts[0].strip():
        return []
    roles = [_ROLES[speaker] for speaker in parts[1::2]]
    return list(map(Message, roles, [text.strip() for text in parts[2::2]]))


def _num_shared(ours: list[Message], theirs: list[Message]) -> int:
    shared = 0
    for mine, other in zip(ours, theirs, strict=False):
        if mine != other:
            break
        shared += 1
    return shared
