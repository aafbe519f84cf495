import json
import shutil

import pytest
import torch
from pydantic import ValidationError

from storage.input_error import InputError
from tasks.sampling.model import load_model
from tasks.sampling.params import SamplingParams
from tests.fakes.tiny_classifier import write_tiny_classifier


def test_a_loaded_model_is_ready_to_be_asked(tiny_checkpoint):
    loaded = load_model(tiny_checkpoint)
    assert not loaded.model.training
    assert next(loaded.model.parameters()).dtype == torch.float32
    assert loaded.tokenizer.pad_token_id is not None


def test_a_padding_token_is_found_without_changing_the_end_token(tiny_checkpoint, tmp_path):
    copy = shutil.copytree(tiny_checkpoint, tmp_path / "copy")
    config = json.loads((copy / "tokenizer_config.json").read_text())
    config.pop("pad_token")
    (copy / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer = load_model(copy).tokenizer
    assert tokenizer.eos_token == "<|end|>"
    assert tokenizer.pad_token_id == tokenizer.eos_token_id


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda path: path / "none", "does not exist", id="missing"),
        pytest.param(lambda path: _file(path / "x.bin"), "is a file", id="a file"),
        pytest.param(lambda path: path, "lacks config.json and", id="empty directory"),
        pytest.param(lambda path: _file(path / "config.json").parent, "lacks", id="no weights"),
        pytest.param(
            lambda path: _files(path, "config.json", "pytorch_model.bin"),
            "weights as pickle are not loaded",
            id="pickled weights",
        ),
        pytest.param(
            lambda path: _files(path, "config.json", "model.safetensors"),
            "cannot be loaded",
            id="broken files",
        ),
    ],
)
def test_what_is_no_checkpoint_is_refused(tmp_path, make, message):
    with pytest.raises(InputError, match=message):
        load_model(make(tmp_path))


def test_a_hub_id_that_cannot_be_had_is_refused():
    """Tests run with HF_HUB_OFFLINE=1."""
    with pytest.raises(InputError, match="'nobody/no-such-model' cannot be loaded"):
        load_model("nobody/no-such-model")


def test_a_text_that_is_no_name_is_refused():
    with pytest.raises(InputError, match="'no such model!' does not exist"):
        load_model("no such model!")


def test_a_device_that_is_not_there_is_refused(tiny_checkpoint):
    with pytest.raises(InputError, match="device 'cuda:99' does not exist here; there is"):
        load_model(tiny_checkpoint, device="cuda:99")


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -0.1},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"max_tokens": 0},
        {"batch_size": 0},
        {"device": "gpu"},
        {"temprature": 1.0},
    ],
    ids=str,
)
def test_sampling_parameters_out_of_bounds_are_refused(wrong):
    with pytest.raises(ValidationError):
        SamplingParams(**wrong)


def _file(path):
    path.write_text("{}")
    return path


def _files(path, *names):
    for name in names:
        _file(path / name)
    return path


def test_a_classifier_is_no_language_model(tmp_path):
    """Transformers would give it a random head and say so only in a log."""
    with pytest.raises(InputError, match=r"holds no weights for.*no causal language model"):
        load_model(write_tiny_classifier(tmp_path / "classifier"))


def test_a_cut_weights_file_is_refused(tmp_path):
    directory = write_tiny_classifier(tmp_path / "classifier")
    weights = directory / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot be loaded"):
        load_model(directory)
