import math

import pytest
import torch
from transformers import Trainer, TrainingArguments

from tasks.training.run.run_files import RunFiles
from tasks.training.run.step_check import check_norm, refuse_bad_steps
from tasks.training.run.training_log import DivergedError
from tasks.training.sft.params import SFTParams
from tasks.training.sft.train_sft import train_sft

PARAMS = SFTParams(
    batch_size=4,
    packing=False,
    optimizer="adamw",
    learning_rate=1e-2,
    max_steps=4,
    epochs=4,
    max_prompt_tokens=16,
    max_tokens=64,
    bf16="no",
    device="cpu",
)


class Line(torch.nn.Module):
    """The loss `slope * weight + offset`, whose gradient is the slope."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, slope, offset):
        return {"loss": (slope * self.weight + offset).sum()}


def trained(tmp_path, rows, stop_grad_norm, **arguments):
    """Return the weight after a run in order, and what stopped it."""
    model = Line()
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(tmp_path),
            per_device_train_batch_size=1,
            num_train_epochs=1,
            learning_rate=1.0,
            lr_scheduler_type="constant",
            optim="sgd",
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            remove_unused_columns=False,
            train_sampling_strategy="sequential",
            logging_nan_inf_filter=False,
            **arguments,
        ),
        train_dataset=[{"slope": slope, "offset": offset} for slope, offset in rows],
    )
    refuse_bad_steps(trainer, stop_grad_norm)
    said = ""
    try:
        trainer.train()
    except DivergedError as error:
        said = str(error)
    return model.weight.item(), said


@pytest.mark.parametrize(
    ("rows", "bound", "weight", "said"),
    [
        ([(1.0, 0.0), (3.0, 0.0)], 0.0, -2.0, ""),
        ([(1.0, 0.0), (3.0, 0.0)], 3.0, -2.0, ""),
        (
            [(1.0, 0.0), (3.0, 0.0)],
            2.5,
            -1.0,
            "the gradient of step 2 has norm 3, beyond stop_grad_norm (2.5)",
        ),
        ([(1.0, 0.0), (2.0, math.inf)], 0.0, -1.0, "the loss of step 2 is inf"),
        ([(1.0, 0.0), (2.0, math.nan)], 5.0, -1.0, "the loss of step 2 is nan"),
    ],
    ids=["no bound", "at the bound", "beyond it", "infinite loss", "NaN loss"],
)
def test_a_bad_step_is_refused_and_says_why(tmp_path, rows, bound, weight, said):
    """SGD at rate 1 with gradients clipped to 1: each step that is taken moves by 1.

    The gradient of an infinite loss is finite here, so only the loss can tell.
    """
    assert trained(tmp_path, rows, bound) == (pytest.approx(weight, abs=1e-5), said)


def test_the_norm_is_that_of_all_accumulated_batches(tmp_path):
    """Slopes 1 and 3 accumulate to their mean, 2; every loss of a step counts."""
    rows = [(1.0, 0.0), (3.0, 0.0)]
    _, said = trained(tmp_path, rows, 1.5, gradient_accumulation_steps=2)
    assert said == "the gradient of step 1 has norm 2, beyond stop_grad_norm (1.5)"
    rows = [(1.0, math.nan), (3.0, 0.0)]
    assert trained(tmp_path, rows, 0.0, gradient_accumulation_steps=2)[1] == (
        "the loss of step 1 is nan"
    )


@pytest.mark.parametrize("norm", [math.nan, math.inf])
def test_a_norm_that_is_not_finite_is_refused_without_a_bound_too(norm):
    with pytest.raises(DivergedError, match=f"the gradient of step 7 has norm {norm}"):
        check_norm(norm, 7, 0.0)


def test_a_run_beyond_its_gradient_bound_keeps_the_weights_before(
    demonstrations, tiny_checkpoint, tmp_path
):
    """The bound lies between two norms that a free run logs; the logged ones are not yet scaled."""
    free = train_sft(demonstrations, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "free"))
    norms = {row.step: row.value for row in free.steps if row.metric == "grad_norm"}
    assert all(norm > PARAMS.max_grad_norm for norm in norms.values())
    highest = max(norms, key=norms.__getitem__)
    params = PARAMS.model_copy(update={"stop_grad_norm": 0.999 * norms[highest]})
    stopped = train_sft(
        demonstrations, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "stopped")
    )
    assert (stopped.stop_reason, stopped.num_steps) == ("diverged", highest - 1)
    assert f"the gradient of step {highest} has norm" in stopped.stop_detail
