from collections import Counter
from dataclasses import replace

import pytest
import torch

from storage.input_error import InputError
from tasks.sampling.encoding import Encoded
from tasks.sampling.logps import sequence_logps
from tasks.sampling.model import load_model
from tasks.training.base.base_model import directory_fingerprint
from tasks.training.run.run_files import RunFiles
from tasks.training.sft.blocks import Padding, separate
from tasks.training.sft.early_stopping import held_out_loss
from tasks.training.sft.encode_demonstrations import (
    EncodedDemonstration,
    encode_demonstrations,
)
from tasks.training.sft.held_out import hold_out
from tasks.training.sft.params import SFTParams
from tasks.training.sft.train_sft import train_sft

PARAMS = SFTParams(
    epochs=40,
    batch_size=3,
    packing=False,
    optimizer="adamw",
    learning_rate=0.03,
    max_prompt_tokens=16,
    max_tokens=64,
    bf16="no",
    device="cpu",
    eval_share=0.25,
    eval_every=2,
    patience=2,
)


def values(result, metric):
    return [(row.step, row.value) for row in result.steps if row.metric == metric]


def loss_of_held_out(checkpoint, demonstrations):
    """Measure the written policy on what training must have held out."""
    loaded = load_model(checkpoint)
    rows = encode_demonstrations(demonstrations, loaded.tokenizer, PARAMS).kept
    split = hold_out(rows, PARAMS.eval_share, PARAMS.seed)
    blocks = separate([row.encoded for row in split.held_out], completion_only=False)
    return held_out_loss(loaded.model, [Padding(0)(blocks)], bf16=False)


@pytest.mark.parametrize("changes", [{}, {"lora_rank": 2}, {"optimizer": "muon"}], ids=str)
def test_training_stops_when_the_held_out_loss_falls_no_more(
    demonstrations, tiny_checkpoint, tmp_path, changes
):
    result = train_sft(
        demonstrations,
        SFTParams(**{**PARAMS.model_dump(), **changes}),
        RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"),
    )
    measured = values(result, "eval_loss")
    lowest = min(loss for _, loss in measured)
    best = next(step for step, loss in measured if loss == lowest)
    last = measured[-1][0]
    assert result.stop_reason == "no_improvement"
    assert result.num_steps == best == last - 2 * 2
    assert f"lowest at step {best}, {lowest:.4f} nats per token" in result.stop_detail
    assert [step for step, _ in measured] == list(range(0, last + 1, 2))
    assert loss_of_held_out(tmp_path / "policy", demonstrations) == pytest.approx(lowest, abs=1e-4)
    assert (result.num_rows, result.num_dropped) == (6, 0)


