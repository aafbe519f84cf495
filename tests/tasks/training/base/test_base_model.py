import hashlib
from dataclasses import replace

import pytest

from storage.input_error import InputError
from tasks.sampling.model import load_model
from tasks.training.base.base_model import (
    check_model,
    directory_fingerprint,
    make_base_model,
    model_fingerprint,
)
from tasks.training.base.scratch_sizes import SCRATCH_SIZES
from tasks.training.sft.params import SFTParams

PARAMS = SFTParams(vocab_size=300, context_tokens=64)


def test_a_scratch_model_is_made_from_the_demonstrations(demonstrations, tmp_path):
    base = make_base_model("scratch:nano", demonstrations, PARAMS, tmp_path / "base")
    loaded = load_model(base)
    assert base == tmp_path / "base"
    assert loaded.model.config.vocab_size == len(loaded.tokenizer) <= 300
    assert loaded.model.config.max_position_embeddings == 64
    ids = loaded.tokenizer("The film was great").input_ids
    assert ids[0] == loaded.tokenizer.bos_token_id
    assert loaded.tokenizer.decode(ids, skip_special_tokens=True) == "The film was great"


def test_the_same_demonstrations_and_seed_make_the_same_model(demonstrations, tmp_path):
    first, again = (
        directory_fingerprint(make_base_model("scratch:nano", demonstrations, PARAMS, tmp_path / n))
        for n in ("a", "b")
    )
    seeded = PARAMS.model_copy(update={"seed": 1})
    other = directory_fingerprint(
        make_base_model("scratch:nano", demonstrations, seeded, tmp_path / "c")
    )
    assert first == again
    assert other["model.safetensors"] != first["model.safetensors"]
    assert other["tokenizer.json"] == first["tokenizer.json"]


def test_every_scratch_size_divides_its_heads_evenly():
    for name, size in SCRATCH_SIZES.items():
        assert size.hidden_size % size.num_heads == 0, name
        assert (size.hidden_size // size.num_heads) % 2 == 0, name  # rotary halves


def test_the_default_scratch_model_has_about_a_million_parameters(demonstrations, tmp_path):
    """Embeddings 128 V; 4 layers of 4 * 128^2 + 3 * 128 * 344 + 2 * 128; one last norm of 128."""
    base = make_base_model("scratch:tiny", demonstrations, PARAMS, tmp_path / "base")
    model = load_model(base).model
    expected = 128 * model.config.vocab_size + 4 * (4 * 128**2 + 3 * 128 * 344 + 256) + 128
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_without_demonstrations_there_is_no_scratch_model(tmp_path):
    with pytest.raises(InputError, match="no demonstration in split train"):
        make_base_model("scratch:nano", [], PARAMS, tmp_path / "base")


def test_a_directory_is_its_own_base_model(tiny_checkpoint, tmp_path):
    assert make_base_model(str(tiny_checkpoint), [], PARAMS, tmp_path) == tiny_checkpoint


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param("scratch:tyni", "did you mean scratch:tiny", id="misspelt size"),
        pytest.param("scratch:", "There is scratch:nano", id="no size"),
        pytest.param("./nowhere", "no directory that exists", id="missing directory"),
        pytest.param("/nowhere/at/all", "no directory that exists", id="missing absolute path"),
        pytest.param("a/b/c", "no directory that exists", id="too many parts for a hub id"),
        pytest.param("two words", "neither a directory, nor a Hugging Face id", id="no name"),
        pytest.param("", "neither a directory, nor", id="nothing"),
    ],
)
def test_a_model_that_cannot_exist_is_refused_before_any_work(model, message):
    with pytest.raises(InputError, match=message):
        check_model(model)


def test_a_directory_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"lacks config.json and \*.safetensors"):
        check_model(str(tmp_path))


@pytest.mark.parametrize("model", ["Qwen/Qwen3-0.6B", "gpt2", "org/name@refs/pr/1", "scratch:tiny"])
def test_names_that_can_mean_a_model_pass(model):
    check_model(model)


def test_a_hub_model_that_cannot_be_had_is_refused(tmp_path):
    """Tests run with HF_HUB_OFFLINE=1."""
    with pytest.raises(InputError, match=r"'nobody/nothing' .* cannot be had"):
        make_base_model("nobody/nothing", [], PARAMS, tmp_path)


def test_a_directorys_fingerprint_is_the_sha256_of_its_files(tiny_checkpoint):
    fingerprint = model_fingerprint(str(tiny_checkpoint))
    weights = (tiny_checkpoint / "model.safetensors").read_bytes()
    assert fingerprint["model.safetensors"] == hashlib.sha256(weights).hexdigest()
    assert set(fingerprint) == {path.name for path in tiny_checkpoint.iterdir()}


def test_a_hub_models_fingerprint_names_its_revision():
    assert model_fingerprint("org/name@v2") == {"id": "org/name", "revision": "v2"}
    assert model_fingerprint("scratch:tiny") == {}


def test_conversations_are_text_for_a_tokenizer_too(demonstrations, tmp_path):
    from storage.tables.table import Message

    turns = (Message("user", "How was it?"), Message("assistant", "Fine."), Message("user", "Why?"))
    rows = [replace(row, messages=turns) for row in demonstrations]
    assert make_base_model("scratch:nano", rows, PARAMS, tmp_path / "base").is_dir()
