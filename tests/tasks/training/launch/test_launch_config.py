import pytest
import torch
import yaml
from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser

from storage.input_error import InputError
from tasks.training.d2o.params import D2OParams
from tasks.training.dpo.params import DPOParams
from tasks.training.launch.check_launch import check_launch
from tasks.training.launch.launch_config import (
    CONFIGS,
    LaunchConfig,
    find_launch_config,
    read_launch_config,
)
from tasks.training.launch.launcher import command, environment
from tasks.training.launch.train_launched import train_launched
from tasks.training.params import TrainingParams
from tasks.training.run.run_files import RunFiles
from tasks.training.sft.params import SFTParams

NAMES = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
MACHINES = {
    "PREFLINE_NUM_MACHINES": "2",
    "PREFLINE_NUM_PROCESSES": "4",
    "PREFLINE_MACHINE_RANK": "1",
    "PREFLINE_MAIN_PROCESS_IP": "10.0.0.1",
    "PREFLINE_MAIN_PROCESS_PORT": "29511",
}
KINDS = {
    "cpu-ddp": "MULTI_GPU",
    "ddp": "MULTI_GPU",
    "fsdp": "FSDP",
    "deepspeed-zero2": "DEEPSPEED",
    "deepspeed-zero3": "DEEPSPEED",
    "multi-node": "MULTI_GPU",
}


