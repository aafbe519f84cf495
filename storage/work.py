"""Work: what a stage run is asked to do, and the key under which its result is found again."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Work:
    """Everything that decides what a stage run writes.

    `params` is a JSON-able mapping (a parameter model's `model_dump(mode="json")`). `parents` are
    the ids of the artifacts that are read, in the order in which the stage takes them. `inputs`
    maps the name of a file or model from outside the store to the sha256 of its content, so that
    an edited source file is other work. Raise `stage_version` when the stage's code gives other
    rows for the same parameters.
    """

    stage: str
    stage_version: int
    params: Mapping[str, object] = field(default_factory=dict)
    parents: Sequence[str] = ()
    seed: int = 0
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """32 hex digits of the sha256 over this work as canonical JSON.

        `inputs` are part of it: without them an edited source file under the same path would be
        taken for work already done.

        Raises:
            TypeError: a parameter is not JSON-able.
            ValueError: a parameter is NaN or infinite; JSON has no such number.
        """
        work = [self.stage, self.stage_version, dict(self.params), list(self.parents), self.seed]
        canonical = json.dumps(
            [*work, dict(self.inputs)], sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:32]
