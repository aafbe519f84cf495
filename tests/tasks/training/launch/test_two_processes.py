"""Two gloo processes on the CPU train as one does; all in one launch, whose start costs most."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from storage.tables.demonstrations import Demonstration
from storage.tables.negatives import Negative
from storage.tables.pairs import PreferencePair
from storage.tables.table import Message
from tasks.training.d2o.params import D2OParams
from tasks.training.dpo.params import DPOParams
from tasks.training.launch.job import Job
from tasks.training.launch.launch_config import read_launch_config
from tasks.training.launch.launcher import command, environment
from tasks.training.launch.outcome import read_result
from tasks.training.launch.train_where_asked import train_where_asked
from tasks.training.run.run_files import RunFiles
from tasks.training.sft.params import SFTParams
from tests.conftest import CHECKOUT

SHARED = {
    "learning_rate": 1e-3,
    "epochs": 2,
    "batch_size": 4,
    "warmup": 0.0,
    "max_prompt_tokens": 16,
    "max_tokens": 64,
    "bf16": "no",
    "device": "cpu",
}
ADAMW = SFTParams(**SHARED, optimizer="adamw", packing=False)
MUON = SFTParams(**SHARED, optimizer="muon", block_tokens=16)
DPO = DPOParams(**SHARED, engine="packed")
D2O = D2OParams(
    **SHARED | {"batch_size": 2},
    gradient_accumulation_steps=2,
    engine="packed",
    max_samples=3,
    max_kl=1e6,
    kl_every=2,
    kl_samples=4,
    kl_max_tokens=8,
)
# Muon rounds its updates to bfloat16, where the order of a sum may tip the last bit
TOLERANCES = {"sft-adamw": 1e-5, "sft-muon": 2e-3, "dpo": 1e-5, "d2o": 1e-5}


def prompt(index: int) -> dict:
    start = ("The film", "I liked", "The phone that", "A warm", "Not bad", "The story", "It", "We")
    return {
        "prompt_id": f"p{index}",
        "source": "test",
        "split": "train",
        "messages": (Message("text", start[index]),),
        "origin": "test:1",
    }


def demonstration(index: int) -> Demonstration:
    return Demonstration(**prompt(index), completion=" was great" + " from start to end" * index)


def pair(index: int) -> PreferencePair:
    return PreferencePair(
        **prompt(index),
        chosen=" was a great film." + " I liked it." * index,
        rejected=" was dull from start to end."[: 12 + 3 * index],
        labeler_kind="oracle",
        labeler="test",
    )


def negative(index: int) -> Negative:
    anchors = (" was fine.", " was a film", " had a good cast and a plot")[: 1 + index % 3]
    return Negative(
        **prompt(index),
        rejected=" was dull from start to end."[: 12 + 3 * index],
        anchors=anchors,
        anchor_seeds=tuple(range(len(anchors))),
        anchor_templates=("",) * len(anchors),
        anchor_policy="p",
    )


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("two-processes")


@pytest.fixture(scope="module")
def one_process(directory, tiny_checkpoint):
    """Return the results of one process, after the jobs of two were written."""
    (directory / "start").symlink_to(tiny_checkpoint)
    # the last batch of an epoch has 3 rows, or 1, which leaves a process without a row
    jobs = {
        "sft-adamw": ("sft", [demonstration(index) for index in range(5)], ADAMW),
        "sft-muon": ("sft", [demonstration(index) for index in range(8)], MUON),
        "dpo": ("dpo", [pair(index) for index in range(7)], DPO),
        "d2o": ("d2o", [negative(index) for index in range(7)], D2O),
    }
    results = {}
    for name, (method, rows, params) in jobs.items():
        files = RunFiles(start=tiny_checkpoint, out=directory / f"one-{name}")
        results[name] = train_where_asked(method, rows, params, files)
        job = directory / f"job-{name}"
        job.mkdir()
        Job(
            method=method,
            rows=rows,
            params=params,
            files=replace(files, out=directory / f"two-{name}"),
        ).write(job)
    return results


@pytest.fixture(scope="module")
def two_processes(directory, one_process):
    """Run the jobs in two processes."""
    config = read_launch_config(ADAMW.model_copy(update={"launch": "cpu-ddp"}))
    *start, _module, _job = command(directory, config)
    done = subprocess.run(
        [*start, "tests.tasks.training.launch.two_processes", str(directory)],
        env=environment(os.environ),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [path.read_text() for path in sorted(directory.glob("errors-*.log"))]
    assert done.returncode == 0, "\n".join([done.stderr[-2000:], *errors])[-8000:]
    return directory


def curves(result):
    values = {}
    for row in result.steps:
        values.setdefault(row.metric, []).append(row.value)
    return values


@pytest.mark.parametrize(("name", "tolerance"), list(TOLERANCES.items()))
def test_two_processes_learn_what_one_does(name, tolerance, two_processes, one_process):
    one, two = one_process[name], read_result(two_processes / f"job-{name}")
    assert (two.num_rows, two.num_steps, two.stop_reason) == (
        one.num_rows,
        one.num_steps,
        "finished",
    )
    assert two.num_tokens == one.num_tokens
    expected, found = curves(one), curves(two)
    assert found.keys() == expected.keys()
    for metric in ("loss", "grad_norm", "learning_rate", "num_tokens"):
        assert found[metric] == pytest.approx(expected[metric], rel=10 * tolerance, abs=tolerance)
    weights = [
        load_file(two_processes / f"{n}-{name}" / "model.safetensors") for n in ("one", "two")
    ]
    start = load_file(two_processes / "start" / "model.safetensors")
    assert weights[0].keys() == weights[1].keys()
    for parameter, value in weights[0].items():
        assert torch.allclose(weights[1][parameter], value, rtol=0, atol=tolerance)
    assert any((weights[1][key] - start[key]).abs().max() > 2e-3 for key in start)


@pytest.mark.parametrize(
    ("name", "metrics"),
    [
        ("dpo", ("rewards/margins", "response_length", "logps/chosen", "logps/rejected")),
        ("d2o", ("kl", "kl/forward", "d2o/margin", "logps/rejected")),
    ],
)
def test_metrics_are_those_of_all_rows(name, metrics, two_processes, one_process):
    expected = curves(one_process[name])
    found = curves(read_result(two_processes / f"job-{name}"))
    for metric in metrics:
        assert found[metric] == pytest.approx(expected[metric], abs=1e-4)


def test_the_first_process_writes_the_policy_and_progress(two_processes):
    written = {path.name for path in (two_processes / "two-dpo").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= written
    lines = (two_processes / "job-dpo" / "progress.jsonl").read_text().splitlines()
    assert json.loads(lines[0])[:2] == [0, 4]
    assert json.loads(lines[-1])[:2] == [4, 4]
    assert [json.loads(line)[0] for line in lines] == sorted(json.loads(line)[0] for line in lines)


def seen(directory: Path, what: str) -> list[dict]:
    return [json.loads((directory / f"seen-{n}.json").read_text())[what] for n in (0, 1)]


def test_a_model_cut_in_two_gives_the_packed_gradients_of_a_whole_one(two_processes):
    for difference in seen(two_processes, "sharded"):
        assert difference["logps"] < 1e-5
        assert difference["gradient"] < 1e-5
        assert 0.4 < difference["pieces"] < 0.6


def test_a_model_cut_in_two_is_saved_whole(two_processes):
    first, second = (difference["gathered"] for difference in seen(two_processes, "sharded"))
    assert first > 0
    assert second == 0
    saved = load_file(two_processes / "cut" / "model.safetensors")
    start = load_file(two_processes / "start" / "model.safetensors")
    assert saved.keys() == start.keys()
    for name, value in start.items():
        assert torch.equal(saved[name], value)


def test_an_adapter_cut_in_two_is_merged_as_a_whole_one(two_processes):
    """Its layers are cut too, so what is added to which weight must be put together first."""
    whole, cut, start = (
        load_file(two_processes / name / "model.safetensors")
        for name in ("whole-adapter", "cut-adapter", "start")
    )
    assert cut.keys() == whole.keys() == start.keys()
    for name, value in whole.items():
        assert torch.allclose(cut[name], value, atol=1e-6)
    assert any((cut[name] - start[name]).abs().max() > 0.01 for name in start)


def test_processes_agree(two_processes):
    """One has 1, the other 2 and alone b."""
    for agreed in seen(two_processes, "agreed"):
        assert agreed["from first"] == 10.0
        assert agreed["on any"] is True
        assert agreed["on none"] is False
        assert agreed["mean"] == {"a": 1.5, "b": 4.0}
