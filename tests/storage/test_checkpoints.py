import pytest
from small_rows import flip_a_byte, staged

from storage.input_error import InputError

POLICY = "0123456789abcdef"


@pytest.fixture
def weights(tmp_path):
    directory = tmp_path / "weights"
    (directory / "tokenizer").mkdir(parents=True)
    (directory / "model.safetensors").write_bytes(bytes(range(256)) * 100)
    (directory / "tokenizer" / "vocab.json").write_text("{}")
    return directory


def test_a_checkpoint_comes_back_as_it_was_put(store, root, weights):
    relative = store.put_checkpoint(POLICY, weights)
    assert relative == f"checkpoints/{POLICY}"
    found = store.checkpoint(relative, verify=True)
    assert found == root / "checkpoints" / POLICY
    assert (found / "model.safetensors").read_bytes() == bytes(range(256)) * 100
    assert (found / "tokenizer" / "vocab.json").read_text() == "{}"
    assert staged(root) == []


def test_the_first_checkpoint_of_a_policy_stays(store, weights):
    relative = store.put_checkpoint(POLICY, weights)
    (weights / "model.safetensors").write_bytes(b"other")
    assert store.put_checkpoint(POLICY, weights) == relative
    assert (store.checkpoint(relative) / "model.safetensors").stat().st_size == 25_600


def test_what_happens_to_the_source_does_not_touch_the_checkpoint(store, weights):
    relative = store.put_checkpoint(POLICY, weights)
    flip_a_byte(weights / "model.safetensors")
    assert store.checkpoint(relative, verify=True)


def test_damaged_weights_are_refused_if_asked(store, weights):
    relative = store.put_checkpoint(POLICY, weights)
    flip_a_byte(store.checkpoint(relative) / "model.safetensors")
    with pytest.raises(InputError, match=r"model.safetensors' is damaged"):
        store.checkpoint(relative, verify=True)


@pytest.mark.parametrize(
    "relative",
    [
        "",
        "checkpoints",
        "checkpoints/feedfeed",
        "checkpoints/../tags",
        "../x",
        "/etc",
        "tmp",
        POLICY,
    ],
)
def test_what_is_not_a_checkpoint_is_refused(store, weights, relative):
    store.put_checkpoint(POLICY, weights)
    with pytest.raises(InputError, match="has no checkpoint"):
        store.checkpoint(relative)


@pytest.mark.parametrize("policy_id", ["", "..", "a/b", "XYZ", "0123456789abcdeg"])
def test_a_policy_id_that_could_be_a_path_is_refused(store, weights, policy_id):
    with pytest.raises(ValueError, match="is not the id of a policy row"):
        store.put_checkpoint(policy_id, weights)


def test_an_empty_or_missing_directory_is_refused(store, tmp_path):
    (tmp_path / "empty").mkdir()
    for directory in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(InputError, match="holds no files"):
            store.put_checkpoint(POLICY, directory)
