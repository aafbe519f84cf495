"""The few calls that make a batch and fetch what came of it; each is made once."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from tasks.sampling.api.batch_faults import UnreachableError, once
from tasks.sampling.api.refused import without_key
from tasks.sampling.api.reply import Outcome

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types import Batch

T = TypeVar("T")
ENDPOINT: Final = "/v1/chat/completions"
TOKEN = "prefline"  # noqa: S105  - a name in the metadata, no secret
_PAGE = 100
_CLOCKS_DIFFER_SECONDS = 24 * 3600.0


class BatchCalls:
    """The batch endpoint behind an openai client without retries.

    Every call raises `UnreachableError` where another try may fare better, and `InputError` where
    none would: the key, the account, a server without a batch endpoint.
    """

    def __init__(self, openai: "AsyncOpenAI") -> None:
        self._openai = openai

    async def upload(self, content: bytes, token: str) -> str:
        """Return the id of a new file of requests."""
        file = (f"{token}.jsonl", content, "application/jsonl")
        return _id_of(
            await self._once(lambda: self._openai.files.create(file=file, purpose="batch"))
        )

    async def create(self, file_id: str, token: str) -> str:
        """Return the id of a new batch, which carries its token at the provider."""
        made = await self._once(
            lambda: self._openai.batches.create(
                completion_window="24h",
                endpoint=ENDPOINT,
                input_file_id=file_id,
                metadata={TOKEN: token},
            )
        )
        return _id_of(made)

    async def find(self, token: str, created_at: float) -> str | None:
        """Return the id of the batch that carries a token, None if the provider has none."""
        page = await self._once(lambda: self._openai.batches.list(limit=_PAGE))
        while True:
            listed: object = getattr(page, "data", None)
            if not isinstance(listed, list):
                raise _not_understood()
            for batch in page.data:
                if (batch.metadata or {}).get(TOKEN) == token:
                    return _id_of(batch)
            is_past = page.data and page.data[-1].created_at < created_at - _CLOCKS_DIFFER_SECONDS
            if is_past or not page.has_next_page():
                return None
            page = await self._once(page.get_next_page)

    async def retrieve(self, batch_id: str) -> "Batch":
        """Return the batch as it stands."""
        batch = await self._once(lambda: self._openai.batches.retrieve(batch_id), made=batch_id)
        if _id_of(batch) != batch_id or not isinstance(batch.status, str):
            raise _not_understood()
        return batch

    async def download(self, file_id: str) -> bytes:
        """Return the bytes of a file, without the key that an error in it may repeat."""
        found = await self._once(lambda: self._openai.files.content(file_id), made=file_id)
        return without_key(found.content, self._openai.api_key)

    async def _once(self, make: Callable[[], Awaitable[T]], made: str = "") -> T:
        return await once(make, self._openai.api_key, made)


def _id_of(made: object) -> str:
    """Return the id of what the client made of a reply, which may have been any JSON or text.

    Raises:
        UnreachableError: it has none.
    """
    found = getattr(made, "id", None)
    if not isinstance(found, str) or not found:
        raise _not_understood()
    return found


def _not_understood() -> UnreachableError:
    return UnreachableError(Outcome.NOT_A_COMPLETION, "HTTP 200 with something else than asked for")
