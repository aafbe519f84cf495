"""What was spent, as the journal has it."""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from storage.input_error import InputError
from storage.tables.spending import Spending
from tasks.sampling.api.journal_database import connect
from tasks.sampling.api.journal_tables import SCHEMA
from tasks.sampling.api.reply import Outcome

_REPLIES = ", ".join(f"'{outcome}'" for outcome in Outcome if outcome.is_reply)
_QUERY = f"""
SELECT run, stage, model,
    sum(outcome IN ({_REPLIES})) AS calls,
    sum(outcome IS NOT NULL AND outcome NOT IN ({_REPLIES})) AS attempts_failed,
    coalesce(sum(prompt_tokens), 0) AS prompt_tokens,
    coalesce(sum(completion_tokens), 0) AS completion_tokens,
    coalesce(sum(CASE WHEN prompt_tokens IS NULL THEN coalesce(spent_tokens, held_tokens) END), 0)
        AS tokens_unreported,
    CASE WHEN min(priced) THEN sum(coalesce(spent_usd, held_usd)) END AS cost_usd
FROM attempts
WHERE (:run IS NULL OR run = :run) AND (:stage IS NULL OR stage = :stage)
GROUP BY run, stage, model ORDER BY min(min(started_at)) OVER (PARTITION BY run), stage, model
"""  # noqa: S608  - the outcomes are names of this program


def spending(
    connection: sqlite3.Connection,
    *,
    run: str | None = None,
    stage: str | None = None,
    reused: Mapping[str, int] | None = None,
) -> list[Spending]:
    """Return what each run spent on each model, oldest run first; of one run or stage if named.

    An attempt that is still open counts as the most that it can cost. `reused` are calls of this
    run that the journal answered, by model.
    """
    again = Counter(reused or {})
    rows = [
        Spending(
            stage=row["stage"],
            flow_run=row["run"],
            model=row["model"],
            calls=row["calls"],
            calls_reused=again.pop(row["model"], 0),
            attempts_failed=row["attempts_failed"],
            prompt_tokens=row["prompt_tokens"],
            completion_tokens=row["completion_tokens"],
            tokens_unreported=row["tokens_unreported"],
            cost_usd=row["cost_usd"],
        )
        for row in connection.execute(_QUERY, {"run": run, "stage": stage}).fetchall()
    ]
    return [*rows, *(_free(stage or "", run or "", model, n) for model, n in again.items())]


def read_ledger(path: Path) -> list[Spending]:
    """Return what each run spent on each model, by the journal at `path`.

    Raises:
        InputError: there is no journal yet.
    """
    if not path.is_file():
        raise InputError(f"there is no journal at {str(path)!r}: no run has called an API yet")
    connection = connect(path, SCHEMA)
    try:
        return spending(connection)
    finally:
        connection.close()


def _free(stage: str, run: str, model: str, calls_reused: int) -> Spending:
    """Return the row of a model that was only asked what the journal knew."""
    return Spending(
        stage=stage,
        flow_run=run,
        model=model,
        calls=0,
        calls_reused=calls_reused,
        attempts_failed=0,
        prompt_tokens=0,
        completion_tokens=0,
        tokens_unreported=0,
        cost_usd=0.0,
    )
