"""The answers of one iteration with all that PPO learns from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tasks.sampling.model import LoadedModel
from tasks.training.losses.advantages import gae, token_rewards
from tasks.training.losses.masked import whiten
from tasks.training.ppo.answer_reader import AnswerBatch, AnswerReader
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.rollout import Answer
from tasks.training.ppo.value_head import ValueHead
from tasks.training.reward.reward import Rewards


@dataclass(frozen=True, slots=True)
class Scored:
    """Tensors [answers, tokens] on the policy's device, 0 where `mask` is False.

    Log-probabilities and values are those of the weights that drew the answers, in the arithmetic
    of training.
    """

    mask: Tensor
    logps: Tensor
    ref_logps: Tensor
    values: Tensor

    @property
    def kl(self) -> float:
        """The mean log-ratio to the reference, in nats an answer: KL(policy || reference)."""
        return float((self.logps - self.ref_logps).double().sum(dim=1).mean())


@dataclass(frozen=True, slots=True)
class Targets:
    """What the answers are worth by token, [answers, tokens], 0 outside them."""

    advantages: Tensor
    returns: Tensor


def minibatches(
    num_answers: int, samples_per_prompt: int, size: int, generator: torch.Generator
) -> list[list[int]]:
    """Return all answers cut into minibatches, the prompts shuffled; the last one can be smaller.

    The answers to a prompt stay side by side, so that they can be read behind one copy of it.
    """
    num_prompts = num_answers // samples_per_prompt
    order = [
        prompt * samples_per_prompt + sample
        for prompt in torch.randperm(num_prompts, generator=generator).tolist()
        for sample in range(samples_per_prompt)
    ]
    return [order[start : start + size] for start in range(0, num_answers, size)]


def microbatches(
    answers: Sequence[Answer], indices: Sequence[int], reader: AnswerReader, size: int
) -> Iterator[tuple[list[int], AnswerBatch]]:
    """Yield the answers of a minibatch in batches of at most `size`, with their numbers."""
    for start in range(0, len(indices), size):
        part = list(indices[start : start + size])
        yield part, reader.batch([answers[index].encoded for index in part])


@torch.no_grad()
def score_answers(
    answers: Sequence[Answer],
    first_epoch: Sequence[Sequence[int]],
    policy: LoadedModel,
    reference: LoadedModel,
    head: ValueHead,
    reader: AnswerReader,
    size: int,
) -> Scored:
    """Return the scores of the answers, computed in the batches in which they are learned first.

    What the sampler knows is not used: it computes token by token, which rounds differently. In
    the same batches the same weights give the same bits, so the first ratios are exactly 1.
    """
    lengths = torch.tensor([len(answer.encoded.completion_ids) for answer in answers])
    mask = torch.arange(int(lengths.max())) < lengths.unsqueeze(1)
    empty = torch.zeros(mask.shape, device=policy.device)
    scored = Scored(mask.to(policy.device), empty.clone(), empty.clone(), empty.clone())
    for minibatch in first_epoch:
        for part, batch in microbatches(answers, minibatch, reader, size):
            width = batch.mask.shape[1]
            scores = reader.scores(policy.model, head, batch)
            scored.logps[part, :width] = scores.logps
            scored.values[part, :width] = scores.values
            scored.ref_logps[part, :width] = reader.logps(reference.model, batch)
    return scored


def targets(
    scored: Scored, rewards: Rewards, params: PPOParams, *, kl_coefficient: float
) -> Targets:
    """Return advantages and returns: judge's reward and KL penalty through GAE, whitened if wanted."""
    scores = torch.tensor(rewards.values, device=scored.mask.device)
    earned = token_rewards(
        scores, scored.logps, scored.ref_logps, scored.mask, kl_coefficient=kl_coefficient
    )
    if params.whiten_rewards:
        earned = whiten(earned, scored.mask, shift_mean=False)
    found = gae(earned, scored.values, scored.mask, gamma=params.gamma, lam=params.gae_lambda)
    advantages = found.advantages
    if params.whiten_advantages:
        advantages = whiten(advantages, scored.mask)
    return Targets(advantages=advantages, returns=found.returns)
