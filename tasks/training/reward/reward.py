"""What an answer earns: the score of a judge that never evaluates."""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.input_error import InputError
from storage.tables.demonstrations import Demonstration
from storage.tables.pairs import PreferencePair
from storage.tables.verdicts import Verdict
from tasks.judging.judge import Judge, Question
from tasks.judging.judge_name import default_reward, reward_name
from tasks.judging.make_judge import make_judge


@dataclass(frozen=True, slots=True)
class Rewards:
    """One reward an answer, and how many answers the judge could not read."""

    values: tuple[float, ...]
    num_unread: int


def reward_judge(name: str, source: str) -> str:
    """Return the name of the judge that rewards; `auto` is the source's default.

    Raises:
        InputError: `auto` for a source whose only judge is the one that evaluates.
    """
    if name != "auto":
        return name
    reward = default_reward(source)
    if reward is None:
        raise InputError(
            f"a policy of source {source!r} would be rewarded by its only judge, 'choice', which "
            "then could not evaluate; name another judge for evaluation and set reward=choice, or "
            "train with DPO or D2O"
        )
    return reward


def make_reward(
    name: str,
    source: str,
    *,
    demonstrations: Sequence[Demonstration],
    pairs: Sequence[PreferencePair],
    seed: int,
    device: str,
) -> Judge:
    """Return the judge that rewards; one that has to learn learns from the split `train`.

    So `lexical` is another classifier, fitted on other texts, than the judge of the same kind that
    evaluates (which learns from the split `judge`), and signs as `lexical-train`.

    Raises:
        InputError: as `reward_judge`, no such judge, or too little to learn from.
    """
    judge = reward_judge(name, source)
    return make_judge(
        judge,
        signed=reward_name(judge),
        split="train",
        demonstrations=demonstrations,
        pairs=pairs,
        seed=seed,
        device=device,
    )


def reward_answers(judge: Judge, questions: Sequence[Question]) -> Rewards:
    """Return the reward of each answer: the judge's probability, or its score where it has none.

    An answer that a judge here cannot read earns 0, the least of a probability (or the least of the
    other scores, if that is below 0): left out, it would cost the policy nothing to become
    unreadable. Where a language model was asked, its reply is what could not be read, or did not
    come; the answer then earns the mean of the others, which says nothing about it. How many there
    were is counted.
    """
    verdicts = judge.judge(questions)
    found = [_reward(verdict) for verdict in verdicts]
    read = [reward for reward in found if reward is not None]
    lowest = min(0.0, *read) if read else 0.0
    mean = sum(read) / len(read) if read else 0.0
    return Rewards(
        values=tuple(
            reward if reward is not None else mean if verdict.rubric else lowest
            for reward, verdict in zip(found, verdicts, strict=True)
        ),
        num_unread=len(found) - len(read),
    )


def require_some_read(rewards: Rewards, judge: str) -> None:
    """Check that the judge called `judge` could read at least one answer.

    Raises:
        InputError: it could read none, so every answer would earn the same.
    """
    num_answers = len(rewards.values)
    if rewards.num_unread == num_answers:
        raise InputError(
            f"the reward judge {judge!r} could read none of {num_answers} answers, so there is "
            "nothing to learn from; train the policy by SFT first until it answers in a form that "
            "the judge reads, or take another reward"
        )


def _reward(verdict: Verdict) -> float | None:
    return verdict.score if verdict.probability is None else verdict.probability
