import pytest
import torch

from storage.input_error import InputError
from tasks.training.dpo.params import DPOParams
from tasks.training.run.trainer_arguments import trainer_arguments


def arguments(**params):
    return trainer_arguments(
        DPOParams(**params), num_rows=100, device=torch.device("cpu"), output_dir="out"
    )


def test_the_batch_is_shared_out_among_the_processes(monkeypatch):
    alone = arguments(batch_size=12)
    monkeypatch.setenv("WORLD_SIZE", "4")
    shared = arguments(batch_size=12)
    assert alone.pop("per_device_train_batch_size") == 12
    assert shared.pop("per_device_train_batch_size") == 3
    assert shared == alone  # the steps among them


def test_a_batch_that_cannot_be_shared_out_names_both_numbers(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "8")
    with pytest.raises(InputError, match=r"batch_size \(12\) .* evenly among \(8\)"):
        arguments(batch_size=12)


def test_a_tracker_that_is_not_installed_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setattr(
        "tasks.training.run.trackers.find_spec", lambda name: None if name != "trackio" else name
    )
    with pytest.raises(InputError, match=r"names wandb, which is not installed .*\.\[trackers\]"):
        arguments(report_to=("wandb", "trackio"))
    assert arguments(report_to=("trackio",))["report_to"] == ["trackio"]


def test_without_trackers_there_are_none_and_the_run_has_its_methods_name():
    given = arguments()
    assert (given["report_to"], given["run_name"]) == ("none", "dpo")
