"""KTO as a flow, on a small model and few preferences."""

from pathlib import Path

import pytest

from storage.input_error import InputError
from storage.store import open_store
from storage.tables.policies import POLICIES
from storage.tables.training_steps import TRAINING_STEPS
from tests.flows.small_store import ingested_preferences, run

SHORT = ("max_steps=2", "batch_size=4", "bf16='no'", "device=cpu")


@pytest.fixture(scope="module")
def root(prefect_api: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = ingested_preferences(tmp_path_factory.mktemp("kto"), 60)
    run("train-sft", "model=scratch:nano", "epochs=1", "max_steps=5", "device=cpu", root=root)
    return root


def test_pairs_train_a_policy_by_both_of_their_answers(root):
    trained = run("train-kto", *SHORT, root=root)
    store = open_store(root)
    artifact = store.get(trained.outputs["policies"])
    data, start = (store.get(parent) for parent in artifact.parents)
    assert (data.table, start.stage) == ("pairs", "train-sft")
    (policy,) = store.rows(POLICIES, artifact)
    assert (policy.method, policy.num_steps) == ("kto", 2)
    rows = store.rows(TRAINING_STEPS, store.get(trained.outputs["training_steps"]))
    assert next(row.value for row in rows if row.metric == "loss") == pytest.approx(0.5, abs=1e-6)
    assert {"rewards/chosen", "rewards/rejected"} <= {row.metric for row in rows}
    assert run("train-kto", *SHORT, root=root).reused


def test_negatives_train_a_policy_instead(root):
    run("negatives", "num_samples=1", "max_tokens=8", "device=cpu", root=root)
    trained = run("train-kto", "negatives=latest", *SHORT, root=root)
    store = open_store(root)
    artifact = store.get(trained.outputs["policies"])
    assert store.get(artifact.parents[0]).table == "negatives"
    rows = store.rows(TRAINING_STEPS, store.get(trained.outputs["training_steps"]))
    assert "rewards/rejected" in {row.metric for row in rows}
    assert "rewards/chosen" not in {row.metric for row in rows}


def test_negatives_that_do_not_exist_start_nothing(root):
    with pytest.raises(InputError, match="nowhere"):
        run("train-kto", "negatives=nowhere", *SHORT, root=root)
