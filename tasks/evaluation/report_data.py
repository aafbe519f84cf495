"""Everything that a report is made of, as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from storage.tables.completions import Completion
from storage.tables.estimates import Estimate
from storage.tables.policies import Policy
from storage.tables.prompts import Prompt
from storage.tables.scores import Score
from storage.tables.training_steps import TrainingStep
from tasks.judging.judge_card import JudgeCard

METHOD_ORDER = ("base", "sft", "dpo", "kto", "d2o", "ppo", "rloo", "grpo")
_METHOD_NAMES = {method: method.upper() for method in METHOD_ORDER} | {"base": "Base"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """The rows of one evaluation and what made them.

    `reference_id` is the policy that gains are counted from (the SFT policy), null where there is
    none. `artifact_ids` gives what went in and came out its artifact id. `notes` are sentences
    about counts that no table holds: ties, refused rows, skipped texts.
    """

    source: str
    model: str
    seed: int
    created_at: str
    policies: Sequence[Policy]
    reference_id: str | None
    estimates: Sequence[Estimate]
    training_steps: Sequence[TrainingStep] = ()
    prompts: Sequence[Prompt] = ()
    completions: Sequence[Completion] = ()
    scores: Sequence[Score] = ()
    judges: Sequence[JudgeCard] = ()
    artifact_ids: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def compared(self) -> dict[str, str]:
        """`names` without base models, whose distance would flatten every plot."""
        bases = {policy.policy_id for policy in self.policies if policy.method == "base"}
        return {key: name for key, name in self.names.items() if key not in bases}

    @property
    def names(self) -> dict[str, str]:
        """Policy ids to names, in the order of a report: methods, told apart by id if needed."""
        return policy_names(self.policies)


def policy_names(policies: Sequence[Policy]) -> dict[str, str]:
    """Return policy ids to names: base, SFT, DPO, D2O, PPO first; two of a method carry their id."""
    order = {method: index for index, method in enumerate(METHOD_ORDER)}
    ranked = sorted(
        policies, key=lambda row: (order.get(row.method, len(order)), row.method, row.policy_id)
    )
    methods = [policy.method for policy in ranked]
    return {
        policy.policy_id: _METHOD_NAMES.get(policy.method, policy.method)
        + (f" {policy.policy_id[:4]}" if methods.count(policy.method) > 1 else "")
        for policy in ranked
    }
