"""Alarms of a policy that drifts off: KL, entropy, length, forgetting, a reward that cannot read."""

from tasks.training.watch.alarm import Alarm
from tasks.training.watch.watched_run import WatchedRun

EXPLODED_KL = 25.0
"""Nats per sequence. Small models stay readable at 4 to 15; at 29 a policy said 'great great', at 200
gibberish."""
COLLAPSED_ENTROPY = 0.5
"""The policy's choices at a token are less than the square root of what they were."""
GROWN_LENGTH = 1.5
"""Answers half as long again: judges and people prefer longer answers, whatever they say."""
FORGOTTEN_LOSS = 1.1
"""Held-out loss a tenth above its best: more than the scatter of a few hundred texts."""
FLAT_REWARD = 0.02
"""A reward between 0 and 1 that rises by less has not risen."""
PAID_KL = 5.0
"""Nats per sequence that some gain should have been bought with."""
UNREAD_SHARE = 0.2
"""The policy cannot learn from answers without a reward; a fifth of them bends what it learns."""


def kl_explosion(run: WatchedRun) -> Alarm | None:
    """Return an alarm at the highest KL, if that is beyond `EXPLODED_KL` and the budget."""
    kl = run.get("kl", "kl/forward")
    if kl is None:
        return None
    highest = max(kl.values)
    bound = max(EXPLODED_KL, run.parameter("max_kl", 0.0))
    if highest <= bound:
        return None
    step = kl.steps[kl.values.index(highest)]
    held = "raise kl_coefficient" if run.method in {"ppo", "grpo", "rloo"} else "raise beta"
    return Alarm(
        "kl_explosion",
        f"KL to the reference reached {highest:.1f} nats per sequence at step {step}: the policy no "
        f"longer writes the reference's language, and rewards and margins mean little. Lower "
        f"learning_rate ({run.params.learning_rate:g}) to a third, {held}, train fewer steps, or set "
        "a KL bound (max_kl, kl_stop)",
        step,
        highest,
    )


def entropy_collapse(run: WatchedRun) -> Alarm | None:
    """Return an alarm if the entropy of a token fell below half of what it was.

    Not for SFT, where a falling entropy is what is learned.
    """
    if run.method == "sft":
        return None
    entropy, per_token = run.get("entropy"), 1.0
    lengths = run.get("response_length")
    start_length = end_length = per_token
    if entropy is None and lengths is not None:  # PPO's entropy is that of an answer
        entropy = run.get("objective/entropy")
        start_length, end_length = max(lengths.start, 1.0), max(lengths.end, 1.0)
    if entropy is None or entropy.start <= 0:
        return None
    before, after = entropy.start / start_length, entropy.end / end_length
    if after >= COLLAPSED_ENTROPY * before:
        return None
    return Alarm(
        "entropy_collapse",
        f"entropy fell from {before:.2f} to {after:.2f} nats a token: the policy says the same thing "
        "again and again. Lower learning_rate, hold it closer to the reference (beta, "
        "kl_coefficient), or stop earlier; distinct-2 of its answers shows how far it went",
        entropy.end_step,
        after,
    )


def length_growth(run: WatchedRun) -> Alarm | None:
    """Return an alarm if the policy's own answers became `GROWN_LENGTH` times as long.

    The response length of a method that learns from given answers is that of the data, so there the
    answers to the watched prompts are measured.
    """
    lengths = run.get("completions/mean_length")
    if lengths is None and run.method == "ppo":
        lengths = run.get("response_length")
    if lengths is not None:
        start, end, step = lengths.start, lengths.end, lengths.end_step
    else:
        by_step: dict[int, list[int]] = {}
        for item in run.completions:
            by_step.setdefault(item.step, []).append(item.completion.num_tokens)
        if len(by_step) < 2:  # noqa: PLR2004  - a growth has two ends
            return None
        first, step = min(by_step), max(by_step)
        start, end = (sum(by_step[at]) / len(by_step[at]) for at in (first, step))
    if start <= 0 or end < GROWN_LENGTH * start:
        return None
    return Alarm(
        "length_growth",
        f"answers grew from {start:.1f} to {end:.1f} tokens: length may be what is rewarded. Compare "
        "at equal length, hold lengths of chosen and rejected answers alike, or use a "
        "length-normalised loss or a length penalty in the reward",
        step,
        end / start,
    )


def forgetting(run: WatchedRun) -> Alarm | None:
    """Return an alarm if held-out loss rose, or KL was spent without a gain in reward."""
    held_out = run.get("eval_loss")
    if held_out is not None:
        best = min(held_out.values)
        last = held_out.values[-1]
        if best > 0 and last > FORGOTTEN_LOSS * best:
            return Alarm(
                "forgetting",
                f"held-out loss rose from {best:.3g} to {last:.3g}: the policy forgets what is not in "
                "its training rows. Use fewer epochs, a lower learning_rate, LoRA, or early stopping",
                held_out.end_step,
                last / best,
            )
    kl, reward = run.get("kl"), run.get("objective/scores", "reward")
    if kl is None or reward is None or kl.end < PAID_KL:
        return None
    gain = reward.end - reward.start
    if gain > max(FLAT_REWARD, 2 * reward.stderr):
        return None
    return Alarm(
        "forgetting",
        f"KL to the reference is {kl.end:.1f} nats per sequence and the reward changed by {gain:+.3f} "
        "only: the policy drifts away for nothing. Lower learning_rate, raise kl_coefficient, and "
        "check that the reward tells the answers apart",
        kl.end_step,
        kl.end,
    )


def reward_unread(run: WatchedRun) -> Alarm | None:
    """Return an alarm if the reward judge could not read many answers."""
    unread = run.get("objective/unread")
    if unread is None or unread.end <= UNREAD_SHARE:
        return None
    return Alarm(
        "reward_unread",
        f"the reward could not read {unread.end:.0%} of the answers: what is left is no fair sample of "
        "them. Raise response_length, shorten the prompts, or choose a reward that reads all answers",
        unread.end_step,
        unread.end,
    )
