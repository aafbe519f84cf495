"""Proximal policy optimization."""

import time
from collections.abc import Sequence

from storage.input_error import InputError
from storage.tables.prompts import Prompt
from tasks.judging.judge import Judge
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.run import PPORun
from tasks.training.run.run_files import RunFiles
from tasks.training.run.save_policy import save_policy
from tasks.training.run.training_result import TrainingResult


def train_ppo(
    prompts: Sequence[Prompt],
    judge: Judge,
    params: PPOParams,
    files: RunFiles,
) -> TrainingResult:
    """Train the model in `files.start` towards what `judge` rewards, with itself as the frozen reference.

    Each iteration the policy answers prompts, the judge rewards the answers, and the policy and a
    value head on its last hidden states learn from them for some epochs (Schulman et al., arXiv
    1707.06347, with the KL penalty of Ziegler et al., arXiv 1909.08593). Deviations: dropout is
    off, so the first ratios are exactly 1; an answer cut at its longest length counts as ended; the
    value head is thrown away afterwards. After the last iteration the policy answers once more:
    the last figures are those of the weights in `files.out`. Answers are not kept.

    Training stops before its end where the KL of an iteration's answers is beyond `max_kl` or a
    gradient is not finite; `files.out` then holds the last weights that were measured within the budget.

    Raises:
        InputError: there is no prompt, none of the first answers can be judged, or `files.start` is not
            a model.
    """
    if not prompts:
        raise InputError(
            "there are no prompts to train on; give an artifact that has rows in split train"
        )
    run = PPORun(prompts, judge, params, files)
    started = time.monotonic()
    run.train()
    seconds = time.monotonic() - started
    save_policy(run.policy, files.out)
    return TrainingResult(
        num_rows=min(len(prompts), run.num_asked),
        num_dropped=0,
        num_steps=run.good_step,
        num_tokens=run.update.num_tokens,
        train_seconds=seconds,
        stop_reason=run.log.stop_reason,
        steps=tuple(run.log.steps),
    )
