"""Calls about files and batches that fail: for good, or for a while."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from storage.input_error import InputError
from tasks.sampling.api.refused import without_key
from tasks.sampling.api.reply import Outcome

if TYPE_CHECKING:
    from openai import APIStatusError

T = TypeVar("T")
_LONGEST_DETAIL = 300
_QUOTA = {"insufficient_quota", "billing_hard_limit_reached"}
_NO_CREDIT, _TOO_MANY = 402, 429
_PASSING = {408, 409, 425, _TOO_MANY}
_SERVER_ERRORS = 500


class UnreachableError(RuntimeError):
    """A call of the provider failed for a reason that passes."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(f"{outcome}: {detail}")
        self.outcome = outcome
        self.detail = detail


class GoneError(InputError):
    """The provider does not know a batch or a file that it made."""


async def once(make: Callable[[], Awaitable[T]], key: str, made: str = "") -> T:
    """Return what a call returns; `made` is the id of what was made earlier, if it is about that.

    No error leads back to the openai client's, which may hold the key.

    Raises:
        InputError: it is refused, and would be the next time.
        UnreachableError: it failed.
    """
    import openai

    try:
        return await make()
    except openai.APIStatusError as error:
        raise _refused(error, key, made) from None
    except openai.APITimeoutError as error:
        raise UnreachableError(Outcome.TIMEOUT, _shown(error, key)) from None
    except openai.APIConnectionError as error:
        cause = error.__cause__ or error
        detail = f"{type(cause).__name__}: {_shown(cause, key)}"
        raise UnreachableError(Outcome.DISCONNECTED, detail) from None
    except (ValueError, AttributeError) as error:
        # The client lets cut-off JSON fail as it may, and takes a page of HTML for a list.
        raise UnreachableError(Outcome.NOT_JSON, _shown(error, key)) from None


def _refused(error: "APIStatusError", key: str, made: str) -> InputError | UnreachableError:
    """Return what an HTTP status other than 200 means."""
    status = error.status_code
    said = f"(HTTP {status}: {_shown(error.message, key)})"
    where = f"{error.request.url.scheme}://{error.request.url.netloc.decode()}"
    if status in {401, 403}:
        return InputError(
            f"{where} refuses the key {said}; set the variable that api.key_env names, or the "
            "Prefect Secret block that api.key_block names"
        )
    if status == _NO_CREDIT or (
        status == _TOO_MANY and {str(error.code), str(error.type)} & _QUOTA
    ):
        return InputError(
            f"the account at {where} has no credit left {said}; what is paid for is kept, and the "
            "next run goes on from there"
        )
    if status in _PASSING or status >= _SERVER_ERRORS:
        outcome = Outcome.RATE_LIMITED if status == _TOO_MANY else Outcome.SERVER_ERROR
        return UnreachableError(outcome, said.strip("()"))
    if status in {404, 405} and made:
        return GoneError(
            f"{where} does not know {made!r}, whose calls may be paid already {said}; use the key of "
            "the account that made it. If the provider has deleted it, the calls are made again "
            "from 26 hours after it was made"
        )
    if status in {404, 405}:
        return InputError(
            f"{where} has no batch endpoint {said}; set api.batch=false, and check that base_url "
            "ends where its API begins (/v1)"
        )
    return InputError(
        f"{where} refuses the batch {said}; change the requests, or set api.batch=false"
    )


def _shown(error: object, key: str) -> str:
    return without_key(str(error).encode(errors="replace"), key).decode()[:_LONGEST_DETAIL]
