import random

import pytest
import torch
from transformers import BloomConfig, BloomForCausalLM

from storage.input_error import InputError
from tasks.sampling.encoding import Encoded
from tasks.training.run.run_files import RunFiles
from tasks.training.sft.blocks import Padding, pack_apart, separate
from tasks.training.sft.packed_reading import readable, reads_packed_rows
from tasks.training.sft.params import SFTParams
from tasks.training.sft.train_sft import train_sft

PARAMS = SFTParams(
    completion_only=True,
    batch_size=8,
    epochs=3,
    warmup=0.0,
    block_tokens=48,
    max_prompt_tokens=16,
    max_tokens=64,
    bf16="no",
    device="cpu",
)


def texts(count, seed=0):
    drawn = random.Random(seed)
    return [
        Encoded(
            prompt_ids=tuple(drawn.randrange(2, 250) for _ in range(drawn.randint(1, 9))),
            completion_ids=tuple(drawn.randrange(2, 250) for _ in range(drawn.randint(1, 12))),
        )
        for _ in range(count)
    ]


def parts(block):
    """Return the texts of a block: each begins where the positions do."""
    starts = [place for place, at in enumerate(block["position_ids"]) if at == 0]
    ends = [*starts[1:], len(block["input_ids"])]
    return [
        (tuple(block["input_ids"][start:end]), tuple(block["labels"][start:end]))
        for start, end in zip(starts, ends, strict=True)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_packed_demonstrations_stay_whole(seed):
    rows = texts(40, seed)
    packed = sorted(part for block in pack_apart(rows, 24) for part in parts(block))
    alone = separate(rows, completion_only=True)
    assert packed == sorted((tuple(b["input_ids"]), tuple(b["labels"])) for b in alone)


def test_blocks_are_not_overfilled_and_few():
    """Texts of 2 to 21 tokens leave next to nothing free in blocks of 64."""
    rows = texts(200)
    blocks = pack_apart(rows, 64)
    total = sum(len(row.prompt_ids + row.completion_ids) for row in rows)
    assert max(len(block["input_ids"]) for block in blocks) <= 64
    assert len(blocks) <= total / 64 * 1.05 + 1


def test_best_fit_worked_by_hand():
    """Lengths 5, 4, 3, 2 in blocks of 7: 5 + 2 and 4 + 3; one of 9 stands alone."""
    rows = [Encoded(prompt_ids=(9,), completion_ids=(8,) * (n - 1)) for n in (2, 9, 5, 3, 4)]
    assert [[len(ids) for ids, _ in parts(block)] for block in pack_apart(rows, 7)] == [
        [9],
        [5, 2],
        [4, 3],
    ]


def test_packed_demonstrations_have_the_loss_and_gradients_of_separate_ones(tiny_policy):
    """On each architecture; the mean over all labels, summed up from logits."""
    model, rows = tiny_policy.model.eval(), texts(9)
    found = []
    for blocks in (pack_apart(rows, 40), separate(rows, completion_only=True)):
        batch = Padding(0)(blocks)
        model.zero_grad()
        loss = model(**readable(batch)).loss
        loss.backward()
        found.append((len(blocks), loss.item(), [p.grad.clone() for p in model.parameters()]))
    (num_packed, packed, ours), (num_rows, alone, theirs) = found
    assert num_packed <= 5 < num_rows == 9
    assert packed == pytest.approx(alone, abs=1e-5)
    for one, other in zip(ours, theirs, strict=True):
        assert (one - other).norm() <= 1e-4 * other.norm() + 1e-7


def test_with_an_attention_mask_they_would_see_each_other(tiny_llama):
    """Why the batch's mask is not given to the model."""
    batch = Padding(0)(pack_apart(texts(9), 40))
    apart = tiny_llama.model(**readable(batch)).loss.item()
    joined = tiny_llama.model(**batch, use_cache=False).loss.item()
    assert abs(apart - joined) > 0.01


def test_models_are_tried_before_they_read_packed_rows(tiny_policy):
    tiny_policy.model.train()
    assert reads_packed_rows(tiny_policy.model)
    assert tiny_policy.model.training


def bloom():
    torch.manual_seed(0)
    return BloomForCausalLM(BloomConfig(vocab_size=300, hidden_size=16, n_layer=2, n_head=2))


def test_a_model_without_positions_cannot_read_packed_rows():
    assert not reads_packed_rows(bloom())


def test_such_a_model_is_trained_on_padded_rows(demonstrations, tiny_llama, tmp_path, caplog):
    model = bloom()
    model.save_pretrained(tmp_path / "bloom")
    tiny_llama.tokenizer.save_pretrained(tmp_path / "bloom")
    results = [
        train_sft(
            demonstrations,
            PARAMS.model_copy(update={"packing": packing}),
            RunFiles(start=tmp_path / "bloom", out=tmp_path / str(packing)),
        )
        for packing in (True, False)
    ]
    assert "demonstrations are padded instead of packed: BloomForCausalLM" in caplog.text
    assert results[0].steps == results[1].steps


def test_packed_training_is_that_of_padded_rows(demonstrations, tiny_checkpoint, tmp_path):
    """All demonstrations are in one batch in both layouts; only the order of sums differs."""
    packed, padded = (
        train_sft(
            demonstrations,
            PARAMS.model_copy(update={"packing": packing}),
            RunFiles(start=tiny_checkpoint, out=tmp_path / str(packing)),
        )
        for packing in (True, False)
    )
    for metric in ("loss", "grad_norm", "num_tokens"):
        ours, theirs = (
            [row.value for row in result.steps if row.metric == metric]
            for result in (packed, padded)
        )
        assert ours == pytest.approx(theirs, rel=1e-3), metric
        assert len(ours) == 3


def test_rows_that_all_lack_room_are_refused(demonstrations, tiny_checkpoint, tmp_path):
    params = PARAMS.model_copy(update={"max_prompt_tokens": 1, "max_tokens": 1})
    with pytest.raises(InputError, match="8 were given and none"):
        train_sft(demonstrations, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
