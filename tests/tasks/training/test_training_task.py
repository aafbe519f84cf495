"""What the task of every method does around its training: resumes, warns, clears up."""

from dataclasses import replace

import pyarrow.parquet as pq
import pytest
import torch
from prefect import flow, task
from prefect.client.orchestration import get_client

from storage.input_error import InputError
from storage.store import open_store
from storage.tables.policies import POLICIES
from storage.tables.prompts import PROMPTS
from storage.tables.reference_logps import REFERENCE_LOGPS, ReferenceLogp
from storage.work import Work
from tasks.stage_run import run_stage
from tasks.training.base.task import base_model_task
from tasks.training.dpo.params import DPOParams
from tasks.training.reference.logp_files import KnownLogps
from tasks.training.reference.task import reference_logps
from tasks.training.run.checkpoints import InterruptedTrainingError
from tasks.training.run.training_result import StepMetric, TrainingResult
from tasks.training.sft.params import SFTParams
from tasks.training.task import TrainingJob, may_resume, run_training

QUIET = TrainingResult(
    num_rows=8,
    num_steps=20,
    num_tokens=100,
    train_seconds=0.1,
    stop_reason="finished",
    steps=tuple(StepMetric(step, "rewards/margins", 0.1 * step) for step in range(1, 21)),
)
STILL = replace(
    QUIET,
    steps=tuple(StepMetric(step, "rewards/margins", 0.0) for step in range(1, 21)),
    stop_reason="diverged",
    stop_detail="the gradient norm of step 21 is 2e4",
)


def trained(root, checkpoint, outcomes, look=None):
    """Run one training whose tries end as `outcomes` say; return its result and the tries made."""
    tries = []

    def train(files):
        outcome = outcomes[len(tries)]
        if look:
            look(files)
        files.checkpoints.mkdir(parents=True, exist_ok=True)
        (files.checkpoints / f"try-{len(tries)}").touch()
        tries.append(sorted(path.name for path in files.checkpoints.iterdir()))
        if isinstance(outcome, BaseException):
            raise outcome
        files.out.mkdir(exist_ok=True)
        (files.out / "model.safetensors").write_bytes(b"weights")
        return outcome

    @task
    def given_task():
        store = open_store(root)
        work = Work(stage="given", stage_version=1)
        return run_stage(store, work, (PROMPTS,), lambda _: None, rerun=False)

    @task(retries=1, retry_condition_fn=may_resume)
    def training_task(data, start):
        store = open_store(root)
        job = TrainingJob(
            stage="train-test", method="dpo", data=data, start=start, params=DPOParams()
        )
        return run_training(store, job, train, rerun=False)

    @flow
    def training():
        data = given_task().outputs["prompts"]
        start = base_model_task(str(checkpoint), data, SFTParams(), str(root)).outputs["policies"]
        return training_task(data, start)

    return training(return_state=True), tries


@pytest.fixture
def root(prefect_api, tmp_path):
    return tmp_path / "data"


def test_training_that_ran_out_of_memory_goes_on_once_with_what_it_kept(root, tiny_checkpoint):
    state, tries = trained(root, tiny_checkpoint, [torch.OutOfMemoryError("no memory"), QUIET])
    assert state.is_completed()
    assert tries == [["try-0"], ["try-0", "try-1"]]


def test_after_the_commit_nothing_unfinished_is_left(root, tiny_checkpoint):
    trained(root, tiny_checkpoint, [QUIET])
    unfinished = next(root.rglob("unfinished"))
    assert [path for path in unfinished.iterdir() if path.is_dir()] == []


def test_a_second_loss_of_memory_fails_and_keeps_what_it_kept(root, tiny_checkpoint):
    state, tries = trained(root, tiny_checkpoint, [RuntimeError("a"), RuntimeError("b"), QUIET])
    assert state.is_failed()
    assert len(tries) == 2
    assert list(root.rglob("unfinished/*/try-1"))


@pytest.mark.parametrize(
    "error",
    [
        InputError("the rows are wrong"),
        InterruptedTrainingError("SIGTERM"),
        TypeError("a fault of ours"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_would_fail_again_or_was_wanted_is_not_tried_again(root, tiny_checkpoint, error):
    state, tries = trained(root, tiny_checkpoint, [error, QUIET])
    assert state.is_failed()
    assert len(tries) == 1


def test_alarms_and_the_reason_of_a_stop_stay_with_the_policy(root, tiny_checkpoint, caplog):
    state, _ = trained(root, tiny_checkpoint, [STILL])
    artifact = open_store(root).get(state.result().outputs[POLICIES.name])
    (alarm,) = artifact.stats["alarms"]
    assert (alarm["name"], alarm["step"]) == ("no_movement", 20)
    assert artifact.stats["stop_detail"] == "the gradient norm of step 21 is 2e4"
    assert "stopped early, diverged: the gradient norm of step 21 is 2e4" in caplog.text
    assert "no_movement at step 20: after 20 steps margins are 0" in caplog.text


def test_alarms_are_shown_in_prefect_and_a_quiet_run_shows_none(root, tiny_checkpoint):
    def shown():
        with get_client(sync_client=True) as client:
            found = client.read_artifacts()
        return [item for item in found if item.key == "train-test-alarms"]

    before = len(shown())
    trained(root, tiny_checkpoint, [QUIET])
    assert len(shown()) == before
    trained(root.with_name("other"), tiny_checkpoint, [STILL])
    texts = [item.data for item in shown()]
    assert len(texts) == before + 1
    assert any(str(text).startswith("- **no_movement** (step 20, 0)") for text in texts)


def test_what_the_reference_said_is_stored_even_if_the_training_fails_and_lent_to_the_next(
    root, tiny_checkpoint
):
    row = ReferenceLogp(
        row_id="p1",
        response=0,
        arithmetic="float32",
        tokens_sha256="ab",
        num_tokens=3,
        logp=-4.5,
    )
    lent = []

    def score(files):
        known = KnownLogps(files.reference_logps)
        lent.append(known.known.is_file())
        if not lent[-1]:
            pq.write_table(REFERENCE_LOGPS.to_arrow([row]), known.scored)

    trained(root, tiny_checkpoint, [torch.OutOfMemoryError("no memory"), QUIET], score)
    assert lent == [False, True]
    store = open_store(root)
    (artifact,) = store.artifacts("reference_logps")
    assert store.rows(REFERENCE_LOGPS, artifact) == [row]
    assert artifact.stage == "reference-logps"


def test_what_a_reference_of_few_bits_said_is_not_lent_to_one_of_all_bits(root, tiny_checkpoint):
    row = ReferenceLogp(
        row_id="p1", response=0, arithmetic="float32", tokens_sha256="ab", num_tokens=3, logp=-4.5
    )
    trained(root, tiny_checkpoint, [QUIET])  # makes a policy to be the reference
    store = open_store(root)
    (data,), (start, *_) = store.artifacts("prompts"), store.artifacts("policies")

    @flow
    def lent(quantize):
        with reference_logps(
            store, data=data.artifact_id, reference=start.artifact_id, quantize=quantize
        ) as directory:
            known = KnownLogps(directory)
            was_there = known.known.is_file()
            if not was_there:
                pq.write_table(REFERENCE_LOGPS.to_arrow([row]), known.scored)
        return was_there

    assert [lent("4bit"), lent("no"), lent("4bit"), lent("no")] == [False, False, True, True]
