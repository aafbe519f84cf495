import pytest
import torch
from pydantic import ValidationError

from tasks.training.d2o.params import D2OParams
from tasks.training.dpo.params import DPOParams
from tasks.training.params import TrainingParams
from tasks.training.run.precision import cpu_has_bf16, use_bf16
from tasks.training.run.trainer_arguments import num_optimizer_steps
from tasks.training.sft.params import SFTParams


@pytest.mark.parametrize("model", [SFTParams, DPOParams, D2OParams])
def test_every_field_has_a_help_text(model):
    for name, field in model.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize(
    ("model", "wrong", "message"),
    [
        (DPOParams, {"beta": -1}, "greater than 0"),
        (DPOParams, {"beta": 0}, "greater than 0"),
        (DPOParams, {"loss_type": "sigmod"}, "'sigmoid'"),
        (
            DPOParams,
            {"label_smoothing": 0.1},
            r"label_smoothing \(0.1\) has no effect on loss_type",
        ),
        (DPOParams, {"loss_type": "exo_pair"}, "needs label_smoothing above 0"),
        (DPOParams, {"max_prompt_tokens": 512}, r"\(512\) must be below max_tokens \(512\)"),
        (D2OParams, {"alpha": 0}, "greater than 0"),
        (D2OParams, {"max_kl": 0}, "greater than 0"),
        (SFTParams, {"quantize": "4bit"}, "needs lora_rank above"),
        (SFTParams, {"learning_rate": float("nan")}, "finite number"),
        (SFTParams, {"lr": 0.1}, "Extra inputs are not permitted"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_wrong_parameters_are_refused_with_their_values(model, wrong, message):
    with pytest.raises(ValidationError, match=message):
        model(**wrong)


def test_exo_pair_with_smoothing_is_accepted():
    assert DPOParams(loss_type="exo_pair", label_smoothing=0.001).loss_type == "exo_pair"


@pytest.mark.parametrize(
    ("num_rows", "changes", "expected"),
    [
        (32, {"batch_size": 16, "epochs": 1.0}, 2),
        (33, {"batch_size": 16, "epochs": 1.0}, 3),
        (33, {"batch_size": 16, "epochs": 2.0, "gradient_accumulation_steps": 2}, 4),
        (32, {"batch_size": 16, "epochs": 2.5}, 5),
        (1, {"batch_size": 16, "epochs": 0.01}, 1),
        (320, {"batch_size": 16, "epochs": 3.0, "max_steps": 7}, 7),
        (32, {"batch_size": 16, "epochs": 1.0, "max_steps": 7}, 2),
    ],
)
def test_steps_are_whole_batches_of_the_epochs_up_to_the_limit(num_rows, changes, expected):
    assert num_optimizer_steps(TrainingParams(**changes), num_rows) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16\n", True),
        ("flags\t\t: fpu amx_bf16\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("flags\t\t: fpu avx2\n", False),
        ("model name\t: bf16 in a name\nflags\t\t: fpu\n", False),
        ("", False),
    ],
)
def test_bfloat16_is_read_from_the_processors_flags(tmp_path, text, expected):
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_has_bf16(tmp_path / "cpuinfo") is expected


def test_without_a_cpuinfo_file_there_is_no_bfloat16(tmp_path):
    assert cpu_has_bf16(tmp_path / "none") is False


def test_yes_and_no_do_not_ask_the_device():
    device = torch.device("cpu")
    assert use_bf16("yes", device) is True
    assert use_bf16("no", device) is False
    assert isinstance(use_bf16("auto", device), bool)
