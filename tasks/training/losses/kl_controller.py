"""The weight of the KL penalty, driven to a target."""

MAX_ERROR = 0.2


def next_kl_coefficient(coefficient: float, kl: float, *, target: float, gain: float) -> float:
    """Return the next weight of the KL penalty after a measured `kl`, in nats per answer.

    coefficient * (1 + gain * e) with e = (kl - target) / target, cut to [-0.2, 0.2]: a policy
    that is too far away pays more, one that is closer than it may be pays less (Ziegler et al.,
    arXiv 1909.08593, section 2.2, which has the gain 0.1).
    """
    error = min(max((kl - target) / target, -MAX_ERROR), MAX_ERROR)
    return coefficient * (1 + gain * error)
