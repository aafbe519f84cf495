"""KTO on random policies of 20k parameters."""

import math
from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from storage.input_error import InputError
from storage.tables.table import Message
from tasks.sampling.encoding import Encoded
from tasks.sampling.logps import sequence_logps
from tasks.sampling.model import load_model
from tasks.training.base.base_model import directory_fingerprint
from tasks.training.kto.encoded_kto_trainer import trl_trainer
from tasks.training.kto.params import KTOParams
from tasks.training.kto.train_kto import train_kto
from tasks.training.kto.unpaired_answers import UnpairedAnswer, kto_rows, unpaired_answers
from tasks.training.run.run_files import RunFiles
from tasks.training.run.trainer_arguments import trainer_arguments

PARAMS = KTOParams(
    learning_rate=1e-3,
    epochs=3,
    batch_size=4,
    warmup=0.0,
    max_prompt_tokens=16,
    max_tokens=64,
    bf16="no",
    device="cpu",
)


def changed(**changes):
    return PARAMS.model_copy(update=changes)


def values(result, metric):
    return [row.value for row in result.steps if row.metric == metric]


def answer(number, *, desirable=True):
    return UnpairedAnswer("row", Encoded(prompt_ids=(1,), completion_ids=(number,)), desirable)


def test_the_first_loss_is_a_half_of_each_weight(pairs, tiny_checkpoint, tmp_path):
    """Policy and reference are equal, so both sigmoids are of 0; 8 of 16 answers are desirable."""
    params = changed(batch_size=16, desirable_weight=1.0, undesirable_weight=3.0)
    result = train_kto(pairs, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert values(result, "loss")[0] == pytest.approx((8 * 0.5 * 1 + 8 * 0.5 * 3) / 16, abs=1e-6)
    assert values(result, "reference_point")[0] == 0.0
    assert values(result, "rewards/margins")[0] == 0.0


def test_training_tells_desirable_answers_from_undesirable_ones(pairs, tiny_checkpoint, tmp_path):
    before = directory_fingerprint(tiny_checkpoint)
    result = train_kto(pairs, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert (result.num_rows, result.num_dropped, result.num_steps) == (16, 0, 12)
    assert result.stop_reason == "finished"
    assert directory_fingerprint(tiny_checkpoint) == before
    sums = [logps_of(pairs, directory) for directory in (tiny_checkpoint, tmp_path / "policy")]
    assert sums[1]["chosen"] > sums[0]["chosen"] + 1
    assert sums[1]["rejected"] < sums[0]["rejected"] - 1
    assert values(result, "loss")[-1] < 0.5


def test_negatives_alone_become_unlikely(negatives, tiny_checkpoint, tmp_path):
    result = train_kto(negatives, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert result.num_rows == 8
    assert values(result, "loss")[0] == pytest.approx(0.5, abs=1e-6)
    assert values(result, "rewards/chosen") == []
    sums = [logps_of(negatives, directory) for directory in (tiny_checkpoint, tmp_path / "policy")]
    assert sums[1]["rejected"] < sums[0]["rejected"] - 1


def logps_of(rows, directory):
    loaded = load_model(directory)
    found = {True: [], False: []}
    for item in unpaired_answers(rows, loaded.tokenizer, PARAMS):
        found[item.desirable].append(item.encoded)
    names = {True: "chosen", False: "rejected"}
    return {
        name: sum(sequence_logps(loaded, found[kind])) / len(rows)
        for kind, name in names.items()
        if found[kind]
    }


def test_trls_reference_log_probabilities_are_ours(tiny_policy, pairs, tmp_path):
    """Sums over the completion with its end token, behind its own prompt and behind another one."""
    params = changed(batch_size=6)
    rows = kto_rows(unpaired_answers(pairs, tiny_policy.tokenizer, params), params, 6)
    arguments = trainer_arguments(
        params, num_rows=len(rows), device=tiny_policy.device, output_dir=str(tmp_path)
    )
    trainer = trl_trainer(tiny_policy, rows, params, arguments)
    own = [row.answer.encoded for row in rows]
    mismatched = [replace(row.answer.encoded, completion_ids=row.mismatched_ids) for row in rows]
    for column, encoded in (("ref_logps", own), ("ref_KL_logps", mismatched)):
        expected = sequence_logps(tiny_policy, encoded)
        assert list(trainer.train_dataset[column]) == pytest.approx(expected, abs=1e-4)


def test_the_loss_is_that_of_the_paper(tiny_policy, pairs, tmp_path):
    """Equations 7 and 8 by hand, from log-probabilities that our own code computes."""
    params = changed(batch_size=16, beta=0.3, desirable_weight=2.0)
    rows = kto_rows(unpaired_answers(pairs, tiny_policy.tokenizer, params), params, 16)
    arguments = trainer_arguments(
        params, num_rows=len(rows), device=tiny_policy.device, output_dir=str(tmp_path)
    )
    trainer = trl_trainer(tiny_policy, rows, params, arguments)
    batch = trainer.data_collator([trainer.train_dataset[index] for index in range(16)])
    reference = batch["ref_logps"] - torch.linspace(-3, 3, 16)
    ref_mismatched = batch["ref_KL_logps"] - torch.linspace(-1, 2, 16)
    loss = trainer._compute_loss(
        tiny_policy.model,
        {**batch, "ref_logps": reference, "ref_KL_logps": ref_mismatched},
        return_outputs=False,
    )
    logps = sequence_logps(tiny_policy, [row.answer.encoded for row in rows])
    point = 0.5  # the mean of -1 to 2
    expected = []
    for row, ratio in zip(rows, torch.tensor(logps) - reference, strict=True):
        sign, weight = (1, 2.0) if row.answer.desirable else (-1, 1.0)
        expected.append(weight * (1 - 1 / (1 + math.exp(-0.3 * sign * (float(ratio) - point)))))
    assert loss.item() == pytest.approx(sum(expected) / 16, abs=1e-5)


def test_the_loss_without_a_reference_point_has_none(pairs, tiny_checkpoint, tmp_path):
    params = changed(loss_type="apo_zero_unpaired", max_steps=2)
    result = train_kto(pairs, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert values(result, "loss")[0] == pytest.approx(0.5, abs=1e-6)
    assert set(values(result, "reference_point")) == {0.0}


def test_the_same_seed_gives_the_same_weights(pairs, tiny_checkpoint, tmp_path):
    for name, seed in (("first", 0), ("second", 0), ("other", 1)):
        train_kto(pairs, changed(seed=seed), RunFiles(start=tiny_checkpoint, out=tmp_path / name))
    first, second, other = (
        directory_fingerprint(tmp_path / name)["model.safetensors"]
        for name in ("first", "second", "other")
    )
    assert first == second
    assert first != other


def test_an_adapter_is_trained_and_merged(pairs, tiny_checkpoint, tmp_path):
    """The reference is the policy with its adapter as it was, which is no adapter."""
    params = changed(lora_rank=4, learning_rate=1e-2)
    result = train_kto(pairs, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert values(result, "loss")[0] == pytest.approx(0.5, abs=1e-6)
    sums = [logps_of(pairs, directory) for directory in (tiny_checkpoint, tmp_path / "policy")]
    margins = [found["chosen"] - found["rejected"] for found in sums]
    assert margins[1] > margins[0] + 1


def test_an_answer_without_room_is_dropped_and_the_other_one_of_its_pair_stays(
    pairs, tiny_checkpoint, tmp_path
):
    """A prompt of 14 tokens fills the limit; a negative and its pair count answers."""
    long = replace(
        pairs[0],
        messages=(Message("text", "The story was dull and the phone was broken and old"),),
    )
    params = PARAMS.model_copy(update={"max_prompt_tokens": 14, "max_tokens": 14})
    result = train_kto(
        [long, *pairs], params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    assert (result.num_rows, result.num_dropped) == (16, 2)


def test_every_row_is_matched_with_another_one_of_its_batch():
    rows = kto_rows([answer(number) for number in range(10)], changed(seed=3), 4)
    own = [row.answer.encoded.completion_ids[0] for row in rows]
    other = [row.mismatched_ids[0] for row in rows]
    assert sorted(own) == list(range(10))
    assert own != list(range(10))
    for start in (0, 4, 8):
        batch = own[start : start + 4]
        assert other[start : start + 4] == [batch[-1], *batch[:-1]]


def test_a_last_answer_alone_in_its_batch_is_matched_with_the_one_before():
    rows = kto_rows([answer(number) for number in range(5)], PARAMS, 4)
    assert rows[4].mismatched_ids == rows[3].answer.encoded.completion_ids


@pytest.mark.parametrize(
    ("num_answers", "group", "said"),
    [
        pytest.param(1, 4, "there are 1 answers in batches of 4", id="one answer"),
        pytest.param(8, 1, "there are 8 answers in batches of 1", id="one a process"),
    ],
)
def test_too_few_answers_to_measure_by_are_refused(num_answers, group, said):
    with pytest.raises(InputError, match=said):
        kto_rows([answer(number) for number in range(num_answers)], PARAMS, group)


def test_without_an_answer_nothing_is_trained_or_written(tiny_checkpoint, tmp_path):
    with pytest.raises(InputError, match="there are no answers to train on: none was given"):
        train_kto([], PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert not (tmp_path / "policy").exists()


def test_a_batch_of_one_is_refused_by_the_parameters():
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        KTOParams(batch_size=1)


def test_precision_and_recomputation_follow_our_parameters(tiny_llama, pairs, tmp_path):
    """TRL turns bfloat16 and activation checkpointing on by itself, on a CPU too."""
    rows = kto_rows(unpaired_answers(pairs, tiny_llama.tokenizer, PARAMS), PARAMS, 4)
    arguments = trainer_arguments(
        PARAMS, num_rows=len(rows), device=tiny_llama.device, output_dir=str(tmp_path)
    )
    args = trl_trainer(tiny_llama, rows, PARAMS, arguments).args
    assert (args.bf16, args.fp16, args.gradient_checkpointing) == (False, False, False)
    assert not tiny_llama.model.is_activation_checkpointing


class ToldToStopError(Exception):
    """Stands for what ends a process."""


def test_an_interrupted_run_goes_on_as_if_nothing_had_been(pairs, tiny_checkpoint, tmp_path):
    params = changed(checkpoint_every=3)

    def stop(done, _total, _note=""):
        if done == 5:
            raise ToldToStopError

    whole = train_kto(pairs, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "whole"))
    places = {"start": tiny_checkpoint, "out": tmp_path / "parts", "checkpoints": tmp_path / "kept"}
    with pytest.raises(ToldToStopError):
        train_kto(pairs, params, RunFiles(**places, progress=stop))
    parts = train_kto(pairs, params, RunFiles(**places))
    assert parts.steps == whole.steps
    expected = load_model(tmp_path / "whole").model.state_dict()
    for name, tensor in load_model(tmp_path / "parts").model.state_dict().items():
        assert torch.equal(tensor, expected[name])


def test_child_processes_are_refused_by_the_parameters():
    with pytest.raises(ValidationError, match="trains in this one"):
        KTOParams(launch="ddp")


def test_nothing_but_the_policy_is_written_or_sent(pairs, tiny_checkpoint, tmp_path, monkeypatch):
    sent = []
    monkeypatch.setattr("trl.trainer.base_trainer.send_telemetry", lambda **_: sent.append(1))
    monkeypatch.delenv("CI", raising=False)
    train_kto(
        pairs,
        changed(max_steps=2, checkpoint_every=1),
        RunFiles(start=tiny_checkpoint, out=tmp_path / "policy", checkpoints=tmp_path / "kept"),
    )
    assert sent == []
    assert list(tmp_path.rglob("README.md")) == []
    assert {path.name for path in (tmp_path / "policy").iterdir()} == {
        path.name for path in tiny_checkpoint.iterdir()
    }
