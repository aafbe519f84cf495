"""RLOO and GRPO through TRL."""

from collections.abc import Callable, Sequence
from typing import Any

from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.rloo_config import RLOOConfig

from storage.tables.prompts import Prompt
from tasks.judging.judge import Judge
from tasks.training.online.asked_prompts import AskedPrompt, encode_prompts, order_of_prompts
from tasks.training.online.judge_reward import JudgeReward
from tasks.training.online.online_trainer import (
    Asking,
    JudgedGRPOTrainer,
    JudgedRLOOTrainer,
)
from tasks.training.online.params import GRPOParams, OnlineParams, RLOOParams
from tasks.training.online.trl_arguments import grpo_arguments, num_online_steps, rloo_arguments
from tasks.training.online.vllm_rollouts import require_vllm
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.quiet_trl import quiet_trl
from tasks.training.run.run_files import RunFiles
from tasks.training.run.save_policy import save_policy
from tasks.training.run.trainer_arguments import trainer_arguments
from tasks.training.run.training_log import TrainingLog
from tasks.training.run.training_result import TrainingResult
from tasks.training.run.training_run import run, run_directory

Trainer = JudgedRLOOTrainer | JudgedGRPOTrainer


def train_rloo(
    prompts: Sequence[Prompt], judge: Judge, params: RLOOParams, files: RunFiles
) -> TrainingResult:
    """Train the model in `files.start` towards what `judge` rewards, with itself as the frozen reference.

    REINFORCE with a leave-one-out baseline (Ahmadian et al., arXiv 2402.14740): each answer earns
    the judge's reward less the KL penalty, less what the other answers to its prompt earned on
    average. By TRL's RLOOTrainer, which clips the ratio of whole answers. Dropout is off. After
    the last iteration the policy answers once more: the last figures are those of the weights in
    `files.out`.

    Training stops before its end where the KL of an iteration's answers is beyond `max_kl` or a
    gradient is not finite; `files.out` then holds the last weights that were measured within the
    budget.

    Raises:
        InputError: there is no prompt, none of the first answers can be judged, vLLM is asked for
            and not there, or `files.start` is not a model.
    """

    def trainer(given: dict[str, Any], arguments: dict[str, Any]) -> Trainer:
        return JudgedRLOOTrainer(**given, args=RLOOConfig(**rloo_arguments(params, arguments)))

    return _train(prompts, judge, params, files, trainer)


def train_grpo(
    prompts: Sequence[Prompt], judge: Judge, params: GRPOParams, files: RunFiles
) -> TrainingResult:
    """Train the model in `files.start` towards what `judge` rewards, with itself as the frozen reference.

    Group relative policy optimization (Shao et al., arXiv 2402.03300): an answer's advantage is its
    reward less the mean of the answers to its prompt, and the divergence from the reference (the
    estimator that is never negative) is part of the loss of each token. By TRL's GRPOTrainer;
    otherwise as `train_rloo`.

    Raises:
        InputError: as `train_rloo`.
    """

    def trainer(given: dict[str, Any], arguments: dict[str, Any]) -> Trainer:
        return JudgedGRPOTrainer(**given, args=GRPOConfig(**grpo_arguments(params, arguments)))

    return _train(prompts, judge, params, files, trainer)


def _train(
    prompts: Sequence[Prompt],
    judge: Judge,
    params: OnlineParams,
    files: RunFiles,
    make_trainer: Callable[[dict[str, Any], dict[str, Any]], Trainer],
) -> TrainingResult:
    if params.vllm:
        require_vllm()
    loaded = load_for_training(files.start, params)
    asked = encode_prompts(prompts, loaded, params)
    log = TrainingLog(files.progress)
    given = {
        "loaded": loaded,
        "asking": _asking(asked, params),
        "reward": JudgeReward(judge, asked, loaded, params, log),
        "log": log,
        "max_kl": params.max_kl,
    }
    num_asked = min(len(asked), params.iterations * params.prompts_per_iteration)
    with run_directory(files) as directory, quiet_trl():
        arguments = trainer_arguments(
            params, num_rows=num_asked, device=loaded.device, output_dir=directory
        )
        trainer = make_trainer(given, arguments)
        trainer.add_callback(log)
        result = run(trainer, log, files, params=params, num_rows=num_asked)
    save_policy(loaded, files.out)
    return result


def _asking(asked: Sequence[AskedPrompt], params: OnlineParams) -> Asking:
    """Return what is asked: the rounds that training learns from, and one more."""
    size = params.prompts_per_iteration
    rounds = -(-num_online_steps(params) // params.steps_per_iteration)
    order = order_of_prompts(len(asked), (rounds + 1) * size, params.seed)
    last = [number for number in order[-size:] for _ in range(params.samples_per_prompt)]
    return Asking(asked=asked, order=order[:-size], last=last)
