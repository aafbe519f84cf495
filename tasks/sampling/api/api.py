"""Whoever can be asked."""

from collections.abc import Sequence
from typing import Protocol

from tasks.progress import Progress, silent
from tasks.sampling.api.reply import ApiReply
from tasks.sampling.api.request import ApiRequest


class Api(Protocol):
    """An OpenAI-compatible server behind a journal, or what stands for it in a dry run."""

    def ask(self, requests: Sequence[ApiRequest], progress: Progress = silent) -> list[ApiReply]:
        """Return one reply per request, in the same order, whatever became of each."""
