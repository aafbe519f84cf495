"""The whole chain at toy size, then what a second run, a changed parameter and one stage redo."""

from pathlib import Path
from typing import Any

import pytest

from deployments.arguments import flow_arguments
from deployments.flow_table import load_flow
from storage.store import open_store
from storage.tables.completions import COMPLETIONS
from storage.tables.demonstrations import DEMONSTRATIONS
from storage.tables.estimates import ESTIMATES
from storage.tables.negatives import NEGATIVES
from storage.tables.pairs import PAIRS
from storage.tables.policies import POLICIES
from storage.tables.prompts import PROMPTS
from storage.tables.training_steps import TRAINING_STEPS

DETERMINISTIC = ("ingest", "curate", "base-model")


def run(name: str, *settings: str, root: Path, profile: str | None = None) -> Any:
    flow = load_flow(name)
    given = flow_arguments(flow.fn, profile=profile, settings=[*settings, f"root={root}"])
    return flow(**given)


def nightly(root: Path, *settings: str) -> Any:
    return run("nightly", *settings, root=root, profile="smoke")


def stages(result: Any) -> dict[str, Any]:
    return {stage.stage: stage for stage in result.stages}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nightly") / "data"


@pytest.fixture(scope="module")
def first(prefect_api: None, root: Path) -> Any:
    return nightly(root)


def test_every_stage_writes_its_tables_and_a_report(first, root):
    made = stages(first)
    assert list(made) == [
        "ingest", "curate", "base-model", "train-sft", "generate-pairs", "negatives",
        "train-dpo", "train-d2o", "evaluate",
    ]  # fmt: skip
    assert not any(stage.reused for stage in made.values())
    assert made["curate"].rows["demonstrations"] > 1000
    assert made["negatives"].rows["negatives"] == made["generate-pairs"].rows["pairs"] > 0
    assert made["evaluate"].rows["estimates"] > 0
    html = Path(first.report).read_text(encoding="utf-8")
    for name in ("SFT", "DPO", "D2O", "perplexity", made["evaluate"].outputs["estimates"][:12]):
        assert name in html
    assert open_store(root).verify() == []


def test_a_second_run_does_nothing(first, root):
    again = stages(nightly(root))
    assert all(stage.reused for stage in again.values())
    assert {name: stage.outputs for name, stage in again.items()} == {
        name: stage.outputs for name, stage in stages(first).items()
    }


def test_a_changed_beta_redoes_dpo_and_evaluation_only(first, root):
    again = stages(nightly(root, "train.dpo.beta=0.3"))
    assert [name for name, stage in again.items() if not stage.reused] == ["train-dpo", "evaluate"]


def test_two_stores_have_the_same_ids_up_to_training_and_the_same_losses(first, root, tmp_path):
    other = stages(nightly(tmp_path / "other"))
    here, there = open_store(root), open_store(tmp_path / "other")
    for name, stage in stages(first).items():
        if name in DETERMINISTIC:
            assert other[name].outputs == stage.outputs
        if name.startswith("train-"):
            losses = [
                [
                    (row.step, row.value)
                    for row in store.rows(TRAINING_STEPS, store.get(ids["training_steps"]))
                    if row.metric == "loss"
                ]
                for store, ids in ((here, stage.outputs), (there, other[name].outputs))
            ]
            assert losses[0]
            assert losses[0] == losses[1]


def test_no_cluster_of_an_evaluation_prompt_occurs_in_training(first, root):
    store = open_store(root)
    made = stages(first)
    prompts = store.rows(PROMPTS, store.get(made["curate"].outputs["prompts"]))
    cluster = {row.prompt_id: row.cluster for row in prompts}
    answered = store.rows(COMPLETIONS, store.get(made["evaluate"].outputs["completions"]))
    evaluated = {cluster[row.prompt_id] for row in answered}
    demonstrations = store.rows(DEMONSTRATIONS, store.get(made["curate"].outputs["demonstrations"]))
    trained = {cluster[row.prompt_id] for row in demonstrations if row.split == "train"}
    for table, stage in ((PAIRS, "generate-pairs"), (NEGATIVES, "negatives")):
        rows = store.rows(table, store.get(made[stage].outputs[table.name]))
        trained |= {cluster[row.prompt_id] for row in rows}
    assert evaluated
    assert not evaluated & trained


