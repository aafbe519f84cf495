"""Self-samples that are drawn anew while D2O trains."""

from dataclasses import replace

import pytest
import torch

from storage.tables.table import Message
from tasks.sampling.logps import sequence_logps
from tasks.sampling.model import load_model
from tasks.training.d2o.d2o_objective import D2OObjective
from tasks.training.d2o.d2o_trainer import D2OTrainer
from tasks.training.d2o.dispreference_batch import encode_negatives
from tasks.training.d2o.live_examples import LiveExamples
from tasks.training.d2o.params import D2OParams
from tasks.training.d2o.reference_scores import ReferenceScores
from tasks.training.d2o.row_order import RowOrder
from tasks.training.d2o.self_samples import SelfSampler
from tasks.training.d2o.train_d2o import train_d2o
from tasks.training.preference.preference_engine import PaddedEngine
from tasks.training.reference.load_references import load_references
from tasks.training.run.run_files import RunFiles
from tasks.training.run.training_log import TrainingLog

PARAMS = D2OParams(
    learning_rate=1e-3,
    epochs=2,
    batch_size=2,
    warmup=0.0,
    max_prompt_tokens=16,
    max_tokens=64,
    max_samples=3,
    max_kl=1e6,
    kl_every=1000,
    kl_samples=4,
    kl_max_tokens=8,
    bf16="no",
    device="cpu",
    safeguards=False,
    resample_every=2,
    warmup_steps=3,
    response_tokens=8,
    margin_cutoff=2.0,
)


def values(result, metric):
    return {row.step: row.value for row in result.steps if row.metric == metric}


class Spy(LiveExamples):
    """Notes what each step reads."""

    def __init__(self, *args):
        super().__init__(*args)
        self.read = []

    def of_rows(self, rows):
        return list(super().of_rows(rows))

    def prepare(self, step, rows):
        super().prepare(step, rows)
        self.read.append((step, tuple(rows), tuple(self.of_rows(rows))))


class NotingEngine:
    """Pads, and notes of which examples the batches are made."""

    def __init__(self):
        self._padded = PaddedEngine(2)
        self.collated = []

    def collate(self, examples):
        self.collated += examples
        return self._padded.collate(examples)

    def logps(self, model, inputs):
        return self._padded.logps(model, inputs)

    def watched_logps(self, model, inputs):
        return self._padded.watched_logps(model, inputs)


def live_of(negatives, start, params, log=None, *, own=None):
    """Return the live examples of a policy, and the policy."""
    policy = load_model(start)
    references = load_references(start, policy, own, None)
    encoded = encode_negatives(negatives, policy.tokenizer, params)
    scores = ReferenceScores(references, PaddedEngine(2), batch_size=4, bf16=False)
    order = RowOrder(
        len(negatives),
        rows_per_step=params.batch_size * params.gradient_accumulation_steps,
        seed=params.seed,
    )
    sampler = SelfSampler(policy, params, bf16=False)
    log = log or TrainingLog(lambda *_: None)
    examples = scores.of(encoded.examples)
    return Spy(encoded.rows, examples, order, scores, sampler, log), policy, order


def samples(example):
    return tuple(item.completion_ids for item in example.encoded[:-1])


def test_until_the_warm_up_is_over_training_is_that_on_frozen_samples(
    negatives, tiny_checkpoint, tmp_path
):
    """Three steps alike, and the fourth, the first on fresh samples, is another."""
    frozen, fresh = (
        train_d2o(negatives, params, RunFiles(start=tiny_checkpoint, out=tmp_path / name))
        for name, params in (
            ("frozen", PARAMS.model_copy(update={"resample_every": 0})),
            ("fresh", PARAMS),
        )
    )
    before, after = values(frozen, "loss"), values(fresh, "loss")
    assert [before[step] for step in (1, 2, 3)] == [after[step] for step in (1, 2, 3)]
    assert before[4] != after[4]
    assert values(fresh, "d2o/fresh_rows") == {
        step: float(step > 3) for step in range(1, len(after) + 1)
    }
    assert [values(fresh, "d2o/sample_age")[step] for step in (4, 5, 6, 7)] == [0, 1, 0, 1]
    assert frozen.completions == ()


def test_only_rows_that_the_next_steps_read_are_drawn_and_every_sample_is_kept(
    negatives, tiny_checkpoint
):
    log = TrainingLog(lambda *_: None)
    live, _, order = live_of(negatives, tiny_checkpoint, PARAMS, log)
    before = live.of_rows(range(8))
    live.prepare(3, order.rows_of(3, 4))
    after = live.of_rows(range(8))
    drawn = {row for row in range(8) if samples(before[row]) != samples(after[row])}
    assert drawn == set(order.rows_of(3, 5))
    assert len(drawn) == 4
    assert {row.step for row in log.completions} == {3}
    kept = sorted(
        (row.completion.prompt_id, row.completion.sample_index) for row in log.completions
    )
    assert kept == sorted((negatives[row].prompt_id, index) for row in drawn for index in range(3))
    for row in drawn:
        assert after[row].encoded[-1] == before[row].encoded[-1]
        assert len(samples(after[row])) == 3


