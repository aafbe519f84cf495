"""The safety check in Prefect."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from prefect import task
from prefect.runtime import flow_run

from storage.manifest import Artifact
from storage.store import Store, open_store
from storage.tables.completions import COMPLETIONS
from storage.tables.demonstrations import DEMONSTRATIONS
from storage.tables.dispreferred import DISPREFERRED
from storage.tables.examples import EXAMPLES
from storage.tables.negatives import NEGATIVES
from storage.tables.pairs import PAIRS
from storage.tables.prompts import PROMPTS
from storage.tables.scores import SCORES
from storage.work import Work
from storage.writer import StageWriter
from tasks.api_key import read_api_key
from tasks.evaluation.safety.params import SafetyBounds, SafetyParams
from tasks.evaluation.safety.questions import (
    SafetyQuestions,
    dispreferred_of,
    questions_of_curation,
    questions_of_examples,
)
from tasks.judging.judge import Judge
from tasks.judging.judge_name import parse_judge_name
from tasks.judging.make_judge import make_judge
from tasks.sampling.api.connect import base_url
from tasks.stage_run import StageResult, run_stage, shown_progress
from tasks.stored_policy import read_policy

STAGE = "safety-check"
LOGPS_STAGE = "dispreferred-logps"
VERSION = 1
_NOT_IN_KEY = {"device", "batch_size", "api", "budget", *SafetyBounds.model_fields}


@task(name=STAGE, tags=["gpu"])
def safety_check_task(
    policy: str, against: str, data: str, params: SafetyParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Ask a policy and the one that it is checked against, and score what both say.

    `data` is a prompts artifact of curated data, or an examples artifact of a file. Bounds are no part
    of the work: other bounds look at the same scores.

    Raises:
        InputError: the tokenizers differ, nothing can be asked, or the judge does not exist.
    """
    store = open_store(root)
    asked = store.get(data)
    siblings = (
        [asked.outputs[table] for table in ("dispreferred", "pairs", "demonstrations")]
        if asked.table == PROMPTS.name
        else []
    )
    work = Work(
        stage=STAGE,
        stage_version=VERSION,
        params=params.model_dump(mode="json", exclude=_NOT_IN_KEY),
        parents=(policy, against, data, *siblings),
        seed=params.seed,
    )

    def body(writer: StageWriter) -> None:
        from tasks.evaluation.safety.measure import Asked, measure_safety
        from tasks.sampling.model import load_model

        questions = _questions(store, asked, params)
        models = [
            Asked(stored.policy.policy_id, load_model(stored.checkpoint, device=params.device))
            for stored in (read_policy(store, artifact) for artifact in (policy, against))
        ]
        with shown_progress("checking safety"), _judge(store, asked, params) as judge:
            measured = measure_safety(
                models[0], models[1], questions.prompts, questions.dispreferred, judge, params
            )
        writer.write(COMPLETIONS, measured.completions)
        writer.write(SCORES, measured.scores)
        writer.stats(
            SCORES,
            policy_id=models[0].policy_id,
            reference_id=models[1].policy_id,
            prompts_from=questions.prompts_from,
            dispreferred_from=questions.dispreferred_from if questions.dispreferred else "",
            judge="" if judge is None else judge.card.what,
        )

    return run_stage(store, work, (COMPLETIONS, SCORES), body, rerun=rerun)


@task(name=LOGPS_STAGE, tags=["gpu"])
def dispreferred_logps_task(
    policy: str, against: str, negatives: str, device: str, root: str, *, rerun: bool = False
) -> StageResult:
    """Score how likely a policy and the one before it find the dispreferred answers of negatives.

    Raises:
        InputError: an artifact is not what it should be.
    """
    store = open_store(root)
    work = Work(stage=LOGPS_STAGE, stage_version=VERSION, parents=(policy, against, negatives))

    def body(writer: StageWriter) -> None:
        from tasks.evaluation.safety.measure import Asked, dispreferred_scores
        from tasks.sampling.model import load_model

        rows = store.rows(NEGATIVES, store.get(negatives))
        models = [
            Asked(stored.policy.policy_id, load_model(stored.checkpoint, device=device))
            for stored in (read_policy(store, artifact) for artifact in (policy, against))
        ]
        scores = dispreferred_scores(models, dispreferred_of(rows), SafetyParams())
        writer.write(SCORES, scores)

    return run_stage(store, work, (SCORES,), body, rerun=rerun)


def _questions(store: Store, asked: Artifact, params: SafetyParams) -> SafetyQuestions:
    drawn = {"num_prompts": params.num_prompts, "seed": params.seed}
    if asked.table == EXAMPLES.name:
        return questions_of_examples(store.rows(EXAMPLES, asked), **drawn)
    return questions_of_curation(
        store.rows(PROMPTS, asked),
        store.rows(DISPREFERRED, store.get(asked.outputs["dispreferred"])),
        store.rows(PAIRS, store.get(asked.outputs["pairs"])),
        **drawn,
    )


@contextmanager
def _judge(store: Store, asked: Artifact, params: SafetyParams) -> Iterator[Judge | None]:
    """Yield the judge that `params` name, None where they name none.

    One that learns does so from the split `judge` of the data.
    """
    if not params.judge:
        yield None
        return
    if parse_judge_name(params.judge).kind == "llm":
        from tasks.evaluation.safety.llm_safety import llm_safety_judge
        from tasks.sampling.api.journal import open_journal

        api = params.api
        key = read_api_key(base_url(api), key_env=api.key_env, key_block=api.key_block)
        run = flow_run.get_id() or uuid4().hex
        with open_journal(
            store.journal_path, run=run, stage=STAGE, budget=params.budget
        ) as journal:
            yield llm_safety_judge(params, journal, api_key=key)
        return
    curated = asked.table == PROMPTS.name
    yield make_judge(
        params.judge,
        signed=params.judge,
        split="judge",
        demonstrations=_rows(store, DEMONSTRATIONS, asked, curated=curated),
        pairs=_rows(store, PAIRS, asked, curated=curated),
        seed=params.seed,
        device=params.device,
    )


def _rows(store: Store, table: Any, asked: Artifact, *, curated: bool) -> list[Any]:
    """Return the rows of a table that was curated with the prompts; none for a file of prompts."""
    return store.rows(table, store.get(asked.outputs[table.name])) if curated else []