def test_without_patience_all_steps_are_made_and_the_best_weights_kept(
    demonstrations, tiny_checkpoint, tmp_path
):
    params = PARAMS.model_copy(update={"patience": 0, "max_steps": 41})
    result = train_sft(
        demonstrations, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    measured = values(result, "eval_loss")
    step, lowest = min(measured, key=lambda row: row[1])
    assert measured[-1][0] == 41
    assert result.num_steps == step < 41
    assert result.stop_reason == "finished"
    assert loss_of_held_out(tmp_path / "policy", demonstrations) == pytest.approx(lowest, abs=1e-4)


def test_a_training_that_only_harms_keeps_the_start(demonstrations, tiny_checkpoint, tmp_path):
    params = PARAMS.model_copy(
        update={"learning_rate": 100.0, "eval_every": 1, "warmup": 0.0, "patience": 1}
    )
    result = train_sft(
        demonstrations, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    assert (result.num_steps, result.stop_reason) == (0, "no_improvement")
    before, after = (load_model(path).model for path in (tiny_checkpoint, tmp_path / "policy"))
    for name, weights in before.state_dict().items():
        assert torch.equal(weights, after.state_dict()[name]), name


def test_a_diverged_training_keeps_the_best_weights(demonstrations, tiny_checkpoint, tmp_path):
    params = PARAMS.model_copy(
        update={"learning_rate": 1e30, "max_grad_norm": 1e30, "patience": 0, "eval_every": 1}
    )
    result = train_sft(
        demonstrations, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    assert result.stop_reason == "diverged"
    step, lowest = min(values(result, "eval_loss"), key=lambda row: row[1])
    assert result.num_steps == step
    assert loss_of_held_out(tmp_path / "policy", demonstrations) == pytest.approx(lowest, abs=1e-4)


def test_an_interrupted_run_remembers_its_best_weights(demonstrations, tiny_checkpoint, tmp_path):
    """Broken off after the best step and taken up again, it writes what the undisturbed one does."""
    params = PARAMS.model_copy(update={"checkpoint_every": 2})
    files = RunFiles(start=tiny_checkpoint, out=tmp_path / "a", checkpoints=tmp_path / "ca")
    whole = train_sft(demonstrations, params, files)
    broken_at = whole.num_steps + 3

    def break_off(done, _total, _note=""):
        if done == broken_at:
            raise ConnectionError("the machine is gone")

    files = RunFiles(start=tiny_checkpoint, out=tmp_path / "b", checkpoints=tmp_path / "cb")
    with pytest.raises(ConnectionError):
        train_sft(demonstrations, params, replace(files, progress=break_off))
    resumed = train_sft(demonstrations, params, files)
    assert resumed.num_steps == whole.num_steps > 0
    assert resumed.stop_detail == whole.stop_detail
    assert values(resumed, "eval_loss") == values(whole, "eval_loss")
    assert values(resumed, "loss") == values(whole, "loss")
    assert directory_fingerprint(tmp_path / "a") == directory_fingerprint(tmp_path / "b")


def test_the_held_out_loss_is_the_mean_over_all_labels(tiny_policy, demonstrations):
    """In batches of other sizes, and counted again from sequence log-probabilities."""
    rows = encode_demonstrations(demonstrations, tiny_policy.tokenizer, PARAMS).kept
    blocks = separate([row.encoded for row in rows], completion_only=True)
    collate = Padding(0)
    one = held_out_loss(tiny_policy.model, [collate(blocks)], bf16=False)
    several = held_out_loss(
        tiny_policy.model, [collate(blocks[:3]), collate(blocks[3:])], bf16=False
    )
    encoded = [row.encoded for row in rows]
    tokens = sum(len(row.completion_ids) for row in encoded)
    expected = -sum(sequence_logps(tiny_policy, encoded)) / tokens
    assert one == pytest.approx(expected, abs=1e-5)
    assert several == pytest.approx(expected, abs=1e-5)


def rows_of(prompts):
    return [
        EncodedDemonstration(prompt, Encoded(prompt_ids=(0,), completion_ids=(index + 1,)))
        for index, prompt in enumerate(prompts)
    ]


def test_no_prompt_is_on_both_sides():
    rows = rows_of([f"p{index % 20}" for index in range(60)])
    split = hold_out(rows, 0.2, seed=0)
    held_out = {row.prompt_id for row in split.held_out}
    assert len(held_out) == 4
    assert held_out.isdisjoint(row.prompt_id for row in split.trained)
    assert Counter(split.trained + split.held_out) == Counter(rows)
    assert [row for row in rows if row.prompt_id not in held_out] == list(split.trained)


def test_what_is_held_out_depends_on_the_seed_and_not_on_the_order():
    rows = rows_of([f"p{index}" for index in range(40)])

    def held_out(of, seed):
        return {row.prompt_id for row in hold_out(of, 0.2, seed).held_out}

    assert held_out(rows, 0) == held_out(rows[::-1], 0)
    assert held_out(rows, 0) != held_out(rows, 1)


def test_a_share_that_leaves_no_prompt_to_train_on_is_refused():
    with pytest.raises(InputError, match=r"eval_share \(0.5\) of 1 prompts leaves none"):
        hold_out(rows_of(["p", "p"]), 0.5, seed=0)
    assert hold_out(rows_of(["p", "p"]), 0.0, seed=0).held_out == ()


def test_a_small_share_still_holds_out_a_prompt():
    split = hold_out(rows_of(["a", "b", "c"]), 0.01, seed=0)
    assert (len(split.trained), len(split.held_out)) == (2, 1)
