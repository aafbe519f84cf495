"""Small training runs of every method, to be interrupted and gone on with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tasks.sampling.model import load_model
from tasks.training.d2o.params import D2OParams
from tasks.training.dpo.params import DPOParams
from tasks.training.launch.train_where_asked import trainer_of
from tasks.training.params import TrainingParams
from tasks.training.run.run_files import RunFiles
from tasks.training.run.training_result import TrainingResult
from tasks.training.sft.params import SFTParams

SIZES = {
    "max_prompt_tokens": 16,
    "max_tokens": 64,
    "bf16": "no",
    "device": "cpu",
    "checkpoint_every": 2,
    "batch_size": 3,  # 8 rows are two batches of three and one of two
    "epochs": 2.0,
}
KL = {"kl_every": 2, "kl_samples": 4, "kl_max_tokens": 8}
LEARNING = {"learning_rate": 1e-3, "warmup": 0.25}


class StoppedHereError(Exception):
    """Somebody pulled the plug."""


@dataclass(frozen=True)
class Method:
    """A method with small parameters; `rows` names the fixture of its rows."""

    name: str
    rows: str
    params: TrainingParams

    def train(self, rows: Any, params: TrainingParams, files: RunFiles) -> TrainingResult:
        """Train; the method's libraries are imported only now."""
        return trainer_of(self.name)(rows, params, files)


METHODS = {
    "sft-muon": Method("sft", "demonstrations", SFTParams(**SIZES, block_tokens=16, warmup=0.25)),
    "sft-lora": Method(  # its dropout draws random numbers in every step
        "sft",
        "demonstrations",
        SFTParams(
            **SIZES, **LEARNING, packing=False, optimizer="adamw", lora_rank=2, lora_dropout=0.5
        ),
    ),
    "dpo-packed": Method("dpo", "pairs", DPOParams(**SIZES, **LEARNING, engine="packed")),
    "dpo-trl": Method(
        "dpo",
        "pairs",
        DPOParams(**SIZES, **LEARNING, engine="trl", gradient_accumulation_steps=2),
    ),
    "d2o": Method(
        "d2o",
        "negatives",
        D2OParams(**SIZES, **KL, **LEARNING, max_samples=3, max_kl=1e6, kl_stop=0),
    ),
}


class At:
    """A progress listener that does something after one step."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self.reported: list[int] = []
        self._step = step
        self._act = act

    def __call__(self, done: int, _total: int, _note: str = "") -> None:
        """Act where it is time to."""
        self.reported.append(done)
        if done == self._step:
            self._act()


def stop_here() -> None:
    """End the run as a fault in it would."""
    raise StoppedHereError


def kept(files: RunFiles) -> list[str]:
    """Return the names of the checkpoints that are there."""
    return sorted(path.name for path in files.checkpoints.glob("checkpoint-*"))


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a checkpoint."""
    return load_model(checkpoint).model.state_dict()


def assert_same_run(
    result: TrainingResult, out: Path, undisturbed: TrainingResult, its_out: Path
) -> None:
    """Check that two runs took the same steps to the same weights, bit for bit."""
    assert result.steps == undisturbed.steps
    losses = [row.step for row in result.steps if row.metric == "loss"]
    assert losses == list(range(1, len(losses) + 1))
    assert len(losses) >= 4
    for field in ("num_rows", "num_steps", "num_tokens", "stop_reason", "stop_detail"):
        assert getattr(result, field) == getattr(undisturbed, field), field
    theirs = weights(its_out)
    assert weights(out).keys() == theirs.keys()
    for name, own in weights(out).items():
        assert torch.equal(own, theirs[name]), name
