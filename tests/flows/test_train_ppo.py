"""PPO as a flow, on generated reviews and a small model made from them."""

from pathlib import Path
from typing import Any

import pytest

from storage.input_error import InputError
from storage.store import open_store
from storage.tables.policies import POLICIES
from storage.tables.training_steps import TRAINING_STEPS
from tests.flows.small_store import run

SMALL = (
    *("iterations=6", "samples_per_prompt=4", "batch_size=64", "response_length=24"),
    *("learning_rate=0.003", "kl_coefficient=0.01"),
    *("max_kl=50", "bf16='no'", "device=cpu"),
)
SHORT = ("iterations=1", "prompts_per_iteration=2", "response_length=4", "device=cpu")


@pytest.fixture(scope="module")
def root(prefect_api: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ppo") / "data"
    run("ingest", "num_reviews=1500", root=root)
    run("train-sft", "model=scratch:nano", "epochs=1", "max_steps=60", "device=cpu", root=root)
    return root


@pytest.fixture(scope="module")
def trained(root: Path) -> Any:
    return run("train-ppo", *SMALL, root=root)


def steps(root, result, metric):
    store = open_store(root)
    rows = store.rows(TRAINING_STEPS, store.get(result.outputs["training_steps"]))
    return [row.value for row in rows if row.metric == metric]


def test_the_policy_earns_more_than_it_did(trained, root):
    """256 answers an iteration whose scores spread by 0.25: 0.1 is over 4 standard errors."""
    scores = steps(root, trained, "objective/scores")
    assert len(scores) == 7
    assert scores[-1] > scores[0] + 0.1
    assert steps(root, trained, "objective/kl")[0] == 0.0
    assert 0 < steps(root, trained, "objective/kl")[-1] < 50


def test_the_policy_is_stored_with_its_reference_and_who_rewarded_it(trained, root):
    store = open_store(root)
    artifact = store.get(trained.outputs["policies"])
    prompts, start = (store.get(parent) for parent in artifact.parents[:2])
    assert (prompts.table, prompts.stage) == ("prompts", "curate")
    assert (start.table, start.stage) == ("policies", "train-sft")
    learned_from = (prompts.outputs["demonstrations"], prompts.outputs["pairs"])
    assert artifact.parents[2:] == learned_from
    assert artifact.stats["reward"] == "lexical-train"
    (policy,) = store.rows(POLICIES, artifact)
    (sft,) = store.rows(POLICIES, start)
    assert (policy.method, policy.reference, policy.stop_reason) == (
        "ppo", sft.policy_id, "finished",
    )  # fmt: skip
    assert policy.num_steps == 6 * 4 * 4
    assert policy.weights_sha256 != sft.weights_sha256
    assert store.verify() == []


def test_the_same_work_is_reused_and_another_seed_is_other_work(trained, root):
    assert run("train-ppo", *SMALL, root=root).reused
    first, other = (run("train-ppo", *SHORT, f"seed={seed}", root=root) for seed in (0, 1))
    assert not first.reused
    assert not other.reused


def test_evaluation_compares_it_with_where_it_started(trained, root):
    """The judge of evaluation is fitted on other texts than the reward."""
    evaluated = run(
        "evaluate", f"policies={trained.outputs['policies']},{_sft(root)}", "num_prompts=16",
        "num_demonstrations=8", "max_tokens=12", "device=cpu", root=root,
    )  # fmt: skip
    store = open_store(root)
    estimates = store.get(evaluated.outputs["estimates"])
    judges = {judge["name"] for judge in estimates.stats["judges"]}
    assert "lexical" in judges
    assert "lexical-train" not in judges
    methods = {
        store.rows(POLICIES, store.get(parent))[0].method
        for parent in estimates.parents
        if store.get(parent).table == "policies"
    }
    assert methods == {"ppo", "sft"}


def test_a_source_without_a_reward_of_its_own_starts_nothing(root):
    run("ingest", "source=risk-synthetic", "num_situations=40", root=root)
    with pytest.raises(InputError, match="its only judge, 'choice'"):
        run("train-ppo", *SHORT, root=root)


def _sft(root: Path) -> str:
    store = open_store(root)
    return next(a.artifact_id for a in store.artifacts("policies") if a.stage == "train-sft")
