import pytest
import torch

from storage.input_error import InputError
from tasks.sampling.encoding import Encoded, encode
from tasks.sampling.logps import sequence_logps
from tasks.sampling.model import load_model
from tasks.training.base.base_model import directory_fingerprint
from tasks.training.run.run_files import RunFiles
from tasks.training.sft.blocks import pack, separate
from tasks.training.sft.params import SFTParams
from tasks.training.sft.train_sft import train_sft

PARAMS = SFTParams(
    epochs=10,
    batch_size=2,
    block_tokens=32,
    max_prompt_tokens=16,
    max_tokens=64,
    bf16="no",
    device="cpu",
)
ROWS = [
    Encoded(prompt_ids=(0, 5, 6), completion_ids=(7, 1)),
    Encoded(prompt_ids=(0,), completion_ids=(8, 9, 10, 1)),
    Encoded(prompt_ids=(0, 5), completion_ids=(1,)),
]


def values(result, metric):
    return [row.value for row in result.steps if row.metric == metric]


def nats(checkpoint, rows):
    loaded = load_model(checkpoint)
    encoded = [
        encode(row.messages, row.completion, loaded.tokenizer, max_prompt_tokens=16, max_tokens=64)
        for row in rows
    ]
    return -sum(sequence_logps(loaded, encoded)) / sum(len(e.completion_ids) for e in encoded)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize("packing", [True, False])
def test_the_policy_learns_the_demonstrations(
    demonstrations, tiny_checkpoint, tmp_path, optimizer, packing
):
    params = PARAMS.model_copy(update={"optimizer": optimizer, "packing": packing})
    result = train_sft(
        demonstrations, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    assert (result.num_rows, result.num_dropped, result.stop_reason) == (8, 0, "finished")
    assert values(result, "loss")[-1] < values(result, "loss")[0]
    assert nats(tmp_path / "policy", demonstrations) < nats(tiny_checkpoint, demonstrations) - 1


def test_the_first_loss_is_the_mean_over_all_tokens_but_the_first(
    demonstrations, tiny_checkpoint, tmp_path
):
    """Counted again without the trainer: one batch of separate rows holds all tokens."""
    params = PARAMS.model_copy(update={"packing": False, "batch_size": 8, "max_steps": 1})
    result = train_sft(
        demonstrations, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    loaded = load_model(tiny_checkpoint)
    rows = []
    for row in demonstrations:
        ids = encode(
            row.messages, row.completion, loaded.tokenizer, max_prompt_tokens=16, max_tokens=64
        )
        whole = ids.prompt_ids + ids.completion_ids
        rows.append(Encoded(prompt_ids=whole[:1], completion_ids=whole[1:]))
    expected = -sum(sequence_logps(loaded, rows)) / sum(len(r.completion_ids) for r in rows)
    assert values(result, "loss") == pytest.approx([expected], abs=1e-4)


def test_packing_puts_every_token_into_one_block():
    blocks = pack(ROWS, 5)
    assert [block["input_ids"] for block in blocks] == [
        [0, 5, 6, 7, 1],
        [0, 8, 9, 10, 1],
        [0, 5, 1],
    ]
    assert all(block["labels"] == block["input_ids"] for block in blocks)


def test_completion_only_hides_the_prompt_from_the_loss():
    blocks = separate(ROWS, completion_only=True)
    assert blocks[0] == {"input_ids": [0, 5, 6, 7, 1], "labels": [-100, -100, -100, 7, 1]}


def test_the_same_seed_gives_the_same_losses_and_weights(demonstrations, tiny_checkpoint, tmp_path):
    first, again = (
        train_sft(demonstrations, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / name))
        for name in ("a", "b")
    )
    assert first.steps == again.steps
    assert directory_fingerprint(tmp_path / "a") == directory_fingerprint(tmp_path / "b")
    other = train_sft(
        demonstrations,
        PARAMS.model_copy(update={"seed": 3}),
        RunFiles(start=tiny_checkpoint, out=tmp_path / "c"),
    )
    assert values(first, "loss") != values(other, "loss")


def test_a_diverging_run_keeps_the_weights_before_it(demonstrations, tiny_checkpoint, tmp_path):
    params = PARAMS.model_copy(
        update={"optimizer": "adamw", "learning_rate": 1e30, "max_grad_norm": 1e30}
    )
    result = train_sft(
        demonstrations, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    assert result.stop_reason == "diverged"
    weights = load_model(tmp_path / "policy").model.parameters()
    assert all(torch.isfinite(parameter).all() for parameter in weights)


def test_bf16_is_close_to_float32(demonstrations, tiny_checkpoint, tmp_path):
    params = PARAMS.model_copy(update={"max_steps": 3})
    exact = train_sft(demonstrations, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "a"))
    rough = train_sft(
        demonstrations,
        params.model_copy(update={"bf16": "yes"}),
        RunFiles(start=tiny_checkpoint, out=tmp_path / "b"),
    )
    assert values(rough, "loss") == pytest.approx(values(exact, "loss"), rel=0.02)
    assert next(load_model(tmp_path / "b").model.parameters()).dtype == torch.float32


def test_without_demonstrations_nothing_is_trained(tiny_checkpoint, tmp_path):
    with pytest.raises(InputError, match="there are no demonstrations to train on"):
        train_sft([], PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))


def test_num_tokens_counts_what_was_read(demonstrations, tiny_checkpoint, tmp_path):
    loaded = load_model(tiny_checkpoint)
    total = sum(
        len(e.prompt_ids + e.completion_ids)
        for e in (
            encode(
                row.messages,
                row.completion,
                loaded.tokenizer,
                max_prompt_tokens=16,
                max_tokens=64,
            )
            for row in demonstrations
        )
    )
    for packing in (True, False):
        params = PARAMS.model_copy(update={"packing": packing, "epochs": 2.0})
        result = train_sft(
            demonstrations, params, RunFiles(start=tiny_checkpoint, out=tmp_path / str(packing))
        )
        assert result.num_tokens == 2 * total
