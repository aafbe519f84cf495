"""The whole chain: from source rows to judged policies."""

from prefect import flow
from pydantic import BaseModel

from tasks.evaluation.params import EvaluateParams
from tasks.evaluation.task import evaluate_task, report_task
from tasks.ingest.params import IngestParams
from tasks.ingest.task import ingest_task
from tasks.negatives.params import NegativesParams
from tasks.negatives.task import negatives_task
from tasks.pairs.params import PairsParams
from tasks.pairs.task import pairs_task
from tasks.params import Params
from tasks.stage_run import StageResult
from tasks.training.params import D2OParams, DPOParams, SFTParams
from tasks.training.task import base_model_task, train_d2o_task, train_dpo_task, train_sft_task


class TrainParams(Params):
    """Hyperparameters of each training method."""

    sft: SFTParams = SFTParams()
    """Imitation of the demonstrations; where DPO and D2O start."""
    dpo: DPOParams = DPOParams()
    """Direct preference optimization on the pairs."""
    d2o: D2OParams = D2OParams()
    """Distributional dispreference optimization on the negatives alone."""


class NightlyResult(BaseModel):
    """What each stage made or reused, and where the report is."""

    stages: list[StageResult]
    report: str


@flow(name="nightly", flow_run_name="nightly {ingest.source}")
def nightly(
    model: str = "scratch:tiny",
    ingest: IngestParams = IngestParams(),
    pairs: PairsParams = PairsParams(),
    negatives: NegativesParams = NegativesParams(),
    train: TrainParams = TrainParams(),
    evaluate: EvaluateParams = EvaluateParams(),
    root: str = "data",
    rerun: bool = False,
) -> NightlyResult:
    """Ingest, pair, negate, train (SFT, DPO, D2O), evaluate and report.

    Work that was done before with the same inputs and parameters is reused, so a second run with
    nothing changed does nothing, and a changed parameter redoes only what depends on it.

    Args:
        model: Where training starts: a Hugging Face id, a local directory, or
            `scratch:tiny` (nano, tiny, small, medium, large) for a model made from the ingested
            text.
        ingest: The source and how it is split.
        pairs: Where preferences come from.
        negatives: How many self-samples anchor each dispreferred answer.
        train: Hyperparameters of each training method.
        evaluate: How many prompts and answers, and the judges.
        root: Directory or object-store URL of all artifacts.
        rerun: Do all work again even if it was done before.
    """
    ingested = ingest_task(ingest, root, rerun=rerun)
    demonstrations = ingested.outputs["demonstrations"]
    base = base_model_task(model, demonstrations, train.sft, root)
    base_id = base.outputs["policies"]
    sft = train_sft_task(demonstrations, base_id, train.sft, root, rerun=rerun)
    sft_id = sft.outputs["policies"]
    stages = [ingested, base, sft]
    pairs_id = ingested.outputs["pairs"]
    if pairs.made_on_policy(ingested.rows["pairs"]):
        paired = pairs_task(ingested.outputs["prompts"], sft_id, pairs, root, rerun=rerun)
        stages.append(paired)
        pairs_id = paired.outputs["pairs"]
    negated = negatives_task(pairs_id, sft_id, negatives, root, rerun=rerun)
    dpo = train_dpo_task(pairs_id, sft_id, train.dpo, root, rerun=rerun)
    negatives_id = negated.outputs["negatives"]
    d2o = train_d2o_task(negatives_id, sft_id, train.d2o, root, rerun=rerun)
    compared = [base_id, sft_id, dpo.outputs["policies"], d2o.outputs["policies"]]
    evaluated = evaluate_task(compared, ingested.outputs["prompts"], evaluate, root, rerun=rerun)
    report = report_task(evaluated.outputs["estimates"], root)
    return NightlyResult(stages=[*stages, negated, dpo, d2o, evaluated], report=report)
