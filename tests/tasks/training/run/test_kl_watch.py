import math
import re

import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from tasks.sampling.model import load_model
from tasks.training.adapters.trainable_state import trainable_state
from tasks.training.run.kl_params import KLParams
from tasks.training.run.kl_watch import KLWatch
from tasks.training.run.resumable import Resumable, read_states, write_states
from tasks.training.run.training_log import TrainingLog

ARGUMENTS = TrainingArguments(report_to="none", use_cpu=True)


class Given(KLWatch):
    """A watch whose measurements are given."""

    kls: dict[int, float]

    def measure(self, step):
        return self.kls[step]


@pytest.fixture
def watch(tiny_checkpoint):
    """Return a watch with a policy of its own, given measurements, and its log."""

    def make(kls, *, max_kl=None, **params):
        log = TrainingLog(lambda *_: None)
        policy = load_model(tiny_checkpoint)
        made = Given(
            policy, policy, [(0,)], KLParams(**params), log, max_kl=max_kl, seed=0, bf16=False
        )
        made.kls = dict(enumerate(kls))
        return made, log, policy.model

    return make


def step(watch, number, model):
    """Move every weight to the number of the step, and return whether training goes on."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(number)
    control = TrainerControl()
    watch.on_step_end(ARGUMENTS, TrainerState(global_step=number, max_steps=9), control)
    return not control.should_training_stop


@pytest.mark.parametrize(
    ("kls", "limits", "reason", "detail"),
    [
        ([0, 1, 5, 7], {"kl_stop": 6, "max_kl": None}, "diverged", "7 nats .* beyond kl_stop .6."),
        ([0, 1, 5, 7], {"kl_stop": 6, "max_kl": 4}, "kl_budget", "5 nats .* beyond max_kl .4."),
        ([0, 1, 9, 0], {"kl_stop": 6, "max_kl": 4}, "diverged", "9 nats .* beyond kl_stop .6."),
        ([0, 1, math.nan], {"kl_stop": 0, "max_kl": 4}, "diverged", "nan nats"),
        ([0, 1, math.nan], {"kl_stop": 0, "max_kl": None}, "diverged", "nan nats"),
        ([0, 1, math.inf], {"kl_stop": 0, "max_kl": None}, "diverged", "inf nats"),
        ([0, 1e9, 1e9], {"kl_stop": 0, "max_kl": None}, "finished", ""),
        ([0, 6, 4], {"kl_stop": 6, "max_kl": 6}, "finished", ""),
    ],
)
def test_the_first_limit_that_is_passed_ends_the_run_with_the_weights_before(
    watch, kls, limits, reason, detail
):
    made, log, model = watch(kls, kl_every=1, **limits)
    goes_on = True
    number = 0
    while goes_on and number + 1 < len(kls):
        number += 1
        goes_on = step(made, number, model)
    assert goes_on == (reason == "finished")
    assert log.stop_reason == reason
    assert [row.value for row in log.steps] == pytest.approx(kls[1 : number + 1], nan_ok=True)
    kept = number if goes_on else number - 1
    assert made.good_step == kept
    assert all((parameter == kept).all() for parameter in model.parameters())
    if not goes_on:
        assert log.kept_step == kept
        assert re.search(detail, log.stop_detail)


def test_between_its_steps_nothing_is_measured_but_after_the_last_step_it_is(watch):
    made, log, model = watch([0, *[math.nan] * 3, 1, *[math.nan] * 4, 2], kl_every=4)
    for number in (*range(1, 5), 9):
        step(made, number, model)
    assert [(row.step, row.value) for row in log.steps] == [(4, 1), (9, 2)]


def test_the_start_is_measured_once_and_not_again_after_an_interruption(watch):
    made, log, _ = watch([0.5])
    made.on_train_begin(ARGUMENTS, TrainerState(global_step=3), TrainerControl())
    assert log.steps == []
    made.on_train_begin(ARGUMENTS, TrainerState(global_step=0), TrainerControl())
    assert [(row.step, row.value) for row in log.steps] == [(0, 0.5)]


def test_another_watch_takes_up_the_good_weights(watch, tmp_path):
    made, _, model = watch([0, 1], kl_every=1)
    assert isinstance(made, Resumable)
    step(made, 1, model)
    write_states(tmp_path, {"KLWatch": made.state()})
    other, _, other_model = watch([0, 1])
    other.restore(read_states(tmp_path)["KLWatch"])
    other.put_back()
    assert other.good_step == 1
    assert all((parameter == 1).all() for parameter in other_model.parameters())


def test_only_weights_that_learn_are_kept(tiny_checkpoint):
    model = load_model(tiny_checkpoint).model
    model.requires_grad_(requires_grad=False)
    model.get_input_embeddings().requires_grad_(requires_grad=True)
    kept = trainable_state(model)
    assert list(kept) == ["model.embed_tokens.weight"]
    before = kept["model.embed_tokens.weight"].clone()
    with torch.no_grad():
        model.get_input_embeddings().weight.add_(1)
    assert torch.equal(kept["model.embed_tokens.weight"], before)
