"""The whole chain: from source rows to judged policies."""

from prefect import flow

from flows.inputs import answering_policy
from storage.store import open_store
from tasks.curation.params import CurateParams
from tasks.curation.task import curate_task
from tasks.evaluation.params import EvaluateParams
from tasks.evaluation.task import evaluate_task, report_task
from tasks.ingest.params import IngestParams
from tasks.ingest.task import ingest_task
from tasks.negatives.params import NegativesParams
from tasks.negatives.task import negatives_task
from tasks.pairs.params import PairsParams
from tasks.pairs.task import pairs_task
from tasks.params import Params
from tasks.stage_run import StagesResult
from tasks.training.base.task import base_model_task
from tasks.training.d2o.params import D2OParams
from tasks.training.d2o.task import train_d2o_task
from tasks.training.dpo.params import DPOParams
from tasks.training.dpo.task import train_dpo_task
from tasks.training.sft.params import SFTParams
from tasks.training.sft.task import train_sft_task


class TrainParams(Params):
    """Hyperparameters of each training method."""

    sft: SFTParams = SFTParams()
    """Imitation of the demonstrations; where DPO and D2O start."""
    dpo: DPOParams = DPOParams()
    """Direct preference optimization on the pairs."""
    d2o: D2OParams = D2OParams()
    """Distributional dispreference optimization on the negatives alone."""


class NightlyResult(StagesResult):
    """What each stage made or reused, and where the report is."""

    report: str


@flow(name="nightly", flow_run_name="nightly {ingest.source}")
def nightly(
    model: str = "scratch:tiny",
    ingest: IngestParams = IngestParams(),
    curate: CurateParams = CurateParams(),
    pairs: PairsParams = PairsParams(),
    policy: str = "",
    negatives: NegativesParams = NegativesParams(),
    train: TrainParams = TrainParams(),
    evaluate: EvaluateParams = EvaluateParams(),
    root: str = "data",
    rerun: bool = False,
) -> NightlyResult:
    """Ingest, curate, pair, negate, train (SFT, DPO, D2O), evaluate and report.

    Work that was done before with the same inputs and parameters is reused, so a second run with
    nothing changed does nothing, and a changed parameter redoes only what depends on it. SFT is left
    out where the data has no demonstrations, DPO where it has bare negatives and no pairs.

    Args:
        model: Where training starts: a Hugging Face id, a local directory, or
            `scratch:tiny` (nano, tiny, small, medium, large) for a model made from the ingested
            text.
        ingest: The source and how its rows are understood.
        curate: The checks, what becomes of the rows that they find, and the splits.
        pairs: Where preferences come from.
        policy: Whose answers become on-policy pairs: empty for the SFT policy of this run, latest for
            the newest policy that an earlier run trained (yesterday's policy makes today's pairs), or
            an artifact id, unique prefix or tag.
        negatives: How many self-samples anchor each dispreferred answer.
        train: Hyperparameters of each training method.
        evaluate: How many prompts and answers, and the judges.
        root: Directory or object-store URL of all artifacts.
        rerun: Do all work again even if it was done before.
    """
    ingested = ingest_task(ingest, root, rerun=rerun)
    curated = curate_task(ingested.outputs["examples"], curate, root, rerun=rerun)
    rows, made = curated.rows, curated.outputs
    base = base_model_task(model, made["demonstrations"], train.sft, root)
    stages = [ingested, curated, base]
    start = base_id = base.outputs["policies"]
    compared = [base_id]
    if rows["demonstrations"]:
        sft = train_sft_task(made["demonstrations"], base_id, train.sft, root, rerun=rerun)
        stages.append(sft)
        start = sft.outputs["policies"]
        compared.append(start)
    pairs_id, has_pairs = made["pairs"], rows["pairs"] > 0
    if pairs.made(rows["pairs"], rows["dispreferred"]):
        store = open_store(root)
        answering = [answering_policy(store, name or policy, start) for name in pairs.policies]
        paired = pairs_task(made["prompts"], answering, pairs, root, rerun=rerun)
        stages.append(paired)
        pairs_id, has_pairs = paired.outputs["pairs"], paired.rows["pairs"] > 0
    disliked = made["dispreferred"]
    negated = negatives_task(pairs_id, disliked, start, negatives, root, rerun=rerun)
    stages.append(negated)
    if has_pairs:
        dpo = train_dpo_task(pairs_id, start, train.dpo, root, rerun=rerun)
        stages.append(dpo)
        compared.append(dpo.outputs["policies"])
    d2o = train_d2o_task(negated.outputs["negatives"], start, train.d2o, root, rerun=rerun)
    compared.append(d2o.outputs["policies"])
    evaluated = evaluate_task(compared, made["prompts"], evaluate, root, rerun=rerun)
    report = report_task(evaluated.outputs["estimates"], root)
    return NightlyResult(stages=[*stages, d2o, evaluated], report=report)
