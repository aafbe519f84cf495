"""The pairs stage in Prefect."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from uuid import uuid4

from prefect import get_run_logger, task
from prefect.runtime import flow_run

from storage.input_error import InputError
from storage.store import Store, open_store
from storage.tables.completions import COMPLETIONS, Completion
from storage.tables.demonstrations import DEMONSTRATIONS
from storage.tables.outcomes import OUTCOMES
from storage.tables.pairs import PAIRS
from storage.tables.prompts import PROMPTS, Prompt
from storage.tables.spending import SPENDING, Spending
from storage.tables.verdicts import VERDICTS
from storage.work import Work
from storage.writer import StageWriter
from tasks.api_key import read_api_key
from tasks.pairs.check_pairs import check_pairs
from tasks.pairs.connected import Connected, connected
from tasks.pairs.made_pairs import MadePairs
from tasks.pairs.make_pairs import Asked, PolicyAnswers, make_pairs
from tasks.pairs.params import PairsParams
from tasks.pairs.stand_in_policy import StandInPolicy
from tasks.pairs.who_judges import who_judges
from tasks.pairs.work_params import work_params
from tasks.progress import Progress, silent
from tasks.sampling.api.connect import base_url
from tasks.sampling.api.params import ApiParams
from tasks.sampling.api.reply import Outcome
from tasks.stage_run import DryRunResult, PlannedCalls, StageResult, run_stage, shown_progress
from tasks.stored_policy import read_policy

STAGE = "generate-pairs"
VERSION = 2
TABLES = (COMPLETIONS, VERDICTS, PAIRS, OUTCOMES, SPENDING)
PART_OF = "part_of"
"""Manifest entry of a run whose budget or server did not last: the key of the whole work."""


@dataclass(frozen=True, slots=True)
class _Finished:
    """What the stage made, who judged, what it cost, and what it did not get."""

    made: MadePairs
    judge: str | None
    spent: list[Spending]
    unanswered: Counter[Outcome]


class _PartError(Exception):
    """Carries what was made past the commit of the whole work."""

    def __init__(self, finished: _Finished) -> None:
        super().__init__()
        self.finished = finished


@task(name=STAGE, tags=["gpu"])
def pairs_task(
    prompts: str, policies: Sequence[str], params: PairsParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Make preference pairs for prompts by the method of `params`.

    `policies` are the artifacts of those that `params.policies` names, in the same order.

    Where the budget or a server did not last, what was made is kept and said to be incomplete, and the
    same work is taken up again when it is asked for again.

    Raises:
        InputError: the parameters ask for the data set's own pairs, which need no generation, or do
            not fit.
        ApiUnavailableError: not one call brought a reply.
    """
    store = open_store(root)
    work = _work(store, prompts, policies, params)

    def body(writer: StageWriter) -> None:
        finished = _finish(store, prompts, policies, params)
        if finished.unanswered:
            raise _PartError(finished)
        _write(writer, finished)

    try:
        result = run_stage(store, work, TABLES, body, rerun=rerun)
    except _PartError as part:
        result = _keep_part(store, work, part.finished)
    _replace_parts(store, work.key, result)
    return result


@task(name="plan-pairs")
def plan_pairs_task(
    prompts: str, policies: Sequence[str], params: PairsParams, root: str
) -> DryRunResult:
    """Return what making these pairs would ask and spend at most; nothing is asked or written.

    Raises:
        InputError: as `pairs_task`.
    """
    store = open_store(root)
    work = _work(store, prompts, policies, params)
    if store.find(work) is not None:
        return DryRunResult(stage=STAGE, planned=[])
    with _connected(store, params, dry=True) as apis:
        stand_ins = [StandInPolicy(policy, params.on_policy.max_tokens) for policy in policies]
        _make(store, prompts, params, apis, stand_ins, silent)
    planned = [PlannedCalls(**asdict(plan)) for plan in apis.plans]
    return DryRunResult(stage=STAGE, planned=planned)


def _work(store: Store, prompts: str, policies: Sequence[str], params: PairsParams) -> Work:
    if params.method == "dataset":
        raise InputError(
            "pairs.method is 'dataset': those pairs come from ingest as they are and nothing is "
            "generated; use the pairs artifact of ingest, or another method"
        )
    if len(policies) != len(params.policies):
        raise InputError(
            f"pairs.method {params.method!r} asks {len(params.policies)} policies of ours, but "
            f"{len(policies)} are given"
        )
    if len(set(policies)) < len(policies):
        raise InputError(
            f"the policies {list(policies)} hold one twice, whose answers would be the same; name "
            "others in sample_and_judge.models, or raise num_completions"
        )
    check_pairs(params)
    asked = store.get(prompts)
    ingested = (asked.outputs["demonstrations"], asked.outputs["pairs"])
    return Work(
        stage=STAGE,
        stage_version=VERSION,
        params=work_params(params),
        parents=(prompts, *policies, *ingested),
        seed=params.seed,
    )


