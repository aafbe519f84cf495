"""Who sees whom in a packed row, as a dense mask or as a block mask."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask

from tasks.sampling.shared_prefix.packed_batch import IN_PROMPT


def dense_mask(
    prompt_of: Int[Tensor, "rows tokens"], response_of: Int[Tensor, "rows tokens"]
) -> Bool[Tensor, "rows 1 tokens tokens"]:
    """Return True where a token (third axis) sees a token (last axis).

    It sees the tokens up to itself of its own prompt that belong to the prompt or to its own
    response.
    """
    num_tokens = prompt_of.shape[1]
    order = torch.arange(num_tokens, device=prompt_of.device)
    before = order.unsqueeze(-1) >= order
    same_prompt = prompt_of.unsqueeze(-1) == prompt_of.unsqueeze(1)
    same_response = response_of.unsqueeze(-1) == response_of.unsqueeze(1)
    seen = same_response | (response_of == IN_PROMPT).unsqueeze(1)
    return (before & same_prompt & seen).unsqueeze(1)


def block_mask(prompt_of: Int[Tensor, " tokens"], response_of: Int[Tensor, " tokens"]) -> BlockMask:
    """Return the same for one row as FlexAttention's block mask: empty blocks are not computed."""

    def sees(_row: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        seen = (response_of[key] == IN_PROMPT) | (response_of[key] == response_of[query])
        return (query >= key) & (prompt_of[query] == prompt_of[key]) & seen

    num_tokens = prompt_of.shape[0]
    return create_block_mask(
        sees, B=1, H=None, Q_LEN=num_tokens, KV_LEN=num_tokens, device=str(prompt_of.device)
    )
