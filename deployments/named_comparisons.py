"""What people are to compare, as options of the command line name it."""

from storage.input_error import InputError

_WHICH = ("undecided", "tied", "all")


def named_comparisons(
    *,
    pairs: str | None,
    verdicts: str | None,
    completions: str | None,
    file: str | None,
    gold: str | None,
) -> list[str]:
    """Return settings of `collect-pairs` for the one source that is named, none if none is.

    Raises:
        InputError: two sources are named, or gold items without ordinary ones.
    """
    given = {"pairs": pairs, "verdicts": verdicts, "completions": completions, "file": file}
    named = {source: value for source, value in given.items() if value is not None}
    if len(named) > 1:
        raise InputError(
            f"{' and '.join(f'--{source}' for source in named)} are both given; a queue has one source"
        )
    if gold is not None and not {"pairs", "verdicts", "completions"} & named.keys():
        raise InputError(
            f"--gold {gold} is mixed into --pairs, --verdicts or --completions, and none is given; a "
            "--file has its gold items in itself"
        )
    settings = [f"comparisons.file={gold}"] if gold is not None else []
    for source, value in named.items():
        settings.append(f"comparisons.source={source}")
        if source == "file":
            settings.append(f"comparisons.file={value}")
        elif source == "verdicts":
            settings += _verdicts(value)
        else:
            settings.append(f"comparisons.reference={value}")
    return settings


def _verdicts(value: str) -> list[str]:
    """Return which comparisons of which verdicts: `undecided`, `undecided:ID`, or an ID alone."""
    which, _, reference = value.partition(":")
    if which not in _WHICH:
        which, reference = "undecided", value
    return [
        f"comparisons.which={which}",
        f"comparisons.reference={reference or 'latest'}",
    ]