def _finish(store: Store, prompts: str, policies: Sequence[str], params: PairsParams) -> _Finished:
    """Return what the method makes, with what it cost."""
    with (
        shown_progress(f"making pairs by {params.method}") as progress,
        _connected(store, params, dry=False) as apis,
    ):
        answers = [_policy_answers(store, policy, params, progress) for policy in policies]
        made, judge = _make(store, prompts, params, apis, answers, progress)
        return _Finished(made, judge, apis.spent(), apis.unanswered)


def _make(
    store: Store,
    prompts: str,
    params: PairsParams,
    apis: Connected,
    answers: Sequence[PolicyAnswers],
    progress: Progress,
) -> tuple[MadePairs, str | None]:
    """Return the pairs and the name of the judge that labelled them, None if none did."""
    asked = store.get(prompts)
    rows = store.rows(PROMPTS, asked)
    dataset = store.rows(PAIRS, store.get(asked.outputs["pairs"]))
    judge = who_judges(
        params,
        apis.judging,
        source=rows[0].source if rows else "",
        demonstrations=store.rows(DEMONSTRATIONS, store.get(asked.outputs["demonstrations"])),
        pairs=dataset,
    )
    whom = Asked(api=apis.answering, policies=tuple(answers), judge=judge)
    made = make_pairs(rows, dataset, params, whom, progress)
    return made, judge.judge.name if judge else None


def _policy_answers(
    store: Store, policy: str, params: PairsParams, progress: Progress
) -> PolicyAnswers:
    """Return a policy of ours, which is loaded when it is asked."""
    answering = read_policy(store, policy)

    def answers(prompts: Sequence[Prompt], num_samples: int) -> list[Completion]:
        from tasks.sampling.model import load_model
        from tasks.sampling.sample import sample

        return sample(
            load_model(answering.checkpoint, device=params.on_policy.device),
            prompts,
            policy_id=answering.policy.policy_id,
            num_samples=num_samples,
            params=params.on_policy,
            seed=params.seed,
            progress=progress,
        )

    return answers


def _connected(
    store: Store, params: PairsParams, *, dry: bool
) -> AbstractContextManager[Connected]:
    return connected(
        params,
        store.journal_path,
        run=flow_run.get_id() or uuid4().hex,
        stage=STAGE,
        read_key=None if dry else _read_key,
    )


def _read_key(server: ApiParams) -> str:
    return read_api_key(base_url(server), key_env=server.key_env, key_block=server.key_block)


def _write(writer: StageWriter, finished: _Finished) -> None:
    made = finished.made
    writer.write(COMPLETIONS, made.completions)
    writer.write(VERDICTS, made.verdicts)
    writer.write(PAIRS, made.pairs)
    writer.write(OUTCOMES, made.outcomes)
    writer.write(SPENDING, finished.spent)
    statuses = Counter(outcome.status for outcome in made.outcomes)
    writer.stats(
        PAIRS,
        reward=finished.judge,
        num_prompts=len(made.outcomes),
        num_pairs=len(made.pairs),
        statuses=statuses,
    )


def _keep_part(store: Store, work: Work, finished: _Finished) -> StageResult:
    """Return the artifacts of what was made, as work of its own that does not stand for the whole."""
    rows = [asdict(outcome) for outcome in finished.made.outcomes]
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    part = Work(
        stage=work.stage,
        stage_version=work.stage_version,
        params=work.params,
        parents=work.parents,
        seed=work.seed,
        inputs={"outcomes so far": digest},
    )
    missing = _missing(finished)
    get_run_logger().warning("%s is incomplete: %s", STAGE, missing)

    def body(writer: StageWriter) -> None:
        _write(writer, finished)
        writer.stats(PAIRS, **{PART_OF: work.key, "missing": missing})

    result = run_stage(store, part, TABLES, body, rerun=False)
    return result.model_copy(update={"incomplete": missing})


def _missing(finished: _Finished) -> str:
    calls = ", ".join(f"{count:,} {outcome}" for outcome, count in finished.unanswered.items())
    pending = finished.unanswered[Outcome.PENDING] > 0
    remedy = "with more budget" if pending else "when the server is well again"
    return (
        f"calls without a reply: {calls}. What is there can be used. Run it again {remedy}: it asks "
        "only what is missing"
    )


def _replace_parts(store: Store, key: str, result: StageResult) -> None:
    """Put earlier parts of the same work out of use: the newest has all that they had."""
    for artifact in store.artifacts(PAIRS.name):
        is_part = artifact.stage == STAGE and artifact.stats.get(PART_OF) == key
        if is_part and artifact.artifact_id != result.outputs[PAIRS.name]:
            for output in artifact.outputs.values():
                store.supersede(output, "a later run has more of the same work")