def test_the_reference_and_not_the_policy_says_what_fresh_samples_are_worth(
    negatives, tiny_checkpoint
):
    """The policy is another model by now; the samples are its own, their scores the reference's."""
    live, policy, order = live_of(negatives, tiny_checkpoint, PARAMS)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.mul_(1.3)
    (row, *_) = order.rows_of(3, 4)
    live.prepare(3, [row])
    (example,) = live.of_rows([row])
    reference = load_model(tiny_checkpoint)
    assert example.ref_logps == pytest.approx(sequence_logps(reference, example.encoded), abs=1e-4)
    prompts = {negatives[row].messages: negatives[row].prompt_id}
    redrawn = SelfSampler(policy, PARAMS, bf16=False).draw(prompts, 3)[negatives[row].messages]
    assert samples(example) == tuple(sample.completion_ids for sample in redrawn)


@pytest.mark.parametrize(("batch", "accumulation"), [(3, 1), (2, 3)])
def test_each_step_reads_the_rows_that_were_foretold_with_samples_just_drawn(
    negatives, tiny_checkpoint, tmp_path, batch, accumulation
):
    """With an interval of 1 no row may ever be read with samples that are older."""
    from transformers import TrainingArguments

    params = PARAMS.model_copy(
        update={
            "batch_size": batch,
            "gradient_accumulation_steps": accumulation,
            "resample_every": 1,
            "warmup_steps": 0,
        }
    )
    live, policy, order = live_of(negatives, tiny_checkpoint, params)
    engine = NotingEngine()
    trainer = D2OTrainer(
        live=live,
        order=order,
        objective=D2OObjective(params),
        engine=engine,
        model=policy.model,
        args=TrainingArguments(
            output_dir=str(tmp_path),
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=accumulation,
            num_train_epochs=2,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            remove_unused_columns=False,
        ),
    )
    trainer.train()
    assert [step for step, _, _ in live.read] == list(range(trainer.state.global_step))
    assert trainer.state.global_step == 2 * -(-8 // (batch * accumulation))
    for step, rows, _ in live.read:
        assert list(rows) == order.rows_of(step, step + 1)
    assert engine.collated == [item for _, _, examples in live.read for item in examples]
    last = {}
    for _, rows, examples in live.read:
        for row, example in zip(rows, examples, strict=True):
            assert samples(example) != last.get(row)
            last[row] = samples(example)


def test_rows_of_one_prompt_share_a_draw(negatives, tiny_checkpoint):
    log = TrainingLog(lambda *_: None)
    same = [replace(row, messages=(Message("text", "The film"),)) for row in negatives]
    live, _, order = live_of(same, tiny_checkpoint, PARAMS, log)
    rows = order.rows_of(3, 5)
    live.prepare(3, rows)
    assert len({samples(example) for example in live.of_rows(rows)}) == 1
    assert len(log.completions) == 3


def test_state_and_restore_carry_samples_scores_and_schedule_over(negatives, tiny_checkpoint):
    import json

    live, policy, order = live_of(negatives, tiny_checkpoint, PARAMS)
    live.prepare(3, order.rows_of(3, 4))
    again, other, _ = live_of(negatives, tiny_checkpoint, PARAMS)
    again.restore(json.loads(json.dumps(live.state())))
    assert again.of_rows(range(8)) == live.of_rows(range(8))
    assert again.metrics(4, order.rows_of(4, 5)) == live.metrics(4, order.rows_of(4, 5))
    for step in (4, 5):
        for one in (live, again):
            one.prepare(step, order.rows_of(step, step + 1))
        assert again.of_rows(range(8)) == live.of_rows(range(8))
    assert policy is not other


def test_one_sample_of_each_row_is_enough(negatives, tiny_checkpoint, tmp_path):
    params = PARAMS.model_copy(update={"max_samples": 1})
    result = train_d2o(negatives, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert result.stop_reason == "finished"
    assert {row.completion.sample_index for row in result.completions} == {0}


class CutOffError(Exception):
    """What a test interrupts training with."""


@pytest.mark.parametrize("last_step", [3, 6])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(
    negatives, tiny_checkpoint, tmp_path, last_step
):
    """Samples are drawn after steps 3, 5 and 7, references move after 2, 4 and 6.

    So one checkpoint lies just before a draw, and one between two, in the second epoch.
    """
    params = PARAMS.model_copy(update={"reference_update_every": 2, "checkpoint_every": 1})

    def interrupt(done, total, note=""):
        if done == last_step + 1:
            raise CutOffError

    files = RunFiles(start=tiny_checkpoint, out=tmp_path / "out", checkpoints=tmp_path / "kept")
    with pytest.raises(CutOffError):
        train_d2o(negatives, params, replace(files, progress=interrupt))
    told = []
    resumed = train_d2o(
        negatives, params, replace(files, progress=lambda *progress: told.append(progress[0]))
    )
    assert told[0] == last_step  # it did go on, and not start over
    whole = train_d2o(negatives, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "whole"))
    assert resumed.steps == whole.steps
    assert resumed.completions == whole.completions
    assert len({row.step for row in whole.completions}) == 3