def test_one_stage_runs_alone_on_any_earlier_artifact(first, root):
    pairs = stages(first)["generate-pairs"].outputs["pairs"]
    alone = run("train-dpo", f"pairs={pairs[:10]}", "beta=0.5", "max_steps=2", root=root)
    store = open_store(root)
    artifact = store.get(alone.outputs["policies"])
    assert artifact.parents == (pairs, stages(first)["train-sft"].outputs["policies"])
    (policy,) = store.rows(POLICIES, artifact)
    assert policy.method == "dpo"
    assert artifact.params["beta"] == 0.5


def test_evaluate_alone_compares_the_newest_family_and_supersedes_on_rerun(first, root):
    again = run(
        "evaluate", "policies=latest", "rerun=true", "num_prompts=8", "num_demonstrations=8",
        "max_tokens=12", root=root,
    )  # fmt: skip
    store = open_store(root)
    artifact = store.get(again.outputs["estimates"])
    methods = [
        store.rows(POLICIES, store.get(parent))[0].method
        for parent in artifact.parents
        if store.get(parent).table == "policies"
    ]
    assert methods == ["base", "sft", "dpo", "d2o"]
    judged = [r for r in store.rows(ESTIMATES, artifact) if r.metric == "lexical/positive"]
    assert {row.num_prompts for row in judged} == {8}


def test_one_query_joins_an_estimate_to_its_answers_policy_pairs_and_source_rows(first, root):
    estimates = stages(first)["evaluate"].outputs["estimates"]
    rows = open_store(root).sql(LINEAGE.format(estimates=estimates)).to_pylist()
    assert rows
    for row in rows:
        assert row["num_completions"] == 64
        assert row["num_pairs"] == stages(first)["generate-pairs"].rows["pairs"]
        assert row["num_source_rows"] > 0


def test_bare_negatives_get_their_anchors_from_the_newest_sft_policy(first, root, tmp_path):
    """The newest policy of all is D2O's; its answers would not anchor to what SFT says."""
    path = tmp_path / "negatives.jsonl"
    path.write_text('{"prompt": "This film", "response": " is dull."}\n{"prompt": "no answer"}\n')
    ingested = run(
        "ingest", "source=negatives", f"path={path}", "prompt_role=text", "max_refused_share=1",
        "curate.max_refused_share=1", "curate.eval_share=0.001", "curate.judge_share=0.001",
        root=root,
    )  # fmt: skip
    assert stages(ingested)["ingest"].rows == {"examples": 1, "quarantine": 1}
    made = run("negatives", "num_samples=2", "max_tokens=8", root=root)
    store = open_store(root)
    sft = stages(first)["train-sft"].outputs["policies"]
    (row,) = store.rows(NEGATIVES, store.get(made.outputs["negatives"]))
    assert row.anchor_policy == store.rows(POLICIES, store.get(sft))[0].policy_id
    assert len(row.anchors) == 2
    trained = run("train-d2o", "max_steps=1", "kl_samples=2", "kl_max_tokens=4", root=root)
    artifact = store.get(trained.outputs["policies"])
    assert artifact.parents == (made.outputs["negatives"], sft)


LINEAGE = """
select e.value, p.method, count(distinct c.completion_id) num_completions,
  count(distinct d.pair_id) num_pairs, count(distinct s.origin) num_source_rows
from estimates e
join completions c on c.policy = e.policy_id and c.run_id = e.run_id
join policies p on p.policy_id = e.policy_id
join parents t on t.artifact_id = p.artifact_id
join pairs d on d.artifact_id = t.parent_id
join prompts s on s.prompt_id = d.prompt_id
where e.artifact_id = '{estimates}' and e.metric = 'lexical/positive' and e.baseline_id is null
  and p.method = 'dpo'
group by all
"""
