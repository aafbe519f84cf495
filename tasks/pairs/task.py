"""The pairs stage in Prefect."""

from dataclasses import asdict

from prefect import task

from storage.input_error import InputError
from storage.store import open_store
from storage.tables.completions import COMPLETIONS
from storage.tables.demonstrations import DEMONSTRATIONS
from storage.tables.pairs import PAIRS
from storage.tables.prompts import PROMPTS
from storage.tables.verdicts import VERDICTS
from storage.work import Work
from storage.writer import StageWriter
from tasks.judging.judge_name import parse_judge_name, reward_name
from tasks.judging.make_judge import make_judge
from tasks.pairs.on_policy import on_policy_pairs
from tasks.pairs.params import PairsParams
from tasks.pairs.reward import resolve_reward
from tasks.stage_run import StageResult, run_stage, shown_progress
from tasks.stored_policy import read_policy

STAGE = "generate-pairs"
VERSION = 1


@task(name=STAGE, tags=["gpu"])
def pairs_task(
    prompts: str, policy: str, params: PairsParams, root: str, *, rerun: bool = False
) -> StageResult:
    """Let a policy answer training prompts, judge the answers, pair the best with the worst.

    Raises:
        InputError: the parameters ask for the data set's own pairs, which need no generation.
    """
    if params.method == "dataset":
        raise InputError(
            "pairs.method is 'dataset': those pairs come from ingest as they are and nothing is "
            "generated; use the pairs artifact of ingest, or method on-policy"
        )
    store = open_store(root)
    asked = store.get(prompts)
    ingested = (asked.outputs["demonstrations"], asked.outputs["pairs"])
    work = Work(
        stage=STAGE,
        stage_version=VERSION,
        params=params.model_dump(mode="json", exclude={"method", "device", "batch_size"}),
        parents=(prompts, policy, *ingested),
        seed=params.seed,
    )

    def body(writer: StageWriter) -> None:
        from tasks.sampling.model import load_model

        rows = store.rows(PROMPTS, asked)
        name = resolve_reward(params, rows[0].source if rows else "")
        judge = make_judge(
            name,
            signed=reward_name(parse_judge_name(name).kind),
            split="train",
            demonstrations=store.rows(DEMONSTRATIONS, store.get(ingested[0])),
            pairs=store.rows(PAIRS, store.get(ingested[1])),
            seed=params.seed,
        )
        answering = read_policy(store, policy)
        loaded = load_model(answering.checkpoint, device=params.device)
        with shown_progress("sampling answers for pairs") as progress:
            made = on_policy_pairs(
                rows,
                loaded,
                judge,
                params,
                policy_id=answering.policy.policy_id,
                progress=progress,
            )
        writer.write(COMPLETIONS, made.completions)
        writer.write(VERDICTS, made.verdicts)
        writer.write(PAIRS, made.best_worst.pairs)
        writer.stats(PAIRS, reward=judge.name, **asdict(made.best_worst.counts))

    return run_stage(store, work, (COMPLETIONS, VERDICTS, PAIRS), body, rerun=rerun)
