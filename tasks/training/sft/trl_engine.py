"""TRL's SFTTrainer on blocks that are token ids already."""

from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer as TRLTrainer

from tasks.sampling.model import LoadedModel
from tasks.training.sft.blocks import Block, Padding


def trl_trainer(
    loaded: LoadedModel,
    blocks: Sequence[Block],
    arguments: dict[str, Any],
    optimizer: torch.optim.Optimizer | None,
) -> TRLTrainer:
    """Return TRL's trainer on `blocks` as they are; `arguments` are those of transformers' Trainer.

    Beside the loss it logs `entropy` and `mean_token_accuracy`.
    """
    return TRLTrainer(
        model=loaded.model,
        args=SFTConfig(
            **arguments,
            max_length=None,  # `encode` has truncated
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=Dataset.from_list(list(blocks)),
        data_collator=Padding(int(loaded.tokenizer.pad_token_id)),
        processing_class=loaded.tokenizer,
        optimizers=(optimizer, None),
    )
