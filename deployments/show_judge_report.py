"""Print how far judges can be trusted."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from storage.input_error import InputError
from storage.store import Store, open_store
from storage.tables.completions import COMPLETIONS
from storage.tables.labels import LABELS, HumanLabel
from storage.tables.verdicts import VERDICTS
from tasks.judging.agreement import JudgeAgreement, agreement
from tasks.judging.judged_comparison import JudgedComparison, judged_comparisons
from tasks.judging.kappa import ClusteredFigure
from tasks.judging.read_judgements import read_judgements

_SHARES = {
    "first_position_rate": ("first answer shown wins", "verdicts"),
    "flip_rate": ("other answer wins when swapped", "comparisons"),
    "longer_wins_rate": ("longer answer wins", "comparisons"),
    "tie_share": ("tie", "verdicts"),
    "unparsable_share": ("unparsable, or no reply", "verdicts"),
    "decided_share": ("both orders name one answer", "comparisons"),
    "accuracy": ("that answer is people's choice", "comparisons"),
}
_COEFFICIENTS = {
    "kappa": ("Cohen's kappa with people", "comparisons"),
    "alpha": ("Krippendorff's alpha with people", "comparisons"),
}


def show_judge_report(
    root: str, reference: str | None, file: str | None, *, as_json: bool = False
) -> None:
    """Print how far each judge of an artifact, or of a file, can be trusted.

    Raises:
        InputError: both are given, neither can be read, or nothing in it was compared.
    """
    judges = agreement(_comparisons(root, reference, file))
    if as_json:
        for judge in judges:
            sys.stdout.write(json.dumps(asdict(judge), ensure_ascii=False, allow_nan=False) + "\n")
    else:
        Console().print(judge_table(judges))


def judge_table(judges: Sequence[JudgeAgreement]) -> Table:
    """Return a block of lines for each judge, which fits 80 columns."""
    table = Table(
        "judge",
        title="how far each judge can be trusted",
        title_justify="left",
        caption="95 % intervals, clustered by prompt. A judge that does not care about order names "
        "the first answer shown in 50 %.",
        caption_justify="left",
        box=SIMPLE_HEAD,
    )
    for name in ("value", "interval", "n"):
        table.add_column(name, justify="right")
    for judge in judges:
        prompts = f"{judge.num_prompts:,} prompt{'' if judge.num_prompts == 1 else 's'}"
        table.add_row(Text(judge.judge, style="bold"), "", "", prompts)
        for field, (title, unit) in _SHARES.items():
            table.add_row(title, *_share(getattr(judge, field), unit))
        for field, (title, unit) in _COEFFICIENTS.items():
            table.add_row(title, *_coefficient(getattr(judge, field), unit))
        table.add_section()
    return table


def _share(figure: ClusteredFigure, unit: str) -> tuple[str, str, str]:
    if figure.value is None or figure.low is None or figure.high is None:
        return _unknown(figure, unit)
    interval = f"{100 * figure.low:.1f} to {100 * figure.high:.1f}"
    return f"{100 * figure.value:.1f} %", interval, _cases(figure, unit)


def _coefficient(figure: ClusteredFigure, unit: str) -> tuple[str, str, str]:
    if figure.value is None or figure.low is None or figure.high is None:
        return _unknown(figure, unit)
    interval = f"{_signed(figure.low)} to {_signed(figure.high)}"
    return _signed(figure.value), interval, _cases(figure, unit)


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # + 0.0: there is no minus zero


def _unknown(figure: ClusteredFigure, unit: str) -> tuple[str, str, str]:
    return "-", "", _cases(figure, unit)


def _cases(figure: ClusteredFigure, unit: str) -> str:
    return f"{figure.num:,} {unit if figure.num != 1 else unit.removesuffix('s')}"


def _comparisons(root: str, reference: str | None, file: str | None) -> list[JudgedComparison]:
    if file is not None and reference is not None:
        raise InputError(
            f"verdicts {reference!r} and --file {file} are both given; report on one of them"
        )
    if file is not None:
        return read_judgements(file)
    return _of_artifact(root, "latest" if reference is None else reference)


def _of_artifact(root: str, reference: str) -> list[JudgedComparison]:
    store = open_store(root, create=False)
    artifact = store.resolve(VERDICTS.name, reference)
    verdicts = store.rows(VERDICTS, artifact)
    if all(verdict.completion_b is None for verdict in verdicts):
        raise InputError(
            f"none of the {len(verdicts):,} verdicts of artifact {artifact.artifact_id[:12]} (made "
            f"by {artifact.stage}) compares two answers: each scores one alone, which has no order "
            "to swap. Name verdicts of a judge that compares (`prefline artifacts --table "
            "verdicts` lists them), or give a file with --file"
        )
    if COMPLETIONS.name not in artifact.outputs:
        raise InputError(
            f"artifact {artifact.artifact_id[:12]} was made by {artifact.stage} together with "
            f"{', '.join(sorted(artifact.outputs))}, but the completions that it compares are "
            "needed too; name verdicts of a run that wrote both"
        )
    completions = store.rows(COMPLETIONS, store.get(artifact.outputs[COMPLETIONS.name]))
    return judged_comparisons(verdicts, completions, _labels(store))


def _labels(store: Store) -> list[HumanLabel]:
    """Return all labels in use of comparisons of two answers that were not known before."""
    found = store.sql(
        "FROM labels WHERE NOT is_gold AND len(completions) = 2 ORDER BY labelled_at, label_id"
    )
    return list(LABELS.from_arrow(found))
