"""PPO as a flow, on generated reviews and a small model made from them."""

from pathlib import Path
from typing import Any

import pytest

from storage.input_error import InputError
from storage.store import open_store
from storage.tables.completions import COMPLETIONS
from storage.tables.policies import POLICIES
from storage.tables.spending import SPENDING
from storage.tables.training_steps import TRAINING_STEPS
from tasks.judging.judge_name import evaluation_judges
from tests.fakes.api_server import FakeApi
from tests.fakes.judge_answer import fenced
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


def test_every_answer_is_stored_under_the_step_that_it_was_given_after(trained, root):
    """7 times 64 prompts with 4 answers each; the mean of a step's scores is not touched."""
    store = open_store(root)
    (policy,) = store.rows(POLICIES, store.get(trained.outputs["policies"]))
    answers = store.rows(COMPLETIONS, store.get(trained.outputs["completions"]))
    assert len(answers) == 7 * 256
    assert {answer.policy for answer in answers} == {
        f"{policy.policy_id}@{step}" for step in range(0, 97, 16)
    }
    assert len({answer.completion_id for answer in answers}) == len(answers)
    assert all(answer.sum_logp < 0 for answer in answers)


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


def test_a_language_model_rewards_and_then_does_not_evaluate(root):
    """Its budget ends the first run, which the second one goes on with; both cost one run."""

    def longer(body: dict[str, Any]) -> str:
        score = min(10, 1 + len(fenced(body)["answer"]) // 4)
        return f'{{"score": {score}}}'

    short = (*SHORT, "iterations=3", "reward=llm:fake-model", "api.max_concurrency=1")
    with FakeApi(answer=longer) as api:
        server = f"api.base_url={api.base_url}"
        with pytest.raises(
            InputError, match="budget of the reward judge 'llm:fake-model' is spent"
        ):
            run("train-ppo", *short, server, "budget.max_tokens=9000", root=root)
        asked = len(api.calls)
        assert asked > 4  # more than one iteration of 2 prompts with 2 answers
        made = run("train-ppo", *short, server, root=root)
        again = run("train-ppo", *short, server, "budget.max_tokens=1", root=root)
        assert (made.reused, again.reused) == (False, True)
        num_asked = len(api.calls)
        assert num_asked == len({str(call.body) for call in api.calls})  # nothing was paid twice
    store = open_store(root)
    artifact = store.get(made.outputs["policies"])
    assert artifact.stats["reward"] == "llm:fake-model"
    (spent,) = store.rows(SPENDING, store.get(made.outputs["spending"]))
    assert (spent.stage, spent.model) == ("train-ppo", "fake-model")
    assert spent.calls + asked == num_asked
    with pytest.raises(InputError, match="judge 'llm' labelled or rewarded"):
        evaluation_judges(("llm:other",), "reviews", rewards={artifact.stats["reward"]})


def _sft(root: Path) -> str:
    store = open_store(root)
    return next(a.artifact_id for a in store.artifacts("policies") if a.stage == "train-sft")
