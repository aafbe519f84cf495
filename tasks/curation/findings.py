"""What the checks found, as rows of the report."""

from collections import Counter
from collections.abc import Mapping, Sequence

from storage.tables.quality import QualityFinding
from tasks.curation.length_bias import LengthBias


class Report:
    """Gathers findings about the examples of a source, and reasons to stop."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._findings: list[QualityFinding] = []
        self._failures: list[str] = []

    @property
    def findings(self) -> tuple[QualityFinding, ...]:
        """All findings so far."""
        return tuple(self._findings)

    @property
    def failures(self) -> tuple[str, ...]:
        """Why the data must not be used, empty if it may."""
        return tuple(self._failures)

    def found(self, check: str, action: str, num_checked: int, reasons: Mapping[str, int]) -> None:
        """Report the examples that a check found, counted by reason."""
        num_found = sum(reasons.values())
        self._add(
            check,
            action,
            num_checked=num_checked,
            num_found=num_found,
            metric="share",
            value=num_found / num_checked if num_checked else None,
            flagged=num_found > 0,
            detail="; ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items())),
        )
        if action == "fail" and num_found:
            self._failures.append(
                f"{check}: {num_found:,} of {num_checked:,} examples ({'; '.join(reasons)}); set "
                f"{check} to 'quarantine' to take them out, or to 'warn' to use them all the same"
            )

    def length_bias(self, bias: LengthBias, action: str, unit: str) -> None:
        """Report the difference in length of chosen and rejected answers."""
        detail = (
            f"chosen {bias.mean_chosen_tokens:.1f}, rejected {bias.mean_rejected_tokens:.1f} "
            f"{unit} on average; chosen is longer in {bias.share_chosen_longer:.1%}"
        )
        self._add(
            "length_bias",
            action,
            num_checked=bias.num_pairs,
            num_found=bias.num_pairs if bias.flagged else 0,
            metric=f"difference_{unit}",
            value=bias.difference_tokens,
            low=bias.low,
            high=bias.high,
            flagged=bias.flagged,
            detail=detail,
        )
        if action == "fail" and bias.flagged:
            self._failures.append(
                f"length_bias: {detail}; balance the data, or set length_bias to 'warn'"
            )

    def splits(self, clusters: Sequence[str], splits: Sequence[str]) -> None:
        """Report how many examples each split has, and clusters that stand in more than one."""
        placed = set(zip(clusters, splits, strict=True))
        torn = [name for name, count in Counter(name for name, _ in placed).items() if count > 1]
        num_clusters = len(set(clusters))
        sizes = ", ".join(f"{split} {count:,}" for split, count in sorted(Counter(splits).items()))
        self._add(
            "splits",
            "fail",
            num_checked=num_clusters,
            num_found=len(torn),
            metric="share",
            value=len(torn) / num_clusters if num_clusters else None,
            flagged=bool(torn),
            detail=f"examples: {sizes or 'none'}",
        )
        if torn:
            self._failures.append(f"{len(torn):,} clusters of prompts stand in more than one split")

    def _add(
        self,
        check: str,
        action: str,
        *,
        num_checked: int,
        num_found: int,
        metric: str,
        value: float | None,
        flagged: bool,
        detail: str,
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        self._findings.append(
            QualityFinding(
                source=self._source,
                check_name=check,
                action=action,
                num_checked=num_checked,
                num_found=num_found,
                metric=metric,
                value=value,
                low=low,
                high=high,
                flagged=flagged,
                detail=detail,
            )
        )
