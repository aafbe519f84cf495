"""The evaluation stage in Prefect."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from storage.manifest import Artifact
from storage.store import Store, open_store
from storage.tables.completions import COMPLETIONS
from storage.tables.demonstrations import DEMONSTRATIONS, Demonstration
from storage.tables.estimates import ESTIMATES
from storage.tables.pairs import PAIRS
from storage.tables.policies import POLICIES
from storage.tables.prompts import PROMPTS, Prompt
from storage.tables.scores import SCORES
from storage.tables.table import row_id
from storage.tables.training_steps import TRAINING_STEPS
from storage.tables.verdicts import VERDICTS
from storage.work import Work
from storage.writer import StageWriter
from tasks.evaluation.evaluate import Candidate, evaluate_policies
from tasks.evaluation.leak import check_unseen
from tasks.evaluation.params import EvaluateParams
from tasks.evaluation.report_data import ReportData
from tasks.evaluation.report_file import report_path, write_report
from tasks.evaluation.unparsable import too_unparsable
from tasks.judging.draw_prompts import draw_prompts
from tasks.judging.judge import Judge
from tasks.judging.judge_card import JudgeCard
from tasks.judging.judge_name import evaluation_judges
from tasks.judging.make_judge import make_judge
from tasks.stage_run import StageResult, run_stage, shown_progress
from tasks.stored_policy import StoredPolicy, read_policy

if TYPE_CHECKING:
    from tasks.sampling.model import LoadedModel

STAGE = "evaluate"
VERSION = 1


_COUNTED = {
    "answers_retokenized": "answers have other tokens when read again, which touches their KL",
    "answers_without_kl": "answers had no token that KL could score",
    "demonstrations_skipped": "demonstrations do not fit the model and have no perplexity",
}


class UnparsableError(RuntimeError):
    """A judge could not read as many answers as the parameters demand."""


@task(name=STAGE, tags=["gpu"])
def evaluate_task(
    policies: Sequence[str],
    prompts: str,
    params: EvaluateParams,
    root: str,
    *,
    rerun: bool = False,
) -> StageResult:
    """Sample, judge and compare the policies on held-out prompts.

    Raises:
        InputError: a policy was trained on a prompt that it is to be asked.
        UnparsableError: a judge could not read enough answers; everything is stored all the same.
    """
    store = open_store(root)
    asked = store.get(prompts)
    _check_unseen(store, policies, asked, params)
    demonstrations, pairs = asked.outputs["demonstrations"], asked.outputs["pairs"]
    work = Work(
        stage=STAGE,
        stage_version=VERSION,
        params=params.model_dump(
            mode="json", exclude={"device", "batch_size", "max_unparsable_share"}
        ),
        parents=(*policies, prompts, demonstrations, pairs),
        seed=params.seed,
    )

    def body(writer: StageWriter) -> None:
        texts = store.rows(DEMONSTRATIONS, store.get(demonstrations))
        judges = _judges(store, policies, texts, store.get(pairs), params)
        stored = [read_policy(store, artifact) for artifact in policies]
        with shown_progress("evaluating policies") as progress:
            evaluation = evaluate_policies(
                [_candidate(policy, params.device) for policy in stored],
                _baselines(stored),
                _held_out(store.rows(PROMPTS, asked), params),
                _measured(texts, params),
                judges,
                params,
                progress,
            )
        writer.write(COMPLETIONS, evaluation.completions)
        writer.write(VERDICTS, evaluation.verdicts)
        writer.write(SCORES, evaluation.scores)
        writer.write(ESTIMATES, evaluation.estimates)
        judged_by = [asdict(judge.card) for judge in judges]
        writer.stats(ESTIMATES, judges=judged_by, counts=evaluation.counts)

    result = run_stage(store, work, (COMPLETIONS, VERDICTS, SCORES, ESTIMATES), body, rerun=rerun)
    _check_readable(store, result.outputs["estimates"], params.max_unparsable_share)
    return result


def _check_unseen(
    store: Store, policies: Sequence[str], asked: Artifact, params: EvaluateParams
) -> None:
    """Check the prompts against all other data that the policies learned from."""
    ancestors = [step.artifact for policy in policies for step in store.lineage(policy, "up")]
    learned = {a.outputs["prompts"] for a in ancestors if a.stage == "curate"}
    for other in sorted(learned - {asked.artifact_id}):
        held_out = _held_out(store.rows(PROMPTS, asked), params)
        where = f"prompts {other[:12]}, which a policy descends from,"
        check_unseen(held_out, store.rows(PROMPTS, store.get(other)), where)


def _judges(
    store: Store,
    policies: Sequence[str],
    texts: Sequence[Demonstration],
    pairs: Artifact,
    params: EvaluateParams,
) -> list[Judge]:
    """Return the judges that may score these policies, fitted on the split `judge`.

    There is none where the source chooses it and the data says of no text whether it is liked: then
    policies are compared by KL, length and what else needs no judge.
    """
    source = str(pairs.params["source"])
    names = evaluation_judges(params.judges, source, rewards=_rewards(store, policies))
    rows = store.rows(PAIRS, pairs)
    said = [row.split for row in texts if row.label is not None] + [row.split for row in rows]
    if params.judges == ("auto",) and "judge" not in said:
        return []
    return [
        make_judge(
            name, signed=name, split="judge", demonstrations=texts, pairs=rows, seed=params.seed
        )
        for name in names
    ]


def _rewards(store: Store, policies: Sequence[str]) -> set[str]:
    """Return the judges that labelled what any of the policies learned from, or rewarded them."""
    made = [store.get(policy) for policy in policies]
    made += [step.artifact for policy in policies for step in store.lineage(policy, "up")]
    rewards = (artifact.stats.get("reward") for artifact in made)
    return {str(reward) for reward in rewards if reward}


def _candidate(stored: StoredPolicy, device: str) -> Candidate:
    def load() -> "LoadedModel":
        from tasks.sampling.model import load_model

        return load_model(stored.checkpoint, device=device)

    policy = stored.policy
    trained_against = policy.reference if policy.method not in {"base", "sft"} else None
    return Candidate(policy_id=policy.policy_id, reference_id=trained_against, load=load)


def _baselines(stored: Sequence[StoredPolicy]) -> list[str]:
    """Return the SFT and base policies, to which the others are compared."""
    by_method = {item.policy.method: item.policy.policy_id for item in reversed(stored)}
    return [by_method[method] for method in ("sft", "base") if method in by_method]


def _held_out(prompts: Sequence[Prompt], params: EvaluateParams) -> list[Prompt]:
    return draw_prompts(prompts, split="eval", num_prompts=params.num_prompts, seed=params.seed)


def _measured(
    demonstrations: Sequence[Demonstration], params: EvaluateParams
) -> list[Demonstration]:
    """Return the held-out demonstrations on which perplexity is measured, drawn by the seed."""
    held_out = [row for row in demonstrations if row.split == "eval"]
    ranked = sorted(held_out, key=lambda row: row_id(params.seed, row.demonstration_id))
    return ranked[: params.num_demonstrations]


def _check_readable(store: Store, estimates: str, max_share: float) -> None:
    rows = store.rows(ESTIMATES, store.get(estimates))
    faults = too_unparsable(rows, max_share=max_share, names={})
    if faults:
        raise UnparsableError("; ".join(faults))


@task(name="report")
def report_task(estimates: str, root: str) -> str:
    """Write the HTML report of an evaluation, show it in Prefect, return where it is."""
    from tasks.evaluation.report_html import render_html
    from tasks.evaluation.report_terminal import markdown
    from tasks.evaluation.results_table import plain_rows

    store = open_store(root)
    data = read_report_data(store, estimates)
    path = write_report(render_html(data), report_path(root, estimates))
    create_markdown_artifact(markdown(data), key="report", description=f"Full report: {path}")
    create_table_artifact(plain_rows(data), key="estimates", description="All estimates")
    get_run_logger().info("report: %s", path)
    return str(path)


def read_report_data(store: Store, estimates: str) -> ReportData:
    """Return everything that the report of an evaluation shows.

    Raises:
        InputError: there is no such artifact.
    """
    artifact = store.get(estimates)
    parents = [store.get(parent) for parent in artifact.parents]
    trained = [parent for parent in parents if parent.table == "policies"]
    policies = [store.rows(POLICIES, parent)[0] for parent in trained]
    (prompts,) = (parent for parent in parents if parent.table == "prompts")
    completions = store.rows(COMPLETIONS, store.get(artifact.outputs["completions"]))
    asked = {row.prompt_id for row in completions}
    steps = [store.get(p.outputs["training_steps"]) for p in trained if len(p.outputs) > 1]
    names = {
        p.artifact_id: f"policy {row.method}" for p, row in zip(trained, policies, strict=True)
    }
    return ReportData(
        source=str(prompts.params["source"]),
        model=policies[0].base_model,
        seed=artifact.seed,
        created_at=f"{artifact.created_at[:16].replace('T', ' ')} UTC",
        policies=policies,
        reference_id=next((row.policy_id for row in policies if row.method == "sft"), None),
        estimates=store.rows(ESTIMATES, artifact),
        training_steps=[row for a in steps for row in store.rows(TRAINING_STEPS, a)],
        prompts=[row for row in store.rows(PROMPTS, prompts) if row.prompt_id in asked],
        completions=completions,
        scores=store.rows(SCORES, store.get(artifact.outputs["scores"])),
        judges=[JudgeCard(**card) for card in artifact.stats["judges"]],
        artifact_ids={
            "estimates": estimates,
            **{names.get(p.artifact_id, p.table): p.artifact_id for p in parents},
        },
        notes=_notes(store, artifact),
    )


def _notes(store: Store, artifact: Artifact) -> list[str]:
    """Return what ingest and curation refused and what pairing dropped on the way to this evaluation."""
    counts = artifact.stats["counts"]
    notes = [f"{counts[key]:,} {said}" for key, said in _COUNTED.items() if counts.get(key)]
    for step in store.lineage(artifact.artifact_id, "up"):
        made, stats = step.artifact, step.artifact.stats
        if made.stage in {"ingest", "curate"} and "rows_kept" in stats:
            refused = sum(stats["refused"].values())
            notes.append(
                f"{made.stage} read {stats['rows_read']:,} rows: {stats['rows_kept']:,} kept, "
                f"{stats['duplicates']:,} duplicates, {refused:,} refused (see quarantine)"
            )
        if made.table == "pairs" and "statuses" in stats:
            statuses = sorted(stats["statuses"].items(), key=lambda item: -item[1])
            counted = ", ".join(f"{count:,} {status}" for status, count in statuses)
            notes.append(
                f"{stats['num_prompts']:,} prompts gave {stats['num_pairs']:,} pairs: {counted}"
            )
        if "missing" in stats:
            notes.append(f"{made.stage} is incomplete: {stats['missing']}")
        if stats.get("num_dropped"):
            notes.append(f"{made.stage} dropped {stats['num_dropped']:,} rows that did not fit")
        if stats.get("stop_reason", "finished") != "finished":
            notes.append(f"{made.stage} was stopped early: {stats['stop_reason']}")
    return list(dict.fromkeys(notes))
