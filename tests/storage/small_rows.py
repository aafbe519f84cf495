"""Small rows, works and stage runs for the tests of the store."""

from storage.tables.pairs import PreferencePair
from storage.tables.prompts import PROMPTS, Prompt
from storage.tables.quarantine import QUARANTINE, Refusal
from storage.tables.table import Message
from storage.work import Work

INGEST = Work("ingest", 1, {"source": "reviews"}, seed=7)


def prompts(count, *, note=""):
    return [
        Prompt(
            source="reviews",
            split="train",
            messages=(Message("text", f"The film {index}{note}"),),
            cluster=str(index),
            origin=f"reviews.csv:{index + 1}",
        )
        for index in range(count)
    ]


def refusals(count):
    return [
        Refusal(
            source="reviews",
            file="reviews.csv",
            line=index,
            reason="no text",
            raw="",
            raw_sha256="",
        )
        for index in range(count)
    ]


def pair(prompt, *, note=""):
    return PreferencePair(
        prompt_id=prompt.prompt_id,
        source=prompt.source,
        split=prompt.split,
        messages=prompt.messages,
        chosen=f" is good{note}",
        rejected=" is bad",
        labeler_kind="dataset",
        labeler="reviews",
        origin=prompt.origin,
    )


def ingest(store, *, count=3, refused=1, work=INGEST, note="", flow_run_id=""):
    """Commit one ingest run of `count` prompts and `refused` refusals."""
    with store.begin(work, [PROMPTS, QUARANTINE], flow_run_id) as writer:
        writer.write(PROMPTS, prompts(count, note=note))
        writer.write(QUARANTINE, refusals(refused))
        return writer.commit()


def write(store, table, rows, work):
    """Commit one run of one table and return its artifact."""
    with store.begin(work, [table]) as writer:
        writer.write(table, rows)
        return writer.commit()[table.name]


def staged(root):
    """Return what lies in a local root's staging directory, without lock files.

    A process that is killed before it has a directory leaves an empty lock file for an hour.
    """
    return sorted(path.name for path in (root / "tmp").iterdir() if path.suffix != ".lock")


def flip_a_byte(path, *, at=None):
    """Damage one byte of a file, in the middle if not said where."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if at is None else at] ^= 0xFF
    path.write_bytes(content)
