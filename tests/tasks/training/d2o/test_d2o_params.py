"""What D2O's parameters refuse, and that they name both values."""

import pytest

from tasks.training.d2o.params import D2OParams

GUARDED = {"resample_every": 32, "margin_cutoff": 2.0}


def test_resampling_is_off_by_default_and_allowed_with_its_safeguards():
    assert D2OParams().resample_every == D2OParams().reference_update_every == 0
    assert D2OParams(**GUARDED).safeguards


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"resample_every": 15}, r"resample_every \(15\).*at least 16.*safeguards is True"),
        ({"margin_cutoff": 0.0}, r"margin_cutoff \(0.0\) must be above 0.*\(32\)"),
        ({"adam_epsilon": 1e-8}, r"adam_epsilon \(1e-08\) must be at least 1e-05.*\(32\)"),
    ],
)
def test_fresh_samples_without_a_safeguard_are_refused_unless_asked_for(values, message):
    with pytest.raises(ValueError, match=message):
        D2OParams(**{**GUARDED, **values})
    assert not D2OParams(**{**GUARDED, **values, "safeguards": False}).safeguards
    off = {**values, "resample_every": 0}
    assert D2OParams(**off).safeguards  # frozen samples need none of them


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_samples": 0}, r"resample_every \(32\) draws max_samples \(0\)"),
        ({"response_tokens": 300}, r"response_tokens \(300\).*max_prompt_tokens \(256\).*\(512\)"),
        (
            {"sample_templates": "moral", "templated_samples": 8},
            r"templated_samples \(8\).*max_samples \(7\)",
        ),
        ({"templated_samples": 3}, r"templated_samples \(3\) needs sample_templates.*'none'"),
    ],
)
def test_fresh_samples_that_cannot_be_drawn_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        D2OParams(**GUARDED, **values)


@pytest.mark.parametrize(
    "values",
    [
        {"resample_every": -1},
        {"top_p": 0},
        {"temperature": -1},
        {"reference_decay": 1.0},
        {"sample_templates": "mine"},
        {"reference_update_every": -1},
    ],
)
def test_values_out_of_bounds_are_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        D2OParams(**values)


def test_every_field_has_its_help_text():
    missing = [name for name, field in D2OParams.model_fields.items() if not field.description]
    assert missing == []
