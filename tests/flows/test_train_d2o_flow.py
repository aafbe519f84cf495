"""D2O as a flow: its references, its fresh self-samples and templates, in the store."""

from pathlib import Path
from typing import Any

import pytest

from storage.input_error import InputError
from storage.store import open_store
from storage.tables.completions import COMPLETIONS
from storage.tables.negatives import NEGATIVES
from storage.tables.policies import POLICIES
from storage.tables.training_steps import TRAINING_STEPS
from tests.flows.small_store import ingested_preferences, run

SMALL = (
    *("max_steps=3", "epochs=9", "batch_size=8", "max_samples=2", "kl_samples=4", "device=cpu"),
    *("response_tokens=8", "kl_max_tokens=8", "max_prompt_tokens=48", "max_tokens=96", "bf16='no'"),
    "max_kl=1e6",
)
FRESH = ("resample_every=2", "warmup_steps=1", "safeguards=false", "margin_cutoff=2")


@pytest.fixture(scope="module")
def root(prefect_api: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("d2o")
    root = ingested_preferences(folder, 40)
    for seed in (0, 1):
        run(
            *("train-sft", "model=scratch:nano", "max_steps=2", f"seed={seed}", "device=cpu"),
            root=root,
        )
    (folder / "mine.yaml").write_text("short: Answer briefly.\n")
    run(
        *("negatives", f"templates={folder}/mine.yaml", "num_samples=2", "num_templated=1"),
        *("max_tokens=8", "device=cpu"),
        root=root,
    )
    return root


@pytest.fixture(scope="module")
def fresh(root: Path) -> Any:
    return run("train-d2o", *SMALL, *FRESH, root=root)


def policies(root, stage):
    return [a.artifact_id for a in open_store(root).artifacts("policies") if a.stage == stage]


def test_every_fresh_self_sample_is_stored_as_an_answer_of_the_policy_on_its_way(fresh, root):
    store = open_store(root)
    (policy,) = store.rows(POLICIES, store.get(fresh.outputs["policies"]))
    answers = list(store.rows(COMPLETIONS, store.get(fresh.outputs["completions"])))
    assert {row.policy for row in answers} == {f"{policy.policy_id}@1"}
    assert {row.sample_index for row in answers} == {0, 1}
    negatives = store.rows(NEGATIVES, store.resolve("negatives", "latest"))
    assert {row.prompt_id for row in answers} <= {row.prompt_id for row in negatives}
    rows = list(store.rows(TRAINING_STEPS, store.get(fresh.outputs["training_steps"])))
    fresh_rows = {row.step: row.value for row in rows if row.metric == "d2o/fresh_rows"}
    assert fresh_rows == {1: 0.0, 2: 1.0, 3: 1.0}


def test_offline_training_stores_no_answers(root):
    assert "completions" not in run("train-d2o", *SMALL, root=root).outputs


def test_references_are_parents_and_part_of_the_key(root):
    plain = run("train-d2o", *SMALL, root=root)
    start, other = (
        next(a for a in policies(root, "train-sft") if wanted == (a in _parents(root, plain)))
        for wanted in (True, False)
    )
    same = run("train-d2o", *SMALL, f"negative_reference={start}", root=root)
    assert same.reused  # the start is the reference anyway
    negative, own = (
        run("train-d2o", *SMALL, f"{name}={other}", root=root)
        for name in ("negative_reference", "self_reference")
    )
    assert not negative.reused
    assert not own.reused
    assert len({made.outputs["policies"] for made in (plain, negative, own)}) == 3
    for made in (negative, own):
        assert {start, other} <= set(_parents(root, made))


def _parents(root, made):
    return open_store(root).get(made.outputs["policies"]).parents


def test_a_reference_that_does_not_exist_starts_nothing(root):
    with pytest.raises(InputError, match="no-such-policy"):
        run("train-d2o", "self_reference=no-such-policy", root=root)


def test_templates_of_a_file_are_part_of_the_key_by_their_content(root):
    path = root.parent / "mine.yaml"
    given = (f"templates={path}", "num_samples=2", "num_templated=1", "max_tokens=8", "device=cpu")
    assert run("negatives", *given, root=root).reused
    before = path.read_text()
    path.write_text("short: Answer in one word.\n")
    edited = run("negatives", *given, root=root)
    path.write_text(before)
    assert not edited.reused
    store = open_store(root)
    rows = store.rows(NEGATIVES, store.get(edited.outputs["negatives"]))
    assert {row.anchor_templates for row in rows} == {("short", "")}


def test_templates_that_do_not_exist_are_an_input_error(root):
    with pytest.raises(InputError, match="templates 'morla' is neither a set"):
        run("negatives", "templates=morla", root=root)
