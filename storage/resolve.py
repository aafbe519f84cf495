"""From what a person wrote to the artifact that is meant."""

import re
from difflib import get_close_matches

from storage.index import Index
from storage.input_error import InputError
from storage.manifest import Artifact
from storage.root import Root
from storage.tables.all_tables import ALL_TABLES
from storage.tags import LATEST, read_tag, read_tags

_MIN_PREFIX = 4
_NUM_SHOWN = 3
_PREFIX = re.compile(rf"[0-9a-f]{{{_MIN_PREFIX},32}}\Z")
_HOW = f"Give an artifact id, a unique prefix of at least {_MIN_PREFIX} digits, a tag or `latest`."


def resolve_reference(root: Root, index: Index, table: str | None, reference: str) -> Artifact:
    """Return the artifact that `reference` means, of `table` or, with None, of any.

    A tag comes before a prefix. Superseded artifacts are found by id, prefix and tag; `latest` is
    the newest that is not superseded.

    Raises:
        InputError: there is no such table, no such artifact, more than one, or it is of another
            table.
    """
    _check_table(table)
    wanted = reference.strip().lower()
    if wanted == LATEST:
        artifacts = index.artifacts(table, limit=1)
    elif tagged := read_tag(root, wanted):
        artifacts = [_tagged(root, index, wanted, tagged)]
    else:
        artifacts = index.starting_with(wanted) if _PREFIX.match(wanted) else []
    fitting = [artifact for artifact in artifacts if table in (None, artifact.table)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise InputError(
            f"{reference!r} is the start of {len(fitting)} artifacts: {_listing(fitting)}. Give "
            "more digits."
        )
    if table is not None and artifacts:
        raise InputError(_other_table(table, reference, artifacts[0]))
    raise InputError(_nothing(root, index, table, reference))


def unknown_artifact(root: Root, index: Index, identifier: str) -> InputError:
    """Return the error for an id that no visible artifact has."""
    newest = index.artifacts(superseded=True)
    close = get_close_matches(identifier, [a.artifact_id for a in newest], n=1)
    guess = f" Did you mean {close[0]}?" if close else ""
    shown = f" The newest are {_listing(newest[:_NUM_SHOWN])}." if newest else " It is empty."
    return InputError(f"the store {root.location!r} has no artifact {identifier!r}.{guess}{shown}")


def _tagged(root: Root, index: Index, tag: str, identifier: str) -> Artifact:
    artifact = index.get(identifier)
    if artifact is None:
        raise InputError(
            f"the tag {tag!r} leads to the artifact {identifier!r}, which is not in the store "
            f"{root.location!r}. Let it lead to another one. {_HOW}"
        )
    return artifact


def _check_table(table: str | None) -> None:
    names = [known.name for known in ALL_TABLES]
    if table is not None and table not in names:
        close = get_close_matches(table, names, n=1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise InputError(f"there is no table {table!r}.{guess} There are {', '.join(names)}.")


def _other_table(table: str, reference: str, artifact: Artifact) -> str:
    message = (
        f"{reference!r} is the artifact {artifact.artifact_id} of table {artifact.table!r}, but "
        f"one of table {table!r} is needed."
    )
    if sibling := artifact.outputs.get(table):
        message += f" The same stage run wrote {table!r} as {sibling}."
    return f"{message} {_HOW}"


def _nothing(root: Root, index: Index, table: str | None, reference: str) -> str:
    """Return the message for a reference that fits nothing: what there is instead."""
    of_table = f" of table {table!r}" if table else ""
    existing = index.artifacts(table, superseded=True)
    if not existing:
        return (
            f"{reference!r} means nothing: the store {root.location!r} has no artifact{of_table} "
            "yet. Run a stage that writes one first."
        )
    if reference.strip().lower() == LATEST:
        return (
            f"`latest` means nothing: all {len(existing)} artifacts{of_table} are superseded by "
            f"hand. The newest are {_listing(existing)}. Give an id, or run the stage again."
        )
    ids = {artifact.artifact_id for artifact in existing}
    tags = [name for name, identifier in read_tags(root).items() if identifier in ids]
    close = get_close_matches(reference.strip().lower(), [*tags, *ids, LATEST], n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    return (
        f"{reference!r} is no artifact{of_table} in the store {root.location!r}.{guess} The newest "
        f"of {len(existing)} are {_listing(existing)}. Tags: {', '.join(tags) or 'none'}. {_HOW}"
    )


def _listing(artifacts: list[Artifact]) -> str:
    return ", ".join(
        f"{a.artifact_id} ({a.stage}, {a.created_at[:19]}, {a.rows} rows)"
        for a in artifacts[:_NUM_SHOWN]
    )
