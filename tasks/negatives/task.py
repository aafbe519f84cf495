"""The negatives stage in Prefect."""

from prefect import task

from storage.input_error import InputError
from storage.store import open_store
from storage.tables.dispreferred import DISPREFERRED
from storage.tables.negatives import NEGATIVES
from storage.tables.pairs import PAIRS
from storage.work import Work
from storage.writer import StageWriter
from tasks.negatives.anchors import draw_anchors
from tasks.negatives.params import NegativesParams
from tasks.negatives.without_anchors import without_anchors
from tasks.sampling.template_set import templates_fingerprint
from tasks.stage_run import StageResult, run_stage, shown_progress
from tasks.stored_policy import read_policy

STAGE = "negatives"
VERSION = 3


@task(name=STAGE, tags=["gpu"])
def negatives_task(
    pairs: str,
    dispreferred: str,
    policy: str,
    params: NegativesParams,
    root: str,
    *,
    rerun: bool = False,
) -> StageResult:
    """Turn the training rows of pairs and bare dispreferred answers into negatives with anchors.

    Raises:
        InputError: neither has a row in the split train, or there are no such templates.
    """
    store = open_store(root)
    work = Work(
        stage=STAGE,
        stage_version=VERSION,
        params=params.model_dump(mode="json", exclude={"device", "batch_size"}),
        parents=(pairs, dispreferred, policy),
        seed=params.seed,
        inputs=templates_fingerprint(params.templates),
    )

    def body(writer: StageWriter) -> None:
        from tasks.sampling.model import load_model

        compared = [row for row in store.rows(PAIRS, store.get(pairs)) if row.split == "train"]
        alone = store.rows(DISPREFERRED, store.get(dispreferred))
        negatives = without_anchors(compared, [row for row in alone if row.split == "train"])
        if not negatives:
            raise InputError(
                f"neither pairs {pairs[:12]} nor dispreferred {dispreferred[:12]} has a row in the "
                "split train, so there is nothing to move away from; ingest more rows, or lower "
                "curate.eval_share and curate.judge_share"
            )
        drawing = read_policy(store, policy)
        loaded = load_model(drawing.checkpoint, device=params.device)
        with shown_progress("sampling anchors for negatives") as progress:
            anchored = draw_anchors(
                negatives[: params.limit or None],
                loaded,
                policy_id=drawing.policy.policy_id,
                params=params,
                progress=progress,
            )
        writer.write(NEGATIVES, anchored)
        num_bare = sum(row.pair_id is None for row in anchored)
        writer.stats(NEGATIVES, num_negatives=len(anchored), num_bare=num_bare)

    return run_stage(store, work, (NEGATIVES,), body, rerun=rerun)
