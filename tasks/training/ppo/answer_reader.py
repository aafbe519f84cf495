"""How a model reads answers: behind one copy of their prompt, or row by row."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from tasks.sampling.encoding import Encoded
from tasks.sampling.logps import TokenBatch, collate
from tasks.sampling.model import LoadedModel
from tasks.sampling.shared_prefix.packed_batch import PackedBatch, pack_responses
from tasks.sampling.shared_prefix.packed_logps import AttentionPath
from tasks.sampling.shared_prefix.support import supports_shared_prefix
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.token_scores import (
    TokenScores,
    packed_answer_logps,
    packed_scores,
    padded_logps,
    padded_scores,
)
from tasks.training.ppo.value_head import ValueHead


@dataclass(frozen=True, slots=True)
class AnswerBatch:
    """Some answers as a model reads them; `mask` [answers, tokens] is True on their tokens."""

    rows: TokenBatch | PackedBatch
    mask: Tensor

    @property
    def num_tokens(self) -> int:
        """How many tokens pass through the model, padding excluded."""
        if isinstance(self.rows, PackedBatch):
            return self.rows.input_ids.numel()
        return int(self.rows.attention_mask.sum())


@dataclass(frozen=True, slots=True)
class AnswerReader:
    """Makes batches of answers and scores them.

    With `path` answers that stand side by side and have the same prompt share one copy of it;
    without, each is a padded row.
    """

    tokenizer_pad: int
    device: torch.device
    temperature: float
    path: AttentionPath | None

    def batch(self, encoded: Sequence[Encoded]) -> AnswerBatch:
        """Return a batch of answers on the policy's device."""
        if self.path is None:
            rows = collate(encoded, pad_token_id=self.tokenizer_pad).to(self.device)
            return AnswerBatch(rows, rows.completion_mask)
        groups = [list(group) for _, group in groupby(encoded, lambda row: row.prompt_ids)]
        mask = pad_sequence(
            [torch.ones(len(row.completion_ids), dtype=torch.bool) for row in encoded],
            batch_first=True,
        )
        return AnswerBatch(pack_responses(groups).to(self.device), mask.to(self.device))

    def scores(self, model: torch.nn.Module, head: ValueHead, batch: AnswerBatch) -> TokenScores:
        """Return what the policy `model` with its value head knows about each token."""
        if isinstance(batch.rows, PackedBatch):
            return packed_scores(model, head, batch.rows, batch.mask, self._path)
        return padded_scores(model, head, batch.rows, temperature=self.temperature)

    def logps(self, model: torch.nn.Module, batch: AnswerBatch) -> Tensor:
        """Return the log-probabilities of the tokens alone, in nats."""
        if isinstance(batch.rows, PackedBatch):
            return packed_answer_logps(model, batch.rows, batch.mask, self._path)
        return padded_logps(model, batch.rows, temperature=self.temperature)

    @property
    def _path(self) -> AttentionPath:
        if self.path is None:
            raise ValueError("a packed batch was made by a reader that packs; this one does not")
        return self.path


def answer_reader(policy: LoadedModel, reference: LoadedModel, params: PPOParams) -> AnswerReader:
    """Return the reader for a policy and its reference, which packs where both can read it.

    Packed rows know no temperature but 1 and no gradient of the entropy.
    """
    path = None
    if params.temperature == 1 and not params.entropy_coefficient:
        paths = {
            supports_shared_prefix(loaded.model, max_tokens=params.max_tokens).path
            for loaded in (policy, reference)
        }
        path = paths.pop() if len(paths) == 1 else None
    pad = policy.tokenizer.pad_token_id
    return AnswerReader(int(pad), policy.device, params.temperature, path)
