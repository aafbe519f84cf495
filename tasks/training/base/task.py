"""The base model in Prefect."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task

from storage.store import open_store
from storage.tables.demonstrations import DEMONSTRATIONS
from storage.tables.policies import POLICIES, Policy
from storage.work import Work
from storage.writer import StageWriter
from tasks.stage_run import StageResult, run_stage
from tasks.stored_policy import weights_sha256
from tasks.training.base.base_model import make_base_model, model_fingerprint
from tasks.training.sft.params import SFTParams
from tasks.training.task import stored

if TYPE_CHECKING:
    pass

VERSION = 1


@task(name="base-model")
def base_model_task(model: str, demonstrations: str, params: SFTParams, root: str) -> StageResult:
    """Return the policy that training starts from, made from the demonstrations if `scratch:`."""
    store = open_store(root)
    scratch = model.startswith("scratch:")
    made_with = {"vocab_size": params.vocab_size, "context_tokens": params.context_tokens}
    work = Work(
        stage="base-model",
        stage_version=VERSION,
        params={"model": model, **made_with} if scratch else {},
        parents=(demonstrations,) if scratch else (),
        seed=params.seed if scratch else 0,
        inputs=model_fingerprint(model),
    )

    def body(writer: StageWriter) -> None:
        rows = store.rows(DEMONSTRATIONS, store.get(demonstrations)) if scratch else []
        texts = [row for row in rows if row.split == "train"]
        with tempfile.TemporaryDirectory(prefix="prefline-base-") as directory:
            base = make_base_model(model, texts, params, Path(directory))
            policy = Policy(
                method="base",
                base_model=model,
                checkpoint=str(base.resolve()),
                weights_sha256=weights_sha256(base),
                params=json.dumps(work.params),
            )
            # other models stay where they are: a copy of a large one helps nobody
            writer.write(POLICIES, [stored(store, policy, base) if scratch else policy])

    return run_stage(store, work, (POLICIES,), body, rerun=False)
