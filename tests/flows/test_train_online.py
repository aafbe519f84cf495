"""RLOO and GRPO as flows, on generated reviews and a small model made from them."""

from pathlib import Path

import pytest

from storage.input_error import InputError
from storage.store import open_store
from storage.tables.completions import COMPLETIONS
from storage.tables.policies import POLICIES
from storage.tables.training_steps import TRAINING_STEPS
from tests.flows.small_store import run

SHORT = (
    *("iterations=2", "prompts_per_iteration=4", "samples_per_prompt=2", "response_length=8"),
    *("max_kl=50", "bf16='no'", "device=cpu"),
)


@pytest.fixture(scope="module")
def root(prefect_api: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("online") / "data"
    run("ingest", "num_reviews=400", root=root)
    run("train-sft", "model=scratch:nano", "epochs=1", "max_steps=20", "device=cpu", root=root)
    return root


@pytest.mark.parametrize("method", ["rloo", "grpo"])
def test_the_policy_is_stored_with_its_reference_and_who_rewarded_it(root, method):
    trained = run(f"train-{method}", *SHORT, root=root)
    store = open_store(root)
    artifact = store.get(trained.outputs["policies"])
    prompts, start = (store.get(parent) for parent in artifact.parents[:2])
    assert (prompts.table, start.stage) == ("prompts", "train-sft")
    assert artifact.parents[2:] == (prompts.outputs["demonstrations"], prompts.outputs["pairs"])
    assert artifact.stats["reward"] == "lexical-train"
    (policy,) = store.rows(POLICIES, artifact)
    (sft,) = store.rows(POLICIES, start)
    assert (policy.method, policy.reference, policy.num_steps) == (method, sft.policy_id, 2)
    assert policy.weights_sha256 != sft.weights_sha256
    steps = store.rows(TRAINING_STEPS, store.get(trained.outputs["training_steps"]))
    assert [row.step for row in steps if row.metric == "kl"] == [1, 2, 2]
    answers = store.rows(COMPLETIONS, store.get(trained.outputs["completions"]))
    assert [answer.policy for answer in answers] == [
        f"{policy.policy_id}@{step}" for step in (0, 1, 2) for _ in range(8)
    ]
    assert run(f"train-{method}", *SHORT, root=root).reused
    assert store.verify() == []


def test_what_rewarded_it_does_not_evaluate_it(root):
    """The judge of evaluation is fitted on other texts than the reward."""
    trained = run("train-rloo", *SHORT, root=root)
    evaluated = run(
        "evaluate", f"policies={trained.outputs['policies']}", "num_prompts=8",
        "num_demonstrations=4", "max_tokens=8", "device=cpu", root=root,
    )  # fmt: skip
    store = open_store(root)
    judges = store.get(evaluated.outputs["estimates"]).stats["judges"]
    assert "lexical-train" not in {judge["name"] for judge in judges}
    assert "lexical" in {judge["name"] for judge in judges}


def test_a_source_without_a_reward_of_its_own_starts_nothing(root):
    run("ingest", "source=risk-synthetic", "num_situations=40", root=root)
    with pytest.raises(InputError, match="its only judge, 'choice'"):
        run("train-grpo", *SHORT, root=root)
