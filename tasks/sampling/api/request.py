"""One call of an API, before it is made."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

Endpoint = Literal["/chat/completions", "/decisions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """What is sent: `body` is the JSON object of the endpoint, with its `model`.

    `sample_index` tells apart draws that are asked for with the same body. The body must decide
    the reply's distribution: no key, no time, no random number goes in.
    """

    endpoint: Endpoint = "/chat/completions"
    body: Mapping[str, Any]
    sample_index: int = 0

    @property
    def model(self) -> str:
        """The model that is asked."""
        return str(self.body["model"])

    @property
    def num_choices(self) -> int:
        """How many texts are asked for in this one call."""
        return int(self.body.get("n") or 1)

    def canonical(self, base_url: str) -> bytes:
        """Return the call as canonical JSON: server, endpoint and body with sorted keys.

        Raises:
            TypeError: the body is not JSON.
        """
        call = {"base_url": base_url, "endpoint": self.endpoint, "body": self.body}
        return orjson.dumps(call, option=orjson.OPT_SORT_KEYS)

    def key(self, base_url: str) -> str:
        """Return 64 hex digits: the sha256 over the canonical JSON and the sample index."""
        return hashlib.sha256(b"%b#%d" % (self.canonical(base_url), self.sample_index)).hexdigest()
