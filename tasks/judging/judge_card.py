"""What is known about a judge, for the report beside its scores."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCard:
    """How far a judge can be trusted.

    `accuracy` is its agreement with labels that it was not fitted on, on `num_held_out` texts
    (null and 0 for judges that are not fitted).
    """

    name: str
    what: str
    accuracy: float | None = None
    num_held_out: int = 0
