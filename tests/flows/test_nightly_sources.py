"""The whole chain at toy size on sources that lack something: demonstrations, pairs, texts."""

import json
import random
from pathlib import Path

import pytest

from deployments.arguments import flow_arguments
from deployments.flow_table import load_flow
from storage.input_error import InputError
from storage.store import open_store
from storage.tables.dispreferred import DISPREFERRED
from storage.tables.negatives import NEGATIVES
from storage.tables.pairs import PAIRS
from storage.tables.policies import POLICIES
from tasks.training.base.scratch_model import build_scratch_model
from tasks.training.base.scratch_sizes import SCRATCH_SIZES

SMALL = ("evaluate.num_prompts=8", "evaluate.num_demonstrations=8", "evaluate.max_tokens=8")


def nightly(root, *settings):
    flow = load_flow("nightly")
    given = [*SMALL, "negatives.max_tokens=8", "train.sft.max_steps=6", *settings, f"root={root}"]
    return flow(**flow_arguments(flow.fn, profile="smoke", settings=given))


def stages(result):
    return {stage.stage: stage for stage in result.stages}


def methods(root, result):
    store = open_store(root)
    made = [stage.outputs["policies"] for stage in result.stages if "policies" in stage.outputs]
    return [store.rows(POLICIES, store.get(artifact))[0].method for artifact in made]


def rows(root, result, stage, table):
    store = open_store(root)
    return store.rows(table, store.get(stages(result)[stage].outputs[table.name]))


_draw = random.Random(3)
WORDS = ["lamp", "river", "bread", "engine", "garden", "letter", "window", "coat", "stone", "song"]


def said(kind, number):
    return f"{kind} {' '.join(_draw.choices(WORDS, k=5))} {number}"


def safe_or_not():
    """Return rows of which one in three has two unsafe answers, and the others a pair."""
    made = []
    for number in range(150):
        unsafe = number % 3 == 0
        row = {
            "prompt": said("How do I mend the", number),
            "response_0": said("Carefully with a", number),
            "response_1": said("Break the", number),
            "is_response_0_safe": not unsafe,
            "is_response_1_safe": False,
            "better_response_id": 0,
            "safer_response_id": 0,
        }
        made.append(row)
    return made


def file_of(folder, made):
    path = folder / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in made), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def unsafe(prefect_api, tmp_path_factory):
    """Give the store and the result of a run on pairs and bare unsafe answers."""
    folder = tmp_path_factory.mktemp("unsafe")
    path = file_of(folder, safe_or_not())
    root = folder / "data"
    return root, nightly(root, "ingest.source=pku-saferlhf", f"ingest.path={path}")


def test_rejected_answers_of_pairs_and_bare_unsafe_ones_are_the_negatives(unsafe):
    root, result = unsafe
    pairs = [row for row in rows(root, result, "curate", PAIRS) if row.split == "train"]
    bare = [row for row in rows(root, result, "curate", DISPREFERRED) if row.split == "train"]
    assert pairs
    assert bare
    negatives = rows(root, result, "negatives", NEGATIVES)
    named = {(row.prompt_id, row.rejected): row.pair_id for row in negatives}
    assert len(named) == len(negatives)
    assert named == {
        **{(row.prompt_id, row.rejected): row.pair_id for row in pairs},
        **{(row.prompt_id, row.rejected): None for row in bare},
    }
    assert {len(row.anchors) for row in negatives} == {2}
    artifact = open_store(root).get(stages(result)["negatives"].outputs["negatives"])
    assert artifact.stats["num_negatives"] == len(negatives)
    assert artifact.stats["num_bare"] == len(bare)


def test_pairs_of_the_data_set_are_taken_and_every_method_trains(unsafe):
    root, result = unsafe
    assert "generate-pairs" not in stages(result)
    assert methods(root, result) == ["base", "sft", "dpo", "d2o"]
    html = Path(result.report).read_text(encoding="utf-8")
    for name in ("pku-saferlhf", "SFT", "DPO", "D2O"):
        assert name in html


def test_choice_situations_that_are_generated_run_to_a_report(prefect_api, tmp_path):
    result = nightly(tmp_path, "ingest.source=risk-synthetic", "ingest.num_situations=120")
    assert methods(tmp_path, result) == ["base", "sft", "dpo", "d2o"]
    assert "choice" in Path(result.report).read_text(encoding="utf-8")


def disliked():
    return [
        {"prompt": said("How do I mend the", number), "response": said("Break the", number)}
        for number in range(60)
    ]


def test_bare_negatives_cannot_build_a_model_from_nothing(prefect_api, tmp_path):
    path = file_of(tmp_path, disliked())
    with pytest.raises(
        InputError, match=r"scratch model .* no demonstration .* start from a model"
    ):
        nightly(tmp_path / "data", "ingest.source=negatives", f"ingest.path={path}")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Return the directory of a small untrained model."""
    directory = tmp_path_factory.mktemp("model")
    texts = [f"{row['prompt']} {row['response']}" for row in disliked()]
    size = SCRATCH_SIZES["nano"]
    build_scratch_model(size, texts, vocab_size=300, context_tokens=128, seed=0, out=directory)
    return directory


def test_a_model_moves_away_from_bare_negatives_without_sft_and_dpo(prefect_api, model, tmp_path):
    root = tmp_path / "data"
    path = file_of(tmp_path, disliked())
    result = nightly(root, "ingest.source=negatives", f"ingest.path={path}", f"model={model}")
    assert methods(root, result) == ["base", "d2o"]
    assert not {"train-sft", "train-dpo", "generate-pairs"} & set(stages(result))
    negatives = rows(root, result, "negatives", NEGATIVES)
    assert negatives
    assert {row.pair_id for row in negatives} == {None}
    assert "D2O" in Path(result.report).read_text(encoding="utf-8")
