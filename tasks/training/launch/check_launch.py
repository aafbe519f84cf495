"""Whether parameters of training go with the configuration of their launch."""

from typing import Any

from storage.input_error import InputError
from tasks.training.launch.launch_config import LaunchConfig
from tasks.training.params import TrainingParams


def check_launch(method: str, params: TrainingParams, config: LaunchConfig) -> None:
    """Check that `params` can train under `config`.

    Raises:
        InputError: the batch cannot be dealt out evenly, the device is another one, or the method
            needs weights that are not cut in pieces.
    """
    if params.batch_size % config.num_processes:
        raise InputError(
            f"batch_size ({params.batch_size}) is no multiple of the processes "
            f"({config.num_processes}) that launch {config.name!r} starts, and is the number of rows of "
            "all of them together. Change batch_size or num_processes"
        )
    if config.num_processes % config.num_machines:
        raise InputError(
            f"num_processes ({config.num_processes}) of launch {config.name!r} cannot be shared out "
            f"evenly among its machines ({config.num_machines}); make it a multiple of that"
        )
    fitting = {"auto", "cpu" if config.on_cpu else "cuda"}
    if params.device not in fitting:
        raise InputError(
            f"device ({params.device}) does not go with launch ({config.name}), which trains on "
            f"{'the CPU' if config.on_cpu else 'GPUs'}. Set device to {' or '.join(sorted(fitting))}"
        )
    if config.shards:
        _check_sharded(method, params, config)


def _check_sharded(method: str, params: Any, config: LaunchConfig) -> None:
    """Check what only whole weights allow."""
    if getattr(params, "optimizer", "") == "muon":
        raise InputError(
            f"optimizer (muon) turns whole matrices, which launch ({config.name}) cuts in pieces. Set "
            "optimizer to adamw, or launch to ddp"
        )
    if params.quantize != "no":
        raise InputError(
            f"quantize ({params.quantize}) does not go with launch ({config.name}): weights of few bits "
            "are not cut in pieces. Set launch to ddp, or quantize to no"
        )
    if method == "d2o" and config.shards == "DEEPSPEED" and config.cuts_weights:
        raise InputError(
            f"method d2o puts its last good weights back, which launch ({config.name}) cuts in pieces "
            "that it cannot. Set launch to fsdp or deepspeed-zero2"
        )
