"""A call that brought no answer to a prompt."""

from dataclasses import dataclass

from storage.tables.prompts import Prompt
from tasks.sampling.api.reply import ApiReply, Outcome


@dataclass(frozen=True, slots=True)
class Fault:
    """What became of the call, and why in words."""

    prompt_id: str
    outcome: Outcome
    reason: str

    @property
    def detail(self) -> str:
        """Outcome and reason in one line."""
        return f"{self.outcome}: {self.reason}" if self.reason else str(self.outcome)


def fault_of(prompt: Prompt, reply: ApiReply, step: str = "") -> Fault:
    """Return the fault of a reply without text; `step` says what it was asked for."""
    reason = f"{step}: {reply.reason}" if step else reply.reason
    return Fault(prompt.prompt_id, reply.outcome, reason)
