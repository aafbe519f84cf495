"""Log-probabilities under the reference that an earlier training left behind."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from storage.tables.reference_logps import REFERENCE_LOGPS, ReferenceLogp
from tasks.sampling.encoding import Encoded
from tasks.training.launch.ranks import is_first_rank
from tasks.training.preference.preference_batch import PreferenceExample
from tasks.training.reference.logp_files import KnownLogps

_LOG = logging.getLogger(__name__)

Score = Callable[[Sequence[PreferenceExample]], list[PreferenceExample]]


def with_known_logps(
    examples: Sequence[PreferenceExample],
    row_ids: Sequence[str],
    score: Score,
    directory: Path | None,
    *,
    bf16: bool,
) -> list[PreferenceExample]:
    """Return the examples with their reference log-probabilities, asking `score` for unknown ones.

    A stored one is used where the token ids of prompt and response and the arithmetic are the same;
    the caller gives only those of the same model. `row_ids` name the rows of the examples. An example
    of which any response is unknown is scored whole. Without a `directory`, that of `KnownLogps`,
    all are.
    """
    if directory is None:
        return score(examples)
    files = KnownLogps(directory)
    arithmetic = "bfloat16" if bf16 else "float32"
    stored = _stored(files.known)
    known = {row.tokens_sha256: row.logp for row in stored if row.arithmetic == arithmetic}
    found = [_completed(example, known) for example in examples]
    missing = [index for index, example in enumerate(found) if example is None]
    fresh = iter(score([examples[index] for index in missing]) if missing else [])
    complete = [next(fresh) if example is None else example for example in found]
    _LOG.info(
        "reference log-probabilities: %d examples known, %d computed",
        len(examples) - len(missing),
        len(missing),
    )
    if missing and is_first_rank():
        _write(files.scored, [*stored, *_rows(complete, row_ids, arithmetic)])
    return complete


def tokens_sha256(encoded: Encoded) -> str:
    """Return the hash that tells a prompt with its response from all others."""
    ids = [list(encoded.prompt_ids), list(encoded.completion_ids)]
    return hashlib.sha256(str(ids).encode("ascii")).hexdigest()


def _stored(path: Path) -> list[ReferenceLogp]:
    return list(REFERENCE_LOGPS.from_arrow(pq.read_table(path))) if path.is_file() else []


def _completed(example: PreferenceExample, known: Mapping[str, float]) -> PreferenceExample | None:
    logps = [known.get(tokens_sha256(encoded)) for encoded in example.encoded]
    found = tuple(logp for logp in logps if logp is not None)
    return replace(example, ref_logps=found) if len(found) == len(logps) else None


def _rows(
    examples: Sequence[PreferenceExample], row_ids: Sequence[str], arithmetic: str
) -> Iterator[ReferenceLogp]:
    for row_id, example in zip(row_ids, examples, strict=True):
        scored = zip(example.encoded, example.ref_logps, strict=True)
        for response, (encoded, logp) in enumerate(scored):
            yield ReferenceLogp(
                row_id=row_id,
                response=response,
                arithmetic=arithmetic,
                tokens_sha256=tokens_sha256(encoded),
                num_tokens=len(encoded.completion_ids),
                logp=logp,
            )


def _write(path: Path, rows: Iterable[ReferenceLogp]) -> None:
    """Write the rows, the last of those that are about the same tokens at the same place."""
    last = {(row.row_id, row.response, row.arithmetic, row.tokens_sha256): row for row in rows}
    pq.write_table(REFERENCE_LOGPS.to_arrow(list(last.values())), path)
