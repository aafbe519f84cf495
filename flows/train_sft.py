"""Train by imitation."""

from prefect import flow

from flows.inputs import DemonstrationsRef
from storage.store import open_store
from tasks.stage_run import StageResult
from tasks.training.base.task import base_model_task
from tasks.training.sft.params import SFTParams
from tasks.training.sft.task import train_sft_task


@flow(name="train-sft", flow_run_name="sft of {model} on {demonstrations}")
def train_sft(
    demonstrations: DemonstrationsRef = "latest",
    model: str = "scratch:tiny",
    params: SFTParams = SFTParams(),
    root: str = "data",
    rerun: bool = False,
) -> StageResult:
    """Fine-tune a model on demonstrations.

    Args:
        demonstrations: Texts to imitate: artifact id, unique prefix, tag, or latest.
        model: Where training starts: a Hugging Face id, a local directory, or
            `scratch:tiny` (nano, tiny, small, medium, large) for a model made from the
            demonstrations.
        params: Hyperparameters.
        root: Directory or object-store URL of all artifacts.
        rerun: Do the work again even if the same work was done before.
    """
    store = open_store(root)
    texts = store.resolve("demonstrations", demonstrations)
    base = base_model_task(model, texts.artifact_id, params, root)
    return train_sft_task(texts.artifact_id, base.outputs["policies"], params, root, rerun=rerun)
