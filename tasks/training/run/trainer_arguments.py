"""Our parameters as transformers' training arguments."""

import math
from typing import Any

import torch

from storage.input_error import InputError
from tasks.training.launch.ranks import num_ranks
from tasks.training.params import TrainingParams
from tasks.training.run.precision import use_bf16
from tasks.training.run.trackers import require_trackers


def trainer_arguments(
    params: TrainingParams, *, num_rows: int, device: torch.device, output_dir: str
) -> dict[str, Any]:
    """Return keyword arguments for TrainingArguments and its subclasses.

    Hub, progress bars and the times of transformers' checkpoints are off: progress, results and
    checkpoints go through our own callbacks. Every step is logged, and a loss that is not finite is
    not hidden.

    Raises:
        InputError: a tracker is not installed, or the batch cannot be shared out evenly.
    """
    return {
        "output_dir": output_dir,
        "learning_rate": params.learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": params.warmup,  # below 1 it is a share of all steps
        "weight_decay": params.weight_decay,
        "max_grad_norm": params.max_grad_norm,
        "max_steps": num_optimizer_steps(params, num_rows),
        "per_device_train_batch_size": batch_size_of_each(params),
        "gradient_accumulation_steps": params.gradient_accumulation_steps,
        "bf16": use_bf16(params.bf16, device),
        "activation_checkpointing": params.activation_checkpointing,
        "use_cpu": device.type == "cpu",
        "dataloader_pin_memory": device.type == "cuda",
        "seed": params.seed,
        "logging_steps": 1,
        "include_num_input_tokens_seen": "non_padding",
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": require_trackers(params.report_to) or "none",
        "run_name": type(params).__name__.removesuffix("Params").lower(),
        "disable_tqdm": True,
    }


def batch_size_of_each(params: TrainingParams) -> int:
    """Return how many rows of a batch each of the processes takes that train together.

    Raises:
        InputError: they would not take equally many.
    """
    processes = num_ranks()
    if params.batch_size % processes:
        raise InputError(
            f"batch_size ({params.batch_size}) is that of all processes together and cannot be "
            f"shared out evenly among ({processes}); make it a multiple of that"
        )
    return params.batch_size // processes


def num_optimizer_steps(params: TrainingParams, num_rows: int) -> int:
    """Return how many optimizer steps the epochs take, at most `max_steps`."""
    num_batches = math.ceil(num_rows / params.batch_size)
    per_epoch = math.ceil(num_batches / params.gradient_accumulation_steps)
    num_steps = max(1, math.ceil(params.epochs * per_epoch - 1e-9))
    return min(num_steps, params.max_steps) if params.max_steps else num_steps
