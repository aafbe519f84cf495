"""What is logged of an iteration's answers."""

from collections.abc import Sequence

from tasks.training.ppo.experience import Scored
from tasks.training.ppo.rollout import Answer
from tasks.training.reward.reward import Rewards


def iteration_metrics(
    answers: Sequence[Answer], scored: Scored, rewards: Rewards, *, kl_coefficient: float
) -> dict[str, float]:
    """Return the figures of the weights that drew the answers, under the keys of TRL's PPO.

    `objective/kl` (and `kl`, which every method has) is the mean log-ratio to the reference and
    `objective/entropy` minus the mean log-probability, both in nats an answer;
    `objective/scores` is the mean of what the judge said, `objective/rlhf_reward` that less the KL
    penalty; `response_length` is in tokens; `objective/unread` is the share of the answers that the
    judge could not read, or gave no readable reply about, and `objective/stopped` the share that the policy ended itself.
    """
    num_answers = len(answers)
    scores = sum(rewards.values) / num_answers
    penalty = -kl_coefficient * scored.kl
    return {
        "kl": scored.kl,
        "objective/kl": scored.kl,
        "objective/kl_coefficient": kl_coefficient,
        "objective/entropy": -float(scored.logps.double().sum(dim=1).mean()),
        "objective/scores": scores,
        "objective/non_score_reward": penalty,
        "objective/rlhf_reward": scores + penalty,
        "objective/unread": rewards.num_unread / num_answers,
        "objective/stopped": sum(answer.stopped for answer in answers) / num_answers,
        "response_length": float(scored.mask.sum()) / num_answers,
    }
