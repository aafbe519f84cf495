"""What a model's size decides in the quick path."""

import pytest

from tasks.training.d2o.params import D2OParams
from tasks.training.unlearn.quick_params import (
    context_tokens,
    learning_rate_for,
    num_parameters,
    quick_params,
)


def quick(checkpoint, given=None, **changes):
    asked = {"steps": 50, "num_samples": 5, "learning_rate": 0.0, **changes}
    return quick_params(given or D2OParams(), checkpoint, **asked)


@pytest.mark.parametrize(
    ("count", "rate"),
    [
        (260_000, 3e-4),
        (10_000_000, 3e-4),
        (10_000_001, 1e-4),
        (124_000_000, 1e-5),
        (1_000_000_000, 1e-5),
        (7_000_000_000, 5e-6),
    ],
)
def test_larger_models_take_smaller_steps(count, rate):
    assert learning_rate_for(count) == rate


def test_parameters_are_counted_without_loading_them(tiny_checkpoint, tiny_llama):
    assert num_parameters(tiny_checkpoint) == sum(
        weights.numel() for weights in tiny_llama.model.parameters()
    )
    assert context_tokens(tiny_checkpoint) == 128


def test_defaults_come_from_the_model(tiny_checkpoint):
    params = quick(tiny_checkpoint)
    assert (params.max_steps, params.max_samples, params.learning_rate) == (50, 5, 3e-4)
    assert (params.max_tokens, params.max_prompt_tokens) == (128, 64)


def test_what_the_user_sets_is_kept(tiny_checkpoint):
    given = D2OParams(learning_rate=7e-4, max_tokens=100, max_prompt_tokens=50, margin_cutoff=0)
    params = quick(tiny_checkpoint, given)
    assert params.learning_rate == 7e-4
    assert (params.max_tokens, params.max_prompt_tokens) == (100, 50)
    assert params.margin_cutoff == 0
    assert quick(tiny_checkpoint, given, learning_rate=1e-3).learning_rate == 1e-3


def test_few_steps_are_measured_all_the_same(tiny_checkpoint):
    assert quick(tiny_checkpoint, steps=4).kl_every == 1
    assert quick(tiny_checkpoint, steps=50).kl_every == D2OParams().kl_every
