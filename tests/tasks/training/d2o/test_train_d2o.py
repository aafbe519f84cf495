import math
from dataclasses import replace

import pytest
import torch

from storage.input_error import InputError
from tasks.sampling.encoding import encode_prompt
from tasks.sampling.logps import sequence_logps
from tasks.sampling.model import load_model
from tasks.training.base.base_model import directory_fingerprint
from tasks.training.d2o.d2o_objective import D2OObjective
from tasks.training.d2o.dispreference_batch import (
    anchor_mask,
    by_example,
    encode_negative,
    encode_negatives,
)
from tasks.training.d2o.params import D2OParams
from tasks.training.d2o.train_d2o import choose_engine, train_d2o
from tasks.training.dropped_row import DroppedRow
from tasks.training.preference.preference_engine import (
    PackedEngine,
    PaddedEngine,
    with_reference_logps,
)
from tasks.training.reference.load_reference import load_reference
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
    kl_every=1,
    kl_samples=8,
    kl_max_tokens=8,
    bf16="no",
    device="cpu",
)


def values(result, metric):
    return [row.value for row in result.steps if row.metric == metric]


def test_the_first_step_stands_where_the_reference_stands(negatives, tiny_checkpoint, tmp_path):
    """Equal models: loss ln 2, no KL, no margin, and yet a gradient."""
    result = train_d2o(negatives, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert values(result, "loss")[0] == pytest.approx(math.log(2), abs=1e-6)
    assert values(result, "kl/forward")[0] == pytest.approx(0.0, abs=1e-5)
    assert values(result, "rewards/margins")[0] == pytest.approx(0.0, abs=1e-5)
    assert values(result, "grad_norm")[0] > 0.01
    assert values(result, "kl")[0] == pytest.approx(0.0, abs=1e-6)
    assert values(result, "kl")[-1] > 0.01


def test_training_moves_away_from_the_negatives(negatives, tiny_checkpoint, tmp_path):
    result = train_d2o(negatives, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert values(result, "rewards/margins")[-1] > 0
    examples = [
        encode_negative(row, load_model(tiny_checkpoint).tokenizer, PARAMS) for row in negatives
    ]
    rejected = [example.encoded[-1] for example in examples]
    before, after = (
        sum(sequence_logps(load_model(directory), rejected))
        for directory in (tiny_checkpoint, tmp_path / "policy")
    )
    assert after < before - 1


def test_the_policy_changes_and_the_reference_does_not(negatives, tiny_checkpoint, tmp_path):
    before = directory_fingerprint(tiny_checkpoint)
    train_d2o(negatives, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert directory_fingerprint(tiny_checkpoint) == before
    trained = directory_fingerprint(tmp_path / "policy")
    assert trained["model.safetensors"] != before["model.safetensors"]


def test_the_reference_is_a_frozen_model_of_its_own(tiny_checkpoint):
    policy = load_model(tiny_checkpoint)
    reference = load_reference(tiny_checkpoint, policy)
    assert reference.model is not policy.model
    own = {parameter.data_ptr() for parameter in policy.model.parameters()}
    for parameter in reference.model.parameters():
        assert not parameter.requires_grad
        assert parameter.data_ptr() not in own
    with torch.no_grad():
        next(policy.model.parameters()).add_(1.0)
    assert not torch.equal(next(policy.model.parameters()), next(reference.model.parameters()))


def test_the_same_seed_gives_the_same_losses_and_another_does_not(
    negatives, tiny_checkpoint, tmp_path
):
    first, again = (
        train_d2o(negatives, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / name))
        for name in ("a", "b")
    )
    other = train_d2o(
        negatives,
        PARAMS.model_copy(update={"seed": 1}),
        RunFiles(start=tiny_checkpoint, out=tmp_path / "c"),
    )
    assert first.steps == again.steps
    assert values(first, "loss") != values(other, "loss")
    assert directory_fingerprint(tmp_path / "a") == directory_fingerprint(tmp_path / "b")


def test_over_its_kl_budget_training_stops_with_the_weights_before(
    negatives, tiny_checkpoint, tmp_path
):
    """The budget lies between the KL after step 2 and after step 3, so step 2 is kept."""
    wild = PARAMS.model_copy(update={"learning_rate": 3e-3, "epochs": 4.0})
    free = train_d2o(negatives, wild, RunFiles(start=tiny_checkpoint, out=tmp_path / "free"))
    kls = values(free, "kl")
    assert kls[2] < kls[3]
    budget = wild.model_copy(update={"max_kl": (kls[2] + kls[3]) / 2})
    stopped = train_d2o(
        negatives, budget, RunFiles(start=tiny_checkpoint, out=tmp_path / "stopped")
    )
    assert (stopped.stop_reason, stopped.num_steps) == ("kl_budget", 2)
    assert values(stopped, "kl") == kls[:4]

    # a free run stopped after step 2 has other learning rates, so compare what was kept instead
    examples = [
        encode_negative(row, load_model(tiny_checkpoint).tokenizer, PARAMS) for row in negatives
    ]
    rows = [example.encoded[-1] for example in examples]
    kept = sum(sequence_logps(load_model(tmp_path / "stopped"), rows))
    start = sum(sequence_logps(load_model(tiny_checkpoint), rows))
    end = sum(sequence_logps(load_model(tmp_path / "free"), rows))
    assert end < kept < start


def test_a_budget_that_the_first_measurement_breaks_leaves_the_start(
    negatives, tiny_checkpoint, tmp_path
):
    params = PARAMS.model_copy(update={"max_kl": 1e-9})
    result = train_d2o(negatives, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert (result.stop_reason, result.num_steps) == ("kl_budget", 0)
    start = load_model(tiny_checkpoint).model.state_dict()
    for name, weights in load_model(tmp_path / "policy").model.state_dict().items():
        assert torch.equal(weights, start[name])


def test_bf16_training_starts_with_a_kl_of_zero_too(negatives, tiny_checkpoint, tmp_path):
    """Policy and reference round alike, so rounding does not look like divergence."""
    params = PARAMS.model_copy(update={"bf16": "yes"})
    result = train_d2o(negatives, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert values(result, "kl")[0] == pytest.approx(0.0, abs=1e-6)
    assert values(result, "loss")[0] == pytest.approx(math.log(2), abs=0.02)


def test_a_diverging_run_returns_to_weights_within_the_budget(negatives, tiny_checkpoint, tmp_path):
    params = PARAMS.model_copy(
        update={"learning_rate": 1e30, "epochs": 20.0, "kl_every": 1000, "max_grad_norm": 1e9}
    )
    result = train_d2o(negatives, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert (result.stop_reason, result.num_steps) == ("diverged", 0)
    start = load_model(tiny_checkpoint).model.state_dict()
    for name, weights in load_model(tmp_path / "policy").model.state_dict().items():
        assert torch.equal(weights, start[name])


def test_rows_with_fewer_samples_use_what_they_have(negatives, tiny_checkpoint, tmp_path):
    ragged = [replace(row, anchors=row.anchors[: index % 4]) for index, row in enumerate(negatives)]
    result = train_d2o(ragged, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert (result.num_rows, result.stop_reason) == (8, "finished")
    assert values(result, "loss")[0] == pytest.approx(math.log(2), abs=1e-6)


def test_without_samples_only_the_negatives_are_trained_on(negatives, tiny_checkpoint, tmp_path):
    params = PARAMS.model_copy(update={"max_samples": 0})
    result = train_d2o(negatives, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert values(result, "rewards/chosen") == [0.0] * 4
    assert values(result, "d2o/positive_term") == [0.0] * 4
    assert values(result, "d2o/margin") == values(result, "rewards/margins")
    assert values(result, "rewards/rejected")[-1] < 0


def test_gradient_accumulation_gives_the_losses_of_the_larger_batch(
    negatives, tiny_checkpoint, tmp_path
):
    whole = train_d2o(negatives, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "whole"))
    halves = PARAMS.model_copy(update={"batch_size": 2, "gradient_accumulation_steps": 2})
    parts = train_d2o(negatives, halves, RunFiles(start=tiny_checkpoint, out=tmp_path / "parts"))
    assert values(parts, "loss") == pytest.approx(values(whole, "loss"), abs=1e-4)
    assert values(parts, "rewards/margins") == pytest.approx(
        values(whole, "rewards/margins"), abs=1e-3
    )


def test_rows_whose_answer_has_no_token_are_listed_with_the_reason(negatives, tiny_llama):
    """Some prompts fill 4 tokens or more with their begin token, which leaves no room in 4."""
    tight = PARAMS.model_copy(update={"max_prompt_tokens": 4, "max_tokens": 4})
    encoded = encode_negatives(negatives, tiny_llama.tokenizer, tight)
    full = [
        row
        for row in negatives
        if len(encode_prompt(row.messages, tiny_llama.tokenizer, max_prompt_tokens=99)) >= 4
    ]
    assert 0 < len(full) < 8
    assert encoded.dropped == tuple(
        DroppedRow(row.negative_id, "prompt fills the limit") for row in full
    )
    assert encoded.rows == tuple(row for row in negatives if row not in full)
    assert len(encoded.examples) == len(encoded.rows)
    roomy = encode_negatives(negatives, tiny_llama.tokenizer, PARAMS)
    assert (roomy.rows, roomy.dropped) == (tuple(negatives), ())


def test_without_a_negative_nothing_is_trained(tiny_checkpoint, tmp_path):
    with pytest.raises(InputError, match="there are no negatives to train on"):
        train_d2o([], PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))


def test_responses_find_their_way_into_a_batch_and_back(negatives, tiny_llama):
    """Three rows with 0, 2 and 3 samples: their log-probabilities return to their places."""
    rows = [replace(negatives[k], anchors=negatives[k].anchors[:k]) for k in (0, 2, 3)]
    examples = with_reference_logps(
        [encode_negative(row, tiny_llama.tokenizer, PARAMS) for row in rows],
        tiny_llama,
        PaddedEngine(2),
        bf16=False,
        batch_size=4,
    )
    batch = PackedEngine("segments").collate(examples)
    logps = by_example(batch["ref_logps"], batch["num_responses"])
    mask = anchor_mask(batch["num_responses"])
    assert mask.tolist() == [[False] * 3, [True, True, False], [True] * 3]
    for index, example in enumerate(examples):
        expected = sequence_logps(tiny_llama, example.encoded)
        assert logps.negative[index].item() == pytest.approx(expected[-1], abs=1e-4)
        assert logps.anchors[index][mask[index]].tolist() == pytest.approx(expected[:-1], abs=1e-4)


def test_packed_training_is_padded_training_step_by_step(negatives, tiny_checkpoint, tmp_path):
    """Five steps on rows with 0 to 3 samples: losses, gradients and KL of both engines."""
    ragged = [replace(row, anchors=row.anchors[: index % 4]) for index, row in enumerate(negatives)]
    packed, padded = (
        train_d2o(
            ragged,
            PARAMS.model_copy(update={"engine": engine, "epochs": 3.0, "max_steps": 5}),
            RunFiles(start=tiny_checkpoint, out=tmp_path / engine),
        )
        for engine in ("packed", "padded")
    )
    assert packed.num_steps == padded.num_steps == 5
    assert values(packed, "loss")[-1] < math.log(2) - 0.01
    for metric in ("loss", "grad_norm", "kl", "logps/chosen", "rewards/margins"):
        assert values(packed, metric) == pytest.approx(
            values(padded, metric), abs=1e-4, rel=1e-4
        ), metric
    assert packed.num_tokens < padded.num_tokens  # each prompt passes once


def test_a_model_with_a_short_window_is_trained_on_padded_rows(
    negatives, tiny_checkpoint, tmp_path, caplog
):
    start = tmp_path / "start"
    loaded = load_model(tiny_checkpoint)
    loaded.model.config.sliding_window = 8
    loaded.model.save_pretrained(start)
    loaded.tokenizer.save_pretrained(start)
    result = train_d2o(negatives, PARAMS, RunFiles(start=start, out=tmp_path / "policy"))
    assert result.stop_reason == "finished"
    assert "engine padded instead of packed: LlamaForCausalLM attends to a sliding" in caplog.text


@pytest.mark.parametrize(("engine", "kind"), [("auto", PackedEngine), ("padded", PaddedEngine)])
def test_auto_packs_where_it_can(tiny_checkpoint, engine, kind):
    policy = load_model(tiny_checkpoint)
    reference = load_reference(tiny_checkpoint, policy)
    chosen = choose_engine((policy, reference), PARAMS.model_copy(update={"engine": engine}))
    assert isinstance(chosen, kind)


def test_activation_checkpointing_gives_the_same_packed_losses(
    negatives, tiny_checkpoint, tmp_path
):
    plain = train_d2o(negatives, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "plain"))
    saving = PARAMS.model_copy(update={"activation_checkpointing": True})
    saved = train_d2o(negatives, saving, RunFiles(start=tiny_checkpoint, out=tmp_path / "saved"))
    assert values(saved, "loss") == pytest.approx(values(plain, "loss"), abs=1e-5)


def test_with_one_self_sample_d2o_is_dpo_with_that_sample_as_chosen(negatives, tiny_llama):
    """K = 1 and alpha = beta, on log-probabilities that differ between policy and reference."""
    params = PARAMS.model_copy(update={"max_samples": 1, "alpha": 0.3, "beta": 0.3})
    examples = encode_negatives(negatives, tiny_llama.tokenizer, params).examples
    assert {len(example.encoded) for example in examples} == {2}
    policy = torch.linspace(-30, -10, 16)
    reference = policy + torch.linspace(2, -3, 16)
    step = D2OObjective(params)(policy, reference, torch.full((8,), 2), torch.ones(16))
    ratios = (policy - reference).view(8, 2)
    margins = 0.3 * (ratios[:, 0] - ratios[:, 1])
    expected = -torch.nn.functional.logsigmoid(margins).mean().item()
    assert step.loss.item() == pytest.approx(expected, abs=1e-6)


def test_the_share_of_rows_beyond_the_cutoff_is_told():
    """Margins of 0.1 * (3 + 16) = 1.9, 0.1 * (5 + 16) = 2.1 and 1; the cut-off is 2."""
    params = D2OParams(alpha=0.1, beta=0.1, max_samples=1, margin_cutoff=2.0)
    policy = torch.tensor([-7.0, -26.0, -5.0, -26.0, -10.0, -20.0])
    reference = torch.tensor([-10.0, -10.0, -10.0, -10.0, -10.0, -10.0])
    given = (policy, reference, torch.tensor([2, 2, 2]), torch.ones(6))
    metrics = D2OObjective(params)(*given).metrics
    assert metrics["d2o/beyond_cutoff"] == pytest.approx(1 / 3)
    assert metrics["d2o/margin"] == pytest.approx((1.9 + 2.1 + 1.0) / 3)
    assert metrics["d2o/positive_term"] == pytest.approx((0.3 + 0.5 + 0.0) / 3)
    assert metrics["d2o/negative_term"] == pytest.approx(-(1.6 + 1.6 + 1.0) / 3)
    off = D2OObjective(params.model_copy(update={"margin_cutoff": 0.0}))(*given).metrics
    assert off["d2o/beyond_cutoff"] == 0.0
