"""Every metric that evaluation writes: its name, unit and direction, in one place.

Names are `<judge>` for the mean of a judge's score, `<judge>/<what>` for a share, and plain words
for what is measured without a judge. A metric that ends in `_of_parsed` is a mean over the answers
that the judge could read; `<judge>/unparsable` beside it says how many it could not. An answer that
cannot be read is never given a value.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tasks.judging.judge_name import JudgeKind

Unit = Literal["share", "probability", "nats", "tokens", "number"]
Direction = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `better` is the direction in which a policy improves."""

    name: str
    title: str
    unit: Unit
    better: Direction
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeMetrics:
    """The metrics that a judge's verdicts become; what a judge does not give is null.

    `score` is the mean of its scores, `preferred` the share of preferred answers (of those that it
    could read, where it has `unparsable`), `unparsable` the share that it could not read.
    """

    score: str | None = None
    preferred: str
    unparsable: str | None = None


JUDGE_METRICS: dict[JudgeKind, JudgeMetrics] = {
    "lexical": JudgeMetrics(score="lexical", preferred="lexical/positive"),
    "oracle": JudgeMetrics(preferred="oracle/positive_of_parsed", unparsable="oracle/unparsable"),
    "choice": JudgeMetrics(
        preferred="choice/risk_averse_of_parsed", unparsable="choice/unparsable"
    ),
}
KL, KL_EXACT = "kl", "kl/exact"
LENGTH, TRUNCATED, DISTINCT_2 = "length", "truncated", "distinct_2"
DEMONSTRATION_NATS, DEMONSTRATION_TOKENS = "demonstration/nats", "demonstration/tokens"
PERPLEXITY = "perplexity"

_METRICS = (
    Metric(
        "lexical/positive",
        "Positive (lexical)",
        "share",
        "higher",
        "share of answers whose words the lexical judge gives a probability above 0.5 of the "
        "preferred class (positive sentiment, or an answer that people chose)",
    ),
    Metric(
        "oracle/positive_of_parsed",
        "Positive (oracle)",
        "share",
        "higher",
        "share of positive answers among those whose sentiment can be read off by the rules that "
        "generate the reviews",
    ),
    Metric(
        "choice/risk_averse_of_parsed",
        "Risk-averse (choice)",
        "share",
        "higher",
        "share of answers that choose the risk-averse option, among those whose choice can be read",
    ),
    Metric(
        "lexical",
        "Lexical score",
        "probability",
        "higher",
        "mean probability of the preferred class under the lexical judge",
    ),
    Metric(
        KL,
        "KL to SFT",
        "nats",
        "neither",
        "KL(policy || reference) of a whole answer in nats, estimated on sampled answers as the sum "
        "of log pi - log pi_ref; never clamped, so single answers may be negative",
    ),
    Metric(
        KL_EXACT,
        "KL to SFT, exact steps",
        "nats",
        "neither",
        "the same divergence with the full next-token distributions at each step: the same mean "
        "with less noise",
    ),
    Metric(
        PERPLEXITY,
        "Perplexity",
        "number",
        "lower",
        "exp of nats per token on held-out demonstrations; a rise shows what alignment forgot",
    ),
    Metric(
        LENGTH,
        "Length",
        "tokens",
        "neither",
        "tokens of an answer, its end token included",
    ),
    Metric(
        DISTINCT_2,
        "Distinct-2",
        "share",
        "higher",
        "distinct word pairs over all word pairs in the answers to one prompt; low when a policy "
        "repeats itself",
    ),
    Metric(
        TRUNCATED,
        "Cut off",
        "share",
        "neither",
        "share of answers that hit the token limit instead of ending",
    ),
    Metric(
        "oracle/unparsable",
        "Unreadable (oracle)",
        "share",
        "lower",
        "share of answers whose sentiment the oracle could not read",
    ),
    Metric(
        "choice/unparsable",
        "Unreadable (choice)",
        "share",
        "lower",
        "share of answers in which no choice, or no existing option, could be read",
    ),
)
METRICS = {metric.name: metric for metric in _METRICS}


def metric_of(name: str) -> Metric:
    """Return what is known of a metric; an unknown one is a plain number without direction."""
    return METRICS.get(name, Metric(name, name, "number", "neither", "not described"))


def in_order(names: Iterable[str]) -> list[str]:
    """Return metric names as a report shows them: judges first, unknown ones last."""
    order = {name: index for index, name in enumerate(METRICS)}
    return sorted(set(names), key=lambda name: (order.get(name, len(order)), name))


def main_metric(names: Iterable[str]) -> str | None:
    """Return the metric that a report leads with: the first share of preferred answers."""
    preferred = {judge.preferred for judge in JUDGE_METRICS.values()}
    return next((name for name in in_order(names) if name in preferred), None)


def is_bounded(name: str) -> bool:
    """Whether every value lies from 0 to 1, so that no interval may leave that range."""
    return metric_of(name).unit in {"share", "probability"}
