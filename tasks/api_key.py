"""The key of an API: from the environment or from a Prefect Secret block, and into nothing else."""

import os
from typing import Any, cast
from urllib.parse import urlsplit

from prefect.blocks.system import Secret

from storage.input_error import InputError

_LOCAL = {"127.0.0.1", "localhost", "::1"}
NO_KEY = "none"


def read_api_key(base_url: str, *, key_env: str, key_block: str) -> str:
    """Return the key for a server; one on this machine needs none.

    Raises:
        InputError: there is no such block, or no key for a server that is elsewhere.
    """
    if key_block:
        return _from_block(key_block)
    key = os.environ.get(key_env, "").strip()
    if key or urlsplit(base_url).hostname in _LOCAL:
        return key or NO_KEY
    raise InputError(
        f"no key for {base_url}: the environment variable {key_env} is not set. Set it where the "
        "flow runs, name another one as api.key_env, or store the key as a Prefect Secret block and "
        "name that as api.key_block"
    )


def _from_block(name: str) -> str:
    try:
        block = cast("Secret[Any]", Secret.load(name))
    except ValueError as error:
        raise InputError(
            f"there is no Prefect Secret block {name!r}; make one in the UI under Blocks -> Secret, or "
            "leave api.key_block empty and set the environment variable that api.key_env names"
        ) from error
    return str(block.get())
