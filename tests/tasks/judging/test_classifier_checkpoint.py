"""What is no classifier is refused: cheaply if config.json tells, otherwise while it is loaded."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from transformers import BertConfig, BertModel

from storage.input_error import InputError
from tasks.judging.check_classifier import check_classifier
from tasks.judging.classifier import load_classifier
from tests.fakes.tiny_classifier import write_tiny_classifier


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return write_tiny_classifier(tmp_path_factory.mktemp("bert"), architecture="bert")


@pytest.fixture
def copy(bert, tmp_path):
    return shutil.copytree(bert, tmp_path / "copy")


def change_config(directory, **changes):
    path = directory / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return directory


def _without(directory, *names):
    for name in names:
        (directory / name).unlink()
    return directory


def _config(directory, text):
    (directory / "config.json").write_text(text)
    return directory


def _cut(directory):
    weights = directory / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    return directory


def _save_without_head(directory):
    """Save an encoder alone under a config that promises a classifier."""
    config = (directory / "config.json").read_text()
    BertModel(BertConfig.from_pretrained(directory)).save_pretrained(directory)
    return _config(directory, config)


def refusal(call, model):
    with pytest.raises(InputError) as error:
        call(str(model))
    return str(error.value)


def test_a_good_checkpoint_is_checked_without_importing_torch(bert):
    code = (
        "import sys; from tasks.judging.check_classifier import check_classifier; "
        "check_classifier(sys.argv[1]); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, bert], check=False).returncode == 0


def test_a_loaded_classifier_is_in_eval_mode_and_in_float32_on_a_cpu(bert):
    classifier = load_classifier(str(bert), device="cpu").classifier
    assert not classifier.model.training
    assert {parameter.dtype for parameter in classifier.model.parameters()} == {torch.float32}
    assert (classifier.labels, classifier.preferred) == (("NEGATIVE", "POSITIVE"), 1)


@pytest.mark.parametrize("call", [check_classifier, load_classifier], ids=["check", "load"])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda path: path / "none", "does not exist", id="missing"),
        pytest.param(lambda path: _without(path, "config.json"), "lacks config.json", id="config"),
        pytest.param(
            lambda path: _without(path, "model.safetensors"), "pickle are not loaded", id="weights"
        ),
        pytest.param(
            lambda path: change_config(path, architectures=["GPT2LMHeadModel", "Mine"]),
            "is no classifier but a GPT2LMHeadModel, Mine",
            id="another architecture",
        ),
        pytest.param(
            lambda path: change_config(path, id2label={"0": "x", "1": "y"}),
            "knows 'x', 'y'",
            id="no preferred class",
        ),
        pytest.param(
            lambda path: change_config(path, problem_type="multi_label_classification"),
            "several may hold at once",
            id="classes that do not exclude each other",
        ),
        pytest.param(lambda path: _config(path, "{"), "is no JSON", id="broken config"),
        pytest.param(lambda path: _config(path, "[]"), "holds a list", id="config is a list"),
    ],
)
def test_what_a_look_tells_is_refused_by_check_and_load(copy, call, make, message):
    assert message in refusal(call, make(copy))


@pytest.mark.parametrize("call", [check_classifier, load_classifier], ids=["check", "load"])
@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(
            "nobody/no-such-model", "the Hugging Face cache does not hold it", id="hub id"
        ),
        pytest.param(
            "no--such..model", "neither a directory nor a Hugging Face id", id="no hub id"
        ),
        pytest.param("no such model!", "'no such model!' does not exist", id="text"),
    ],
)
def test_a_name_that_means_nothing_is_refused_by_check_and_load(call, model, message):
    """Tests run with HF_HUB_OFFLINE=1."""
    assert message in refusal(call, model)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(
            _save_without_head,
            "holds no weights for classifier.bias, classifier.weight (2 missing)",
            id="a head that was never trained",
        ),
        pytest.param(
            lambda path: _without(path, "tokenizer.json", "tokenizer_config.json"),
            "lacks its tokenizer: 5 tokens were found",
            id="no tokenizer",
        ),
        pytest.param(
            lambda path: change_config(path, id2label={"0": "reward"}, label2id={"reward": 0}),
            "cannot be loaded",
            id="weights of another number of classes",
        ),
        pytest.param(_cut, "cannot be loaded", id="cut weights"),
        pytest.param(
            lambda path: change_config(path, model_type="nobody-knows"),
            "cannot be loaded",
            id="unknown model type",
        ),
    ],
)
def test_what_only_loading_tells_is_refused_by_load(copy, make, message):
    directory = make(copy)
    check_classifier(str(directory))
    assert message in refusal(load_classifier, directory)


def test_a_checkpoint_that_names_no_architecture_is_judged_by_its_weights(copy):
    load_classifier(str(change_config(copy, architectures=None)))


def test_a_language_model_is_refused_whatever_its_config_says(tiny_checkpoint, tmp_path):
    assert "is no classifier but a LlamaForCausalLM" in refusal(load_classifier, tiny_checkpoint)
    posing = shutil.copytree(tiny_checkpoint, tmp_path / "posing")
    change_config(posing, architectures=["LlamaForSequenceClassification"])
    assert "holds no weights for score.weight (1 missing)" in refusal(load_classifier, posing)


def test_classes_that_nobody_named_are_those_of_transformers(copy):
    path = copy / "config.json"
    config = json.loads(path.read_text())
    path.write_text(
        json.dumps({k: v for k, v in config.items() if k not in {"id2label", "label2id"}})
    )
    classifier = load_classifier(str(copy)).classifier
    assert (classifier.labels, classifier.preferred) == (("LABEL_0", "LABEL_1"), 1)


def test_a_device_that_is_not_there_is_refused(bert):
    with pytest.raises(InputError, match="device 'cuda:99' does not exist here"):
        load_classifier(str(bert), device="cuda:99")