@pytest.fixture
def gpus(monkeypatch):
    """Let this machine have four GPUs and DeepSpeed, as far as a launch asks."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr("tasks.training.launch.launch_config.find_spec", lambda _: object())
    for name, value in MACHINES.items():
        monkeypatch.setenv(name, value)


def config(values=None, **rest):
    return LaunchConfig(name="mine", values={"num_processes": 2, **(values or {}), **rest})


def test_there_is_a_configuration_of_each_kind():
    assert KINDS.keys() == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_accelerate_reads_every_configuration(name):
    loaded = load_config_from_file(str(CONFIGS / f"{name}.yaml"))
    assert isinstance(loaded, ClusterConfig)
    assert loaded.distributed_type.value == KINDS[name]
    assert (CONFIGS / f"{name}.yaml").read_text().startswith("# ")


@pytest.mark.parametrize("name", NAMES)
def test_accelerates_launcher_takes_every_configuration(name, gpus, tmp_path):
    """Every option of a section is one that the launcher knows, and ours reach its arguments."""
    filled = read_launch_config(TrainingParams(launch=name))
    line = command(tmp_path, filled)
    parser = launch_command_parser()
    parsed = parser.parse_args(line[3:])
    known = set(vars(parsed))
    sections = [value for value in filled.values.values() if isinstance(value, dict)]
    assert {key for section in sections for key in section} <= known
    arguments, _, _ = _validate_launch_command(parsed)
    assert arguments.num_processes == filled.num_processes > 1
    assert arguments.use_fsdp == (KINDS[name] == "FSDP")
    assert arguments.use_deepspeed == (KINDS[name] == "DEEPSPEED")
    assert arguments.multi_gpu == (KINDS[name] == "MULTI_GPU")
    assert (arguments.training_script, arguments.module) == ("tasks.training.launch.child", True)
    if name == "fsdp":
        assert (arguments.fsdp_version, arguments.fsdp_state_dict_type) == (2, "FULL_STATE_DICT")
    if name == "deepspeed-zero3":
        assert arguments.zero_stage == 3


def test_the_gpus_of_the_machine_are_the_processes(gpus):
    assert read_launch_config(TrainingParams(launch="ddp")).num_processes == 4
    assert read_launch_config(TrainingParams(launch="ddp", num_processes=2)).num_processes == 2
    assert read_launch_config(TrainingParams(launch="cpu-ddp")).num_processes == 2


def test_several_machines_take_their_places_from_the_environment(gpus):
    several = read_launch_config(TrainingParams(launch="multi-node"))
    assert (several.num_machines, several.num_processes, several.machine_rank) == (2, 4, 1)
    assert several.values["main_process_ip"] == "10.0.0.1"
    assert several.values["main_process_port"] == 29511


def test_a_place_that_is_not_set_is_named(gpus, monkeypatch):
    monkeypatch.delenv("PREFLINE_MACHINE_RANK")
    with pytest.raises(InputError, match=r"multi-node.yaml takes PREFLINE_MACHINE_RANK from"):
        read_launch_config(TrainingParams(launch="multi-node"))


def test_several_machines_need_a_directory_that_they_share(gpus, monkeypatch, tmp_path):
    monkeypatch.delenv("PREFLINE_LAUNCH_DIRECTORY", raising=False)
    params = SFTParams(launch="multi-node")
    with pytest.raises(InputError, match=r"2 machines, and PREFLINE_LAUNCH_DIRECTORY is not set"):
        train_launched("sft", [], params, RunFiles(start=tmp_path, out=tmp_path))


def test_an_unknown_name_lists_what_exists():
    with pytest.raises(InputError, match=r"launch is 'dpp'.*cpu-ddp, ddp, deepspeed-zero2"):
        find_launch_config("dpp")


def test_a_path_is_taken_as_it_is(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("distributed_type: MULTI_GPU\nuse_cpu: true\nnum_processes: 3\n")
    own = read_launch_config(TrainingParams(launch=str(path)))
    assert (own.num_processes, own.on_cpu, own.num_machines) == (3, True, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "is not YAML"),
        ("mixed_precision: bf16\n", "sets no distributed_type"),
        ("- 1\n", "sets no distributed_type"),
        ("", "sets no distributed_type"),
    ],
    ids=["broken", "other keys", "list", "empty"],
)
def test_a_file_that_is_no_configuration_is_refused(text, message, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_launch_config(TrainingParams(launch=str(path)))


@pytest.mark.parametrize("name", ["deepspeed-zero2", "deepspeed-zero3"])
def test_deepspeed_that_is_not_installed_is_named(name):
    with pytest.raises(InputError, match=rf"'{name}' needs the package deepspeed.*take fsdp"):
        read_launch_config(TrainingParams(launch=name))


def test_gpus_that_are_not_there_are_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(InputError, match=r"'ddp' trains one process a GPU, and this.* has 0 GPUs"):
        read_launch_config(TrainingParams(launch="ddp"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match=r"trains 3 processes, each on a GPU, and this .* 2 GPUs"):
        read_launch_config(TrainingParams(launch="ddp", num_processes=3))


def test_a_batch_that_cannot_be_dealt_out_names_both_numbers():
    params = TrainingParams(batch_size=16, launch="cpu-ddp", num_processes=3)
    with pytest.raises(
        InputError, match=r"batch_size \(16\) is no multiple of the processes \(3\)"
    ):
        check_launch("dpo", params, read_launch_config(params))


def test_machines_take_equally_many_processes():
    several = config(use_cpu=True)
    values = {**several.values, "num_processes": 4, "num_machines": 3}
    with pytest.raises(InputError, match=r"num_processes \(4\).* among its machines \(3\)"):
        check_launch("dpo", DPOParams(), LaunchConfig(name="mine", values=values))


@pytest.mark.parametrize(
    ("method", "params", "values", "message"),
    [
        ("dpo", DPOParams(device="cuda"), {"use_cpu": True}, r"device \(cuda\).*trains on the CPU"),
        ("dpo", DPOParams(device="cpu"), {}, r"device \(cpu\).*Set device to auto or cuda"),
        ("sft", SFTParams(), {"distributed_type": "FSDP"}, r"optimizer \(muon\).*to adamw"),
        (
            "dpo",
            DPOParams(quantize="4bit", lora_rank=8),
            {"distributed_type": "FSDP"},
            r"quantize \(4bit\)",
        ),
        (
            "d2o",
            D2OParams(),
            {"distributed_type": "DEEPSPEED", "deepspeed_config": {"zero_stage": 3}},
            r"method d2o puts its last good weights back",
        ),
    ],
    ids=["GPU on CPU", "CPU on GPUs", "muon in pieces", "bits in pieces", "d2o in pieces"],
)
def test_what_does_not_go_together_is_refused(method, params, values, message):
    with pytest.raises(InputError, match=message):
        check_launch(method, params, config(values))


@pytest.mark.parametrize(
    ("method", "params", "values"),
    [
        ("d2o", D2OParams(), {"distributed_type": "FSDP"}),
        (
            "d2o",
            D2OParams(),
            {"distributed_type": "DEEPSPEED", "deepspeed_config": {"zero_stage": 2}},
        ),
        ("sft", SFTParams(), {"use_cpu": True}),
        ("dpo", DPOParams(device="cuda"), {"distributed_type": "MULTI_GPU"}),
    ],
)
def test_what_goes_together_is_taken(method, params, values):
    check_launch(method, params, config(values))


def test_the_command_line_holds_paths_and_no_key(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "very-secret")
    line = command(tmp_path, config(use_cpu=True))
    assert line[-1] == str(tmp_path)
    assert not any("very-secret" in word for word in line)
    settings = yaml.safe_load((tmp_path / "launch-0.yaml").read_text())
    assert settings == {"num_processes": 2, "use_cpu": True}


def test_processes_inherit_the_environment_and_find_our_modules():
    inherited = {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "PYTHONPATH": "/elsewhere"}
    given = environment(inherited)
    assert given["HF_HUB_OFFLINE"] == given["DO_NOT_TRACK"] == "1"
    checkout, elsewhere = given["PYTHONPATH"].split(":")
    assert (CONFIGS.parents[1].samefile(checkout), elsewhere) == (True, "/elsewhere")
    assert environment({})["PYTHONPATH"] == checkout
