"""References other than the start, and references that follow the policy."""

import math

import pytest
import torch

from tasks.sampling.logps import sequence_logps
from tasks.sampling.model import load_model
from tasks.training.d2o.dispreference_batch import encode_negatives
from tasks.training.d2o.params import D2OParams
from tasks.training.d2o.reference_scores import ReferenceScores
from tasks.training.d2o.train_d2o import choose_engine, train_d2o
from tasks.training.reference.load_references import load_references
from tasks.training.run.run_files import RunFiles

PARAMS = D2OParams(
    learning_rate=1e-3,
    epochs=2,
    batch_size=4,
    warmup=0.0,
    max_prompt_tokens=16,
    max_tokens=64,
    max_samples=3,
    max_kl=1e6,
    kl_every=1000,
    kl_samples=4,
    kl_max_tokens=8,
    bf16="no",
    device="cpu",
)


def values(result, metric):
    return [row.value for row in result.steps if row.metric == metric]


def trained(negatives, params, tmp_path, start, **references):
    files = RunFiles(start=start, out=tmp_path / "policy", **references)
    return train_d2o(negatives, params, files)


@pytest.mark.parametrize("engine", ["packed", "padded"])
def test_self_samples_and_negatives_are_scored_by_their_own_reference(
    negatives, tiny_checkpoint, other_checkpoint, engine
):
    params = PARAMS.model_copy(update={"engine": engine})
    policy = load_model(tiny_checkpoint)
    references = load_references(tiny_checkpoint, policy, None, other_checkpoint)
    models = (policy, references.self_samples, references.negative)
    scores = ReferenceScores(references, choose_engine(models, params), batch_size=3, bf16=False)
    ragged = [*encode_negatives(negatives, policy.tokenizer, params).examples]
    ragged += encode_negatives(
        negatives[:2], policy.tokenizer, params.model_copy(update={"max_samples": 0})
    ).examples
    start, other = load_model(tiny_checkpoint), load_model(other_checkpoint)
    for example, scored in zip(ragged, scores.of(ragged), strict=True):
        assert scored.encoded == example.encoded
        *anchors, negative = scored.ref_logps
        *own, rejected = example.encoded
        assert anchors == pytest.approx(sequence_logps(start, own) if own else [], abs=1e-4)
        assert negative == pytest.approx(sequence_logps(other, [rejected])[0], abs=1e-4)


def test_the_first_loss_is_that_of_the_two_references_by_hand(
    negatives, tiny_checkpoint, other_checkpoint, tmp_path
):
    """All rows in one batch: at the start pi is pi_r-, so only the negative's ratio counts."""
    params = PARAMS.model_copy(update={"batch_size": 8, "max_steps": 1})
    result = trained(
        negatives, params, tmp_path, tiny_checkpoint, negative_reference=other_checkpoint
    )
    start, other = load_model(tiny_checkpoint), load_model(other_checkpoint)
    examples = encode_negatives(negatives, start.tokenizer, params).examples
    rejected = [example.encoded[-1] for example in examples]
    ratios = [
        one - two
        for one, two in zip(
            sequence_logps(start, rejected), sequence_logps(other, rejected), strict=True
        )
    ]
    expected = sum(math.log1p(math.exp(params.alpha * ratio)) for ratio in ratios) / len(ratios)
    assert values(result, "loss")[0] == pytest.approx(expected, abs=1e-4)
    assert values(result, "d2o/positive_term")[0] == pytest.approx(0.0, abs=1e-4)
    assert values(result, "kl")[0] == pytest.approx(0.0, abs=1e-6)


def test_the_kl_is_measured_to_the_start_even_if_both_references_are_others(
    negatives, tiny_checkpoint, other_checkpoint, tmp_path
):
    others = {"self_reference": other_checkpoint, "negative_reference": other_checkpoint}
    params = PARAMS.model_copy(update={"max_steps": 1})
    result = trained(negatives, params, tmp_path, tiny_checkpoint, **others)
    assert values(result, "kl")[0] == pytest.approx(0.0, abs=1e-6)
    assert abs(values(result, "kl/forward")[0]) > 0.01  # but the loss compares with the others


def test_a_reference_that_was_just_copied_makes_the_loss_ln_2_again(
    negatives, tiny_checkpoint, tmp_path
):
    """Two steps, a copy, and the policy stands where its references stand."""
    params = PARAMS.model_copy(update={"reference_update_every": 2, "epochs": 2.0})
    result = trained(negatives, params, tmp_path, tiny_checkpoint)
    losses = values(result, "loss")
    assert [losses[0], losses[2]] == pytest.approx([math.log(2)] * 2, abs=1e-5)
    assert losses[1] < math.log(2) - 1e-3
    assert losses[3] < math.log(2) - 1e-3
    assert values(result, "reference/updates") == [0, 0, 1, 1]
    assert values(result, "reference/last_update") == [0, 0, 2, 2]
    assert values(result, "kl")[-1] > 1e-3  # to the start, which has not moved
    frozen = trained(negatives, PARAMS, tmp_path / "frozen", tiny_checkpoint)
    assert values(frozen, "loss")[:2] == losses[:2]
    assert values(frozen, "reference/updates") == []


def test_a_reference_that_hardly_moves_trains_like_one_that_does_not(
    negatives, tiny_checkpoint, tmp_path
):
    frozen = trained(negatives, PARAMS, tmp_path / "frozen", tiny_checkpoint)
    params = PARAMS.model_copy(update={"reference_update_every": 1, "reference_decay": 0.999999})
    slow = trained(negatives, params, tmp_path / "slow", tiny_checkpoint)
    assert values(slow, "loss") == pytest.approx(values(frozen, "loss"), abs=1e-4)
    assert values(slow, "reference/updates") == [0, 1, 2, 3]


def test_with_adapters_the_reference_is_the_policys_base_until_it_follows(
    negatives, tiny_checkpoint, tmp_path
):
    params = PARAMS.model_copy(update={"lora_rank": 4, "reference_update_every": 2})
    result = trained(negatives, params, tmp_path, tiny_checkpoint)
    losses = values(result, "loss")
    assert [losses[0], losses[2]] == pytest.approx([math.log(2)] * 2, abs=1e-5)
    assert losses[1] < math.log(2) - 1e-4


def test_following_references_are_part_of_the_state(negatives, tiny_checkpoint):
    """What a run knew after an update is known to the one that takes it up."""
    from tests.tasks.training.d2o.test_resampling import live_of

    params = PARAMS.model_copy(update={"reference_update_every": 2})
    live, policy, order = live_of(negatives, tiny_checkpoint, params)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.mul_(1.1)
    rows = order.rows_of(2, 3)
    untouched = next(row for row in range(8) if row not in rows)
    live.prepare(2, rows)
    again, _, _ = live_of(negatives, tiny_checkpoint, params)
    again.restore(live.state())
    assert again.metrics(2, rows) == {"reference/updates": 1, "reference/last_update": 2}
    for one in (live, again):  # a row that was scored before the update is scored when it is read
        one.prepare(3, [untouched])
    assert again.of_rows(range(8)) == live.of_rows(range(8))
    (example,) = again.of_rows([untouched])
    assert example.ref_logps == pytest.approx(sequence_logps(policy, example.encoded), abs=1e-4)
