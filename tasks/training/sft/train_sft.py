"""Supervised fine-tuning."""

from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor
from transformers import Trainer, TrainingArguments

from storage.tables.demonstrations import Demonstration
from tasks.sampling.encoding import Encoded, encode
from tasks.sampling.model import LoadedModel
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.run_files import RunFiles
from tasks.training.run.save_policy import save_policy
from tasks.training.run.trainer_arguments import trainer_arguments
from tasks.training.run.training_log import TrainingLog
from tasks.training.run.training_result import TrainingResult
from tasks.training.run.training_run import require_rows, run, run_directory
from tasks.training.sft.muon_adamw import MuonAdamW
from tasks.training.sft.params import SFTParams

_IGNORED = -100  # transformers' label of tokens without a loss


def train_sft(
    rows: Sequence[Demonstration],
    params: SFTParams,
    files: RunFiles,
) -> TrainingResult:
    """Train the model in `files.start` to imitate `rows`, write it to `files.out`, return how it went.

    The loss is the mean cross-entropy per token in nats. transformers' Trainer runs it and not
    TRL's SFTTrainer, whose per-step entropy and accuracy made steps of the embedded model 1.3
    times as long.

    Raises:
        InputError: no row can be trained on, or `files.start` is not a model.
    """
    loaded = load_for_training(files.start, params)
    encoded = [
        encode(
            row.messages,
            row.completion,
            loaded.tokenizer,
            max_prompt_tokens=params.max_prompt_tokens,
            max_tokens=params.max_tokens,
        )
        for row in rows
    ]
    kept = [row for row in encoded if not row.is_empty]
    num_dropped = len(encoded) - len(kept)
    require_rows(len(kept), num_dropped, "demonstrations")
    blocks = pack(kept, params.block_tokens) if params.packing else separate(kept, params)
    log = TrainingLog(files.progress)
    with run_directory(files) as directory:
        arguments = trainer_arguments(
            params, num_rows=len(blocks), device=loaded.device, output_dir=directory
        )
        trainer = Trainer(
            model=loaded.model,
            args=TrainingArguments(**arguments),
            train_dataset=blocks,
            data_collator=_Padding(int(loaded.tokenizer.pad_token_id)),
            callbacks=[log],
            optimizers=(_optimizer(loaded, params), None),
        )
        result = run(trainer, log, files, num_rows=len(kept), num_dropped=num_dropped)
    save_policy(loaded, files.out)
    return result


def pack(encoded: Sequence[Encoded], block_tokens: int) -> list[dict[str, list[int]]]:
    """Return all rows joined and cut into blocks; every token is in one block, the last is short.

    A block's first token has no token before it and gives no loss.
    """
    tokens = list(chain.from_iterable(row.prompt_ids + row.completion_ids for row in encoded))
    blocks = [tokens[i : i + block_tokens] for i in range(0, len(tokens), block_tokens)]
    return [{"input_ids": block, "labels": block} for block in blocks]


def separate(encoded: Sequence[Encoded], params: SFTParams) -> list[dict[str, list[int]]]:
    """Return each row as a block, the prompt without labels where only completions are learned."""
    blocks = []
    for row in encoded:
        ids = list(row.prompt_ids + row.completion_ids)
        hidden = len(row.prompt_ids) if params.completion_only else 0
        blocks.append({"input_ids": ids, "labels": [_IGNORED] * hidden + ids[hidden:]})
    return blocks


class _Padding:
    """Collates blocks into a batch that is padded on the right."""

    def __init__(self, pad_token_id: int) -> None:
        self._pad_token_id = pad_token_id

    def __call__(self, blocks: list[dict[str, list[int]]]) -> dict[str, Tensor]:
        """Return `input_ids`, `labels` and `attention_mask` of shape [batch, tokens]."""
        return {
            "input_ids": _padded([block["input_ids"] for block in blocks], self._pad_token_id),
            "labels": _padded([block["labels"] for block in blocks], _IGNORED),
            "attention_mask": _padded([[1] * len(block["input_ids"]) for block in blocks], 0),
        }


def _padded(rows: list[list[int]], value: int) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(
        [torch.tensor(row) for row in rows], batch_first=True, padding_value=value
    )


def _optimizer(loaded: LoadedModel, params: SFTParams) -> torch.optim.Optimizer | None:
    """Return Muon with AdamW, or None, with which transformers makes its AdamW."""
    if params.optimizer == "adamw":
        return None
    return MuonAdamW(
        loaded.model,
        muon_learning_rate=params.muon_learning_rate,
        adamw_learning_rate=params.learning_rate,
        weight_decay=params.weight_decay,
    )
