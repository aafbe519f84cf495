"""The optimizer steps of PPO on the answers of one iteration."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import get_linear_schedule_with_warmup
from transformers.modeling_layers import GradientCheckpointingLayer

from tasks.sampling.model import LoadedModel
from tasks.training.adapters.trainable_state import restore_trainable, trainable_state
from tasks.training.losses.masked import masked_mean
from tasks.training.losses.ppo import clipped_policy_loss, clipped_value_loss
from tasks.training.ppo.answer_reader import AnswerBatch, AnswerReader
from tasks.training.ppo.experience import Scored, Targets, microbatches, minibatches
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.rollout import Answer
from tasks.training.ppo.value_head import ValueHead
from tasks.training.run.step_check import check_norm


class PPOUpdate:
    """Optimizer, schedule and value head of a policy that learns by PPO.

    `step` counts optimizer steps, of which there will be `num_steps`; `num_tokens` counts tokens
    that passed through the policy to be learned, padding excluded.
    """

    def __init__(
        self, policy: LoadedModel, reader: AnswerReader, params: PPOParams, *, bf16: bool
    ) -> None:
        self.head = ValueHead(int(policy.model.config.hidden_size)).to(policy.device)
        self.num_steps = num_ppo_steps(params)
        self.step = 0
        self.num_tokens = 0
        self._policy = policy
        self._reader = reader
        self._params = params
        self._bf16 = bf16
        if params.activation_checkpointing:
            policy.model.activation_checkpointing_enable({"use_reentrant": False})
        weights = [weight for weight in policy.model.parameters() if weight.requires_grad]
        self._learned = [*weights, *self.head.parameters()]
        self._optimizer = torch.optim.AdamW(
            self._learned,
            lr=params.learning_rate,
            eps=params.adam_epsilon,
            weight_decay=params.weight_decay,
        )
        num_warmup = math.ceil(params.warmup * self.num_steps)
        self._schedule = get_linear_schedule_with_warmup(
            self._optimizer, num_warmup, self.num_steps
        )
        self._order = torch.Generator().manual_seed(params.seed)

    def first_epoch(self, num_answers: int) -> list[list[int]]:
        """Return minibatches of answers in a new order."""
        samples = self._params.samples_per_prompt
        return minibatches(num_answers, samples, minibatch_size(self._params), self._order)

    def learn(
        self,
        answers: Sequence[Answer],
        scored: Scored,
        aims: Targets,
        first_epoch: list[list[int]],
        stepped: Callable[[int], None],
    ) -> dict[str, float]:
        """Go through the answers for all epochs and return the mean of each metric of the steps.

        `stepped` is told the number of each step.

        Raises:
            DivergedError: the norm of all gradients is not finite or beyond `stop_grad_norm`; the
                weights are those before that step.
        """
        metrics: dict[str, list[float]] = defaultdict(list)
        for epoch in range(self._params.epochs):
            for minibatch in self.first_epoch(len(answers)) if epoch else first_epoch:
                if self.step == self.num_steps:
                    break
                for name, value in self._take_step(answers, scored, aims, minibatch).items():
                    metrics[name].append(value)
                stepped(self.step)
        return {name: sum(values) / len(values) for name, values in metrics.items()}

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs: weights, optimizer, schedule, order and counts."""
        optimizer = self._optimizer.state_dict()
        return {
            "policy": trainable_state(self._policy.model),
            "head": self.head.state_dict(),
            "moments": {str(index): held for index, held in optimizer["state"].items()},
            "groups": optimizer["param_groups"],
            "schedule": self._schedule.state_dict(),
            "order": self._order.get_state(),
            "step": self.step,
            "num_tokens": self.num_tokens,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` returned, after its way through JSON and safetensors."""
        restore_trainable(self._policy.model, state["policy"])
        self.head.load_state_dict(state["head"])
        moments = {int(index): held for index, held in state["moments"].items()}
        self._optimizer.load_state_dict({"state": moments, "param_groups": state["groups"]})
        self._schedule.load_state_dict(state["schedule"])
        self._order.set_state(state["order"])
        self.step = state["step"]
        self.num_tokens = state["num_tokens"]

    def _take_step(
        self, answers: Sequence[Answer], scored: Scored, aims: Targets, minibatch: list[int]
    ) -> dict[str, float]:
        self._optimizer.zero_grad()
        total = int(scored.mask[minibatch].sum())
        metrics: dict[str, float] = defaultdict(float)
        for part, batch in microbatches(answers, minibatch, self._reader, self._params.batch_size):
            share = int(batch.mask.sum()) / total
            loss, found = self._loss(part, batch, scored, aims)
            (share * loss).backward()
            self.num_tokens += batch.num_tokens
            for name, value in found.items():
                metrics[name] += share * float(value)
        norm = float(torch.nn.utils.clip_grad_norm_(self._learned, self._params.max_grad_norm))
        check_norm(norm, self.step + 1, self._params.stop_grad_norm)
        metrics |= {"grad_norm": norm, "learning_rate": self._schedule.get_last_lr()[0]}
        self._optimizer.step()
        self._schedule.step()
        self.step += 1
        return metrics

    def _loss(
        self, part: list[int], batch: AnswerBatch, scored: Scored, aims: Targets
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a batch, a mean over its tokens, and what is logged of it."""
        params, mask = self._params, batch.mask
        width = mask.shape[1]
        old_logps, old_values = scored.logps[part, :width], scored.values[part, :width]
        with (
            torch.autocast(self._policy.device.type, dtype=torch.bfloat16, enabled=self._bf16),
            recomputing(self._policy.model, on=params.activation_checkpointing),
        ):
            scores = self._reader.scores(self._policy.model, self.head, batch)
        policy = clipped_policy_loss(
            scores.logps, old_logps, aims.advantages[part, :width], clip=params.clip
        )
        value = clipped_value_loss(
            scores.values, old_values, aims.returns[part, :width], clip=params.value_clip
        )
        policy_loss, value_loss = masked_mean(policy.losses, mask), masked_mean(value.losses, mask)
        loss = (
            policy_loss
            + params.value_coefficient * value_loss
            - params.entropy_coefficient * scores.entropy
        )
        moved = scores.logps.detach() - old_logps
        return loss, {
            "loss": loss.detach(),
            "loss/policy_avg": policy_loss.detach(),
            "loss/value_avg": value_loss.detach(),
            "policy/entropy_avg": scores.entropy.detach(),
            "policy/clipfrac_avg": masked_mean(policy.clipped.float(), mask),
            "policy/approxkl_avg": masked_mean(0.5 * moved.square(), mask),
            "val/clipfrac_avg": masked_mean(value.clipped.float(), mask),
            "val/ratio": masked_mean(moved.exp(), mask),
        }


@contextmanager
def recomputing(model: torch.nn.Module, *, on: bool) -> Iterator[None]:
    """Let the layers keep no activations from the passes inside; the backward pass recomputes them.

    transformers does so in training mode only, which would bring dropout with it. So the flag is
    set on the layers themselves and not on what they are made of.
    """
    layers = [m for m in model.modules() if on and isinstance(m, GradientCheckpointingLayer)]
    for layer in layers:
        layer.training = True
    yield
    for layer in layers:
        layer.training = False


def minibatch_size(params: PPOParams) -> int:
    """Return how many answers one optimizer step learns from."""
    return params.batch_size * params.gradient_accumulation_steps


def num_ppo_steps(params: PPOParams) -> int:
    """Return how many optimizer steps all iterations take, at most `max_steps`."""
    num_answers = params.prompts_per_iteration * params.samples_per_prompt
    per_epoch = math.ceil(num_answers / minibatch_size(params))
    num_steps = params.iterations * params.epochs * per_epoch
    return min(num_steps, params.max_steps) if params.max_steps else num_steps
