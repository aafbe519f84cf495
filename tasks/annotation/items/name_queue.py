"""What a queue is called that nobody has named."""

from pathlib import Path

from tasks.annotation.params import ComparisonsParams


def name_queue(params: ComparisonsParams, origin: str) -> str:
    """Return a name that says where the comparisons come from: a table and an artifact, or a file."""
    if params.source == "file":
        return Path(origin).name
    table, artifact_id = origin.split()
    which = f"{params.which} " if params.source == "verdicts" else ""
    drawn = f", {params.num_comparisons} drawn" if params.num_comparisons else ""
    return f"{which}{table} {artifact_id[:8]}{drawn}"
