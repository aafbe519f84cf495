"""Proximal policy optimization."""

import time
from collections.abc import Sequence

from storage.input_error import InputError
from storage.tables.prompts import Prompt
from tasks.judging.judge import Judge
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.run import PPORun
from tasks.training.ppo.unfinished_run import unfinished_run
from tasks.training.run.run_files import RunFiles
from tasks.training.run.save_policy import save_policy
from tasks.training.run.termination import termination_watched
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
    the last figures are those of the weights in `files.out`.

    Training stops before its end where the KL of an iteration's answers is beyond `max_kl` or
    `kl_stop`, or a gradient is not finite or beyond `stop_grad_norm`; `files.out` then holds the last
    weights that were measured within the budget.

    In `files.checkpoints` it keeps what an interrupted run needs to go on, between two iterations:
    every `checkpoint_every` steps, when SIGTERM has come (what is left of the iteration is learned
    first, unless it only answers yet), and when the judge's budget or server gives out. A run that
    goes on takes the steps that the undisturbed one would have taken; `train_seconds` is then its own.

    Raises:
        InputError: there is no prompt, none of the first answers can be judged, the judge's budget is
            spent, `files.start` is not a model, or another process trains the same policy now.
        ApiUnavailableError: the judge is behind an API that does not answer.
        InterruptedTrainingError: SIGTERM came before the last step.
    """
    if not prompts:
        raise InputError(
            "there are no prompts to train on; give an artifact that has rows in split train"
        )
    started = time.monotonic()
    with unfinished_run(files, params, prompts, judge.name) as unfinished:
        run = PPORun(prompts, judge, params, files)
        with termination_watched() as termination, run.log:
            run.train(unfinished, termination)
        save_policy(run.policy, files.out)
    log = run.log.of
    return TrainingResult(
        num_rows=min(len(prompts), run.num_asked),
        num_steps=run.good.step,
        num_tokens=run.update.num_tokens,
        train_seconds=time.monotonic() - started,
        stop_reason=log.stop_reason,
        steps=tuple(log.steps),
        completions=tuple(log.completions),
        stop_detail=log.stop_detail,
    )
