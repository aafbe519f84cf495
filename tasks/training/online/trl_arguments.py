"""Parameters of RLOO and GRPO as TRL's."""

from typing import Any

from tasks.training.online.params import GRPOParams, OnlineParams, RLOOParams

# TRL loads and measures no reference at 0; beside any reward this vanishes in float32
_NO_PENALTY = 1e-30


def online_arguments(params: OnlineParams, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return `arguments`, those of transformers' Trainer, with what both methods add and change.

    TRL draws the answers of an iteration at once and learns from them in batches.
    """
    num_answers = params.prompts_per_iteration * params.samples_per_prompt
    batch_size = min(params.batch_size, num_answers)
    accumulated = min(params.gradient_accumulation_steps, num_answers // batch_size)
    return {
        **arguments,
        "max_steps": num_online_steps(params),
        "per_device_train_batch_size": batch_size,
        "gradient_accumulation_steps": accumulated,
        "adam_epsilon": params.adam_epsilon,
        "include_num_input_tokens_seen": "no",  # the trainer counts them
        "steps_per_generation": num_answers // batch_size,
        "num_generations": params.samples_per_prompt,
        "num_iterations": params.epochs,
        "max_completion_length": params.response_length,
        "temperature": params.temperature,
        "epsilon": params.clip,
        "shuffle_dataset": False,  # the rows are in the order in which they are asked
        "disable_dropout": True,
        "use_vllm": params.vllm,
        "vllm_mode": "colocate",
        "vllm_gpu_memory_utilization": params.vllm_memory,
        "vllm_max_model_length": params.max_tokens,
    }


def rloo_arguments(params: RLOOParams, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of TRL's RLOOConfig."""
    return {
        **online_arguments(params, arguments),
        "beta": params.kl_coefficient or _NO_PENALTY,
        "normalize_advantages": params.whiten_advantages,
    }


def grpo_arguments(params: GRPOParams, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of TRL's GRPOConfig."""
    return {
        **online_arguments(params, arguments),
        "beta": params.kl_coefficient or _NO_PENALTY,
        "scale_rewards": params.scale_rewards,
        "loss_type": params.loss_type,
        "epsilon_high": params.clip_high or None,
    }


def num_online_steps(params: OnlineParams) -> int:
    """Return how many optimizer steps all iterations take, at most `max_steps`."""
    num_steps = params.iterations * params.steps_per_iteration
    return min(num_steps, params.max_steps) if params.max_steps else num_steps
