"""Alarms of losses that compare answers: both fall, all too easy, nothing moves, loss near 0."""

from tasks.training.watch.alarm import Alarm
from tasks.training.watch.watched_run import WatchedRun

FALLEN_NATS = 10.0
"""The preferred answers are e^10 times less likely than before: probability goes neither to them nor
to what resembles them. A few nats are usual, since likelihood flows to answers that are not in the
data (Razin et al., arXiv 2410.08847)."""
FALLEN_SHARE = 0.3
"""Below this share of the rejected answers' fall, the gap opens mainly from the right side."""
SURE_ACCURACY = 0.99
EARLY_SHARE = 0.1
"""A preference worth learning is not told right for all pairs within a tenth of the steps."""
LEAST_STEPS = 10
"""Shorter runs have no beginning and no end to compare."""
STILL_NATS = 0.5
"""A margin below this makes the one answer at most e^0.5 = 1.6 times as likely against the other."""
STILL_KL = 0.1
"""Nats per sequence that a single small optimizer step can make."""
ZERO_LOSS = 0.05
"""-log sigmoid of a margin of 3: each further step has less than 5 % of the first one's gradient,
and Adam, which divides by the gradient's size, takes full steps along what is left."""
PAIR_METHODS = frozenset({"dpo", "kto", "d2o"})


def both_logps_falling(run: WatchedRun) -> Alarm | None:
    """Return an alarm if the preferred answers became far less likely with the rejected ones."""
    chosen, rejected = run.get("rewards/chosen"), run.get("rewards/rejected")
    if chosen is None or rejected is None:
        return None
    beta = run.parameter("beta", 1.0)
    alpha = run.parameter("alpha", beta) if run.method == "d2o" else beta
    up, down = chosen.end / beta, rejected.end / alpha
    if up > -FALLEN_NATS or down > -FALLEN_NATS or up > FALLEN_SHARE * down:
        return None
    what = "self-samples" if run.method == "d2o" else "chosen answers"
    mend = (
        "raise num_samples of the negatives or set margin_cutoff to 2"
        if run.method == "d2o"
        else "add an SFT term on the chosen answers"
    )
    return Alarm(
        "both_logps_falling",
        f"the {what} are {-up:.1f} nats less likely than before training, the rejected ones "
        f"{-down:.1f}: both fall, and probability goes to texts outside the data. Training is too "
        f"aggressive: lower learning_rate ({run.params.learning_rate:g}) to a third, raise beta "
        f"({beta:g}), or {mend}",
        chosen.end_step,
        up,
    )


def accuracy_at_once(run: WatchedRun) -> Alarm | None:
    """Return an alarm if nearly all pairs are told apart within the first steps.

    Not for D2O, whose margin compares self-samples with answers that the policy would not give.
    """
    accuracies = run.get("rewards/accuracies")
    if accuracies is None or run.method == "d2o" or run.num_steps < LEAST_STEPS:
        return None
    until = max(4, EARLY_SHARE * run.num_steps)
    early = [
        value
        for step, value in zip(accuracies.steps, accuracies.values, strict=True)
        if 1 < step <= until  # before the first step equal models prefer nothing
    ]
    if not early or sum(early) / len(early) < SURE_ACCURACY:
        return None
    return Alarm(
        "accuracy_at_once",
        f"accuracy is {sum(early) / len(early):.2f} by step {int(until)}: the pairs are told apart by "
        "something easy, such as length, a refusal phrase or formatting, and not by what they were made for. "
        "Look at the length check of curate, and compare answers of like length and style",
        int(until),
        sum(early) / len(early),
    )


def no_movement(run: WatchedRun) -> Alarm | None:
    """Return an alarm if the policy answers after training as before."""
    margins, kl = run.get("rewards/margins"), run.get("kl")
    moved = [] if margins is None else [abs(margins.end) / run.parameter("beta", 1.0) / STILL_NATS]
    moved += [] if kl is None else [abs(kl.values[-1]) / STILL_KL]
    if not moved or max(moved) >= 1 or run.num_steps < LEAST_STEPS:
        return None
    found = [] if margins is None else [f"margins are {margins.end:.3g}"]
    found += [] if kl is None else [f"KL is {kl.values[-1]:.3g} nats per sequence"]
    beta = f", lower beta ({run.parameter('beta', 0):g})" if hasattr(run.params, "beta") else ""
    return Alarm(
        "no_movement",
        f"after {run.num_steps} steps {' and '.join(found)}: training had no effect. It is too "
        f"conservative: raise learning_rate ({run.params.learning_rate:g}) three to ten times{beta}, "
        "or train for more steps",
        run.num_steps,
        max(moved),
    )


def loss_near_zero(run: WatchedRun) -> Alarm | None:
    """Return an alarm if the loss all but vanished, which is no success."""
    loss = run.get("loss")
    if loss is None or run.method not in {*PAIR_METHODS, "sft"} or loss.end > ZERO_LOSS:
        return None
    if run.method in PAIR_METHODS and getattr(run.params, "loss_type", "sigmoid") != "sigmoid":
        return None  # other losses have another zero
    return Alarm(
        "loss_near_zero",
        f"loss is {loss.end:.3g}, and a loss near 0 is not success. {_ZERO[run.method]}",
        loss.end_step,
        loss.end,
    )


_ZERO = {
    "d2o": (
        "The negative's log-probability runs away without bound, which lets the loss vanish whatever "
        "the self-samples do; the text decays meanwhile. Look at kl and at answers. Keep self-samples "
        "of the frozen reference, set margin_cutoff to 2, raise beta, lower learning_rate, and keep "
        "max_kl low"
    ),
    "dpo": (
        "The pairs are memorised, and what is still learned pushes both answers apart without end: use "
        "fewer epochs or a lower learning_rate, raise beta, or more and harder pairs"
    ),
    "kto": "The answers are memorised: use fewer epochs, a lower learning_rate or more answers",
    "sft": "The demonstrations are memorised word for word: use fewer epochs or more demonstrations",
}
