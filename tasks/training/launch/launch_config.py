"""Which configuration of accelerate a launch takes, and whether it can run here."""

import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from storage.input_error import InputError
from tasks.training.params import TrainingParams

CONFIGS = Path(__file__).parents[3] / "deployments" / "accelerate"
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_ENDINGS = {".yaml", ".yml"}
_ZERO_WITH_CUT_WEIGHTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchConfig:
    """A configuration of accelerate whose placeholders and number of processes are filled in."""

    name: str
    values: dict[str, Any]

    @property
    def num_processes(self) -> int:
        """Processes of all machines together."""
        return int(self.values["num_processes"])

    @property
    def num_machines(self) -> int:
        """Machines that take part."""
        return int(self.values.get("num_machines", 1))

    @property
    def machine_rank(self) -> int:
        """The number of this machine, 0 where the flow runs."""
        return int(self.values.get("machine_rank", 0))

    @property
    def on_cpu(self) -> bool:
        """Whether the processes compute on the CPU."""
        return bool(self.values.get("use_cpu", False))

    @property
    def shards(self) -> str:
        """What cuts the weights or the optimizer's state in pieces: FSDP, DEEPSPEED or nothing."""
        kind = str(self.values.get("distributed_type", ""))
        return kind if kind in {"FSDP", "DEEPSPEED"} else ""

    @property
    def cuts_weights(self) -> bool:
        """Whether no process holds the whole weights."""
        stage = int((self.values.get("deepspeed_config") or {}).get("zero_stage", 0))
        return self.shards == "FSDP" or stage == _ZERO_WITH_CUT_WEIGHTS


def read_launch_config(params: TrainingParams) -> LaunchConfig:
    """Return the configuration that `params.launch` names, with `params.num_processes` if any.

    Placeholders such as ${PREFLINE_MACHINE_RANK} take the environment's values. Without a number of
    processes (-1) it has one for each GPU of this machine.

    Raises:
        InputError: there is none of that name, it is no configuration, a placeholder is not set,
            it wants GPUs and there are none, or a package is not installed.
    """
    path = find_launch_config(params.launch)
    values = _filled(path)
    if params.num_processes:
        values["num_processes"] = params.num_processes
    config = LaunchConfig(name=params.launch, values=values)
    if config.shards == "DEEPSPEED" and find_spec("deepspeed") is None:
        raise InputError(
            f"launch {params.launch!r} needs the package deepspeed, which is not installed. Install "
            "it (pip install deepspeed), or take fsdp, which cuts the same and needs no package"
        )
    return config if config.on_cpu else _with_gpus(config)


def find_launch_config(launch: str) -> Path:
    """Return the file that `launch` means: a name in deployments/accelerate, or a path.

    Raises:
        InputError: there is no such file.
    """
    named = CONFIGS / f"{launch}.yaml"
    if "/" not in launch and named.is_file():
        return named
    path = Path(launch)
    if path.suffix in _ENDINGS and path.is_file():
        return path
    known = ", ".join(sorted(file.stem for file in CONFIGS.glob("*.yaml"))) or "none"
    raise InputError(
        f"launch is {launch!r}, which is neither a configuration in {CONFIGS} ({known}) nor the path "
        "of a .yaml file of accelerate. Take one of those, or leave launch empty to train in this "
        "process"
    )


def _filled(path: Path) -> dict[str, Any]:
    """Return the file's values with the environment's in place of placeholders."""
    text = "".join(
        line
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True)
        if not line.lstrip().startswith("#")
    )
    missing = sorted({name for name in _PLACEHOLDER.findall(text) if not os.environ.get(name)})
    if missing:
        raise InputError(
            f"{path} takes {', '.join(missing)} from the environment, which does not set it. Set "
            "it; the comments in the file say to what"
        )
    try:
        values = yaml.safe_load(_PLACEHOLDER.sub(lambda found: os.environ[found[1]], text))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {error}. Mend it") from error
    if not isinstance(values, dict) or "distributed_type" not in values:
        raise InputError(
            f"{path} is no configuration of accelerate: it sets no distributed_type. Make one with "
            "`accelerate config`, or copy one of deployments/accelerate"
        )
    return {"num_processes": -1, **values}


def _with_gpus(config: LaunchConfig) -> LaunchConfig:
    """Return the configuration with a process for each GPU where it has no number."""
    import torch

    num_gpus = torch.cuda.device_count()
    wanted = config.num_processes if config.num_machines == 1 else 1
    if num_gpus == 0 or wanted > num_gpus:
        raise InputError(
            f"launch {config.name!r} trains {config.num_processes if wanted > 0 else 'one process a GPU'}"
            f"{' processes, each on a GPU' if wanted > 0 else ''}, and this machine has {num_gpus} GPUs "
            "that PyTorch sees. Lower num_processes, leave launch empty to train in this process, or "
            "take cpu-ddp, which needs no GPU"
        )
    if config.num_processes > 0:
        return config
    return LaunchConfig(name=config.name, values={**config.values, "num_processes": num_gpus})
