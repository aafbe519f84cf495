"""What people compare: two or more answers to one prompt."""

from dataclasses import dataclass

from storage.tables.table import Message, row_id

SIDES = "abcdefghi"
"""The letters that answers are called by, in the order of the item; never the order on a screen."""
TIE, BOTH_BAD, SKIP = "tie", "both_bad", "skip"
"""What can be said besides which answer is best. A skip is no opinion: somebody else is asked."""
MOST_RESPONSES = len(SIDES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One of the answers; `policy` is who wrote it, empty if unknown. People see the text alone."""

    completion_id: str
    text: str
    policy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonItem:
    """Answers to one prompt that people compare; the first response is side a.

    `judge` names who compared them before, empty if nobody did, and `judged` is what came of it: the
    letter of the better side or tie. `gold` is the letter of the side that is known to be best, or
    tie; null for an ordinary comparison. Gold items measure annotators and give no pairs.
    """

    prompt_id: str
    source: str
    split: str
    messages: tuple[Message, ...]
    origin: str
    responses: tuple[Response, ...]
    judge: str = ""
    judged: str | None = None
    gold: str | None = None

    @property
    def item_id(self) -> str:
        """Id over the prompt and the compared answers in their order."""
        return row_id(self.prompt_id, [response.completion_id for response in self.responses])

    @property
    def sides(self) -> str:
        """The letters of the responses."""
        return SIDES[: len(self.responses)]

    def side(self, letter: str) -> Response:
        """Return the response that is called `letter`.

        Raises:
            KeyError: the item has no such side.
        """
        if letter not in self.sides or len(letter) != 1:
            raise KeyError(letter)
        return self.responses[SIDES.index(letter)]
