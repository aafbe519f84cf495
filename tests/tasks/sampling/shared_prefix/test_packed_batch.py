import pytest
import torch

from tasks.sampling.encoding import Encoded
from tasks.sampling.shared_prefix.masks import dense_mask
from tasks.sampling.shared_prefix.packed_batch import PackedBatch, pack_responses
from tasks.sampling.shared_prefix.segments import segments_of

A, B = (10, 11, 12), (20,)
BATCH = [
    [Encoded(A, (13, 14)), Encoded(A, (15,))],
    [Encoded(B, (21, 22))],
]


def test_the_layout_is_prompt_then_its_last_token_before_each_response():
    """Worked by hand: 10 11 | 12 13 | 12 and, for the prompt of one token, | 20 21."""
    batch = pack_responses(BATCH)
    assert batch.input_ids.tolist() == [[10, 11, 12, 13, 12, 20, 21]]
    assert batch.position_ids.tolist() == [[0, 1, 2, 3, 2, 0, 1]]
    assert batch.prompt_of.tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert batch.response_of.tolist() == [-1, -1, 0, 0, 1, 2, 2]
    assert batch.scored.tolist() == [2, 3, 4, 5, 6]
    assert batch.targets.tolist() == [13, 14, 15, 21, 22]
    assert batch.prompt_rows.tolist() == [0, 0, 1]
    assert batch.prompt_lengths.tolist() == [2, 0]


def test_a_token_sees_its_prompt_and_its_own_response_up_to_itself():
    """Row and column: 10 11 | 12 13 | 12' | 20 21 of the layout above."""
    batch = pack_responses(BATCH)
    mask = dense_mask(batch.prompt_of[None], batch.response_of[None])[0, 0]
    assert mask.int().tolist() == [
        [1, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 1, 1],
    ]


def test_slots_lead_to_every_token_and_back(groups):
    batch = pack_responses(groups)
    tokens = batch.input_ids[0]
    slots = torch.cat(
        [tokens[batch.prompt_slots].flatten(), tokens[batch.response_slots].flatten()]
    )
    assert slots[batch.unslot].tolist() == tokens.tolist()
    assert len(set(batch.unslot.tolist())) == len(tokens)


def test_blocks_hold_the_pairs_of_the_dense_mask(groups):
    """Each response's block mask, read through its slots, is its part of the dense mask."""
    batch = pack_responses(groups)
    dense = dense_mask(batch.prompt_of[None], batch.response_of[None])[0, 0]
    masks = segments_of(batch).response_mask[:, 0]
    masks = masks.expand(len(batch.prompt_rows), -1, -1)
    lengths = batch.response_of[batch.scored].bincount().tolist()
    for row, length in enumerate(lengths):
        queries = batch.response_slots[row, :length]
        prompt = batch.prompt_slots[batch.prompt_rows[row]]
        num_prompt = int(batch.prompt_lengths[batch.prompt_rows[row]])
        seen = torch.cat([prompt[:num_prompt], queries])
        most = len(prompt)
        own = torch.cat(
            [masks[row, :length, :num_prompt], masks[row, :length, most:][:, :length]], 1
        )
        assert own.tolist() == dense[queries][:, seen].tolist()
        assert not masks[row, :length, num_prompt:most].any()


def test_a_batch_is_rebuilt_from_its_tensors():
    batch = pack_responses(BATCH)
    again = PackedBatch.of({**batch.tensors(), "something": torch.zeros(1)})
    assert again.tensors().keys() == batch.tensors().keys()
    assert all(torch.equal(again.tensors()[name], value) for name, value in batch.tensors().items())


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([], "at least one prompt"),
        ([[]], "drop empty ones"),
        ([[Encoded(A, ())]], "drop empty ones"),
        ([[Encoded(A, (1,)), Encoded(B, (1,))]], "share one prompt"),
    ],
    ids=["no prompt", "no response", "an empty response", "two prompts"],
)
def test_what_cannot_be_packed_is_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        pack_responses(groups)
