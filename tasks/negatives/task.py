"""The negatives stage in Prefect."""

from collections import Counter
from pathlib import Path

from prefect import task

from storage.digest import digest_file
from storage.store import Store, open_store
from storage.tables.negatives import NEGATIVES
from storage.tables.pairs import PAIRS
from storage.tables.prompts import PROMPTS
from storage.tables.quarantine import QUARANTINE
from storage.work import Work
from storage.writer import StageWriter
from tasks.negatives.anchors import draw_anchors
from tasks.negatives.bare import BareNegatives, read_bare
from tasks.negatives.from_pairs import negatives_from_pairs
from tasks.negatives.params import NegativesParams
from tasks.stage_run import StageResult, run_stage, shown_progress
from tasks.stored_policy import read_policy

STAGE = "negatives"
VERSION = 1


@task(name=STAGE, tags=["gpu"])
def negatives_task(
    source: str, policy: str, params: NegativesParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Turn the training pairs, or a file of bare negatives, into negatives with anchors.

    `source` is a pairs artifact; with a file it is the prompts artifact whose held-out prompts
    must not be trained on.
    """
    store = open_store(root)
    path = Path(params.path) if params.path else None
    work = Work(
        stage=STAGE,
        stage_version=VERSION,
        params=params.model_dump(mode="json", exclude={"path", "device", "batch_size"}),
        parents=(source, policy),
        seed=params.seed,
        inputs={"negatives": digest_file(path).sha256} if path else {},
    )

    def body(writer: StageWriter) -> None:
        from tasks.sampling.model import load_model

        bare = _read(store, source, path, params)
        drawing = read_policy(store, policy)
        loaded = load_model(drawing.checkpoint, device=params.device)
        with shown_progress("sampling anchors for negatives") as progress:
            anchored = draw_anchors(
                bare.negatives[: params.limit or None],
                loaded,
                policy_id=drawing.policy.policy_id,
                params=params,
                progress=progress,
            )
        writer.write(NEGATIVES, anchored)
        writer.write(QUARANTINE, bare.refusals)
        reasons = Counter(refusal.reason for refusal in bare.refusals)
        writer.stats(NEGATIVES, num_negatives=len(anchored), num_refused=dict(reasons))

    return run_stage(store, work, (NEGATIVES, QUARANTINE), body, rerun=rerun)


def _read(store: Store, source: str, path: Path | None, params: NegativesParams) -> BareNegatives:
    artifact = store.get(source)
    if path:
        prompts = store.rows(PROMPTS, artifact)
        held_out = {row.messages for row in prompts if row.split == "eval"}
        return read_bare(path, prompt_role=params.prompt_role, held_out=held_out)
    pairs = [row for row in store.rows(PAIRS, artifact) if row.split == "train"]
    return BareNegatives(negatives=tuple(negatives_from_pairs(pairs)), refusals=())
