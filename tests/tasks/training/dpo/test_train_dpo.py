import math
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
import torch
from datasets import Dataset
from pydantic import ValidationError
from trl.trainer.dpo_config import DPOConfig

from storage.input_error import InputError
from storage.tables.reference_logps import REFERENCE_LOGPS
from tasks.sampling.encoding import encode
from tasks.sampling.logps import sequence_logps
from tasks.sampling.model import load_model
from tasks.training.base.base_model import directory_fingerprint
from tasks.training.dpo.dpo_objective import DPOObjective
from tasks.training.dpo.encode_pairs import encode_pair, encode_pairs
from tasks.training.dpo.encoded_dpo_trainer import EncodedDPOTrainer
from tasks.training.dpo.params import DPOLoss, DPOParams
from tasks.training.dpo.train_dpo import choose_engine, train_dpo
from tasks.training.preference.preference_batch import PreferenceExample
from tasks.training.preference.preference_engine import PackedEngine, PaddedEngine
from tasks.training.reference.logp_files import KnownLogps
from tasks.training.run.run_files import RunFiles

PARAMS = DPOParams(
    learning_rate=1e-3,
    epochs=2,
    batch_size=4,
    warmup=0.0,
    max_prompt_tokens=16,
    max_tokens=64,
    bf16="no",
    device="cpu",
    kl_samples=4,
    kl_max_tokens=8,
)


SMOOTHED = {"exo_pair": {"label_smoothing": 0.01}, "robust": {"label_smoothing": 0.2}}


def changed(**updates):
    """Return PARAMS with other values, validated again."""
    return DPOParams(**{**PARAMS.model_dump(), **updates})


def values(result, metric):
    return [row.value for row in result.steps if row.metric == metric]


def trl_trainer(loaded, pairs, tmp_path, **config):
    return EncodedDPOTrainer(
        model=loaded.model,
        args=DPOConfig(
            output_dir=str(tmp_path),
            max_length=None,
            precompute_ref_log_probs=True,
            bf16=False,
            use_cpu=True,
            report_to="none",
            **config,
        ),
        train_dataset=Dataset.from_list([encode_pair(p, loaded.tokenizer, PARAMS) for p in pairs]),
        processing_class=loaded.tokenizer,
    )


def test_trls_reference_log_probabilities_are_ours(tiny_policy, pairs, tmp_path):
    """Sums over the completion with its one end token, prompt and padding left out."""
    trainer = trl_trainer(tiny_policy, pairs, tmp_path, activation_checkpointing=False)
    for column, answer in (("ref_chosen_logps", "chosen"), ("ref_rejected_logps", "rejected")):
        rows = [
            encode(
                pair.messages,
                getattr(pair, answer),
                tiny_policy.tokenizer,
                max_prompt_tokens=16,
                max_tokens=64,
            )
            for pair in pairs
        ]
        expected = sequence_logps(tiny_policy, rows)
        assert list(trainer.train_dataset[column]) == pytest.approx(expected, abs=1e-4)


def test_the_first_loss_is_ln_2_and_moves_the_policy(pairs, tiny_checkpoint, tmp_path):
    before = directory_fingerprint(tiny_checkpoint)
    result = train_dpo(pairs, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert values(result, "loss")[0] == pytest.approx(math.log(2), abs=1e-6)
    assert values(result, "grad_norm")[0] > 0.01
    assert values(result, "loss")[-1] < math.log(2)
    assert values(result, "rewards/margins")[-1] > 0
    assert directory_fingerprint(tiny_checkpoint) == before
    after = directory_fingerprint(tmp_path / "policy")
    assert after["model.safetensors"] != before["model.safetensors"]


def test_training_raises_the_chosen_answers_over_the_rejected_ones(
    pairs, tiny_checkpoint, tmp_path
):
    train_dpo(pairs, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    margins = []
    for directory in (tiny_checkpoint, tmp_path / "policy"):
        loaded = load_model(directory)
        ids = [encode_pair(pair, loaded.tokenizer, PARAMS) for pair in pairs]
        sums = [
            sum(sequence_logps(loaded, [_encoded(row, answer) for row in ids]))
            for answer in ("chosen_ids", "rejected_ids")
        ]
        margins.append(sums[0] - sums[1])
    assert margins[1] > margins[0] + 1


def test_the_same_seed_gives_the_same_losses_and_another_does_not(pairs, tiny_checkpoint, tmp_path):
    first, again = (
        train_dpo(pairs, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / name))
        for name in ("a", "b")
    )
    other = train_dpo(
        pairs,
        PARAMS.model_copy(update={"seed": 1}),
        RunFiles(start=tiny_checkpoint, out=tmp_path / "c"),
    )
    assert values(first, "loss") == values(again, "loss")
    assert values(first, "loss") != values(other, "loss")
    assert directory_fingerprint(tmp_path / "a") == directory_fingerprint(tmp_path / "b")


LOSSES = [
    *({"loss_type": loss, **SMOOTHED.get(loss, {})} for loss in DPOLoss.__args__),
    {"loss_type": "sigmoid", "length_normalised": True},
    {"loss_type": "sigmoid", "sft_weight": 0.7},
    {"loss_type": "apo_zero", "sft_weight": 0.7},
]


@pytest.mark.parametrize(
    "loss",
    [
        {"loss_type": "ipo"},
        {"loss_type": "aot"},
        {"loss_type": "exo_pair", "label_smoothing": 0.01},
        {"length_normalised": True},
        {"loss_type": "apo_zero", "sft_weight": 0.7},
    ],
    ids=lambda loss: "-".join(map(str, loss.values())),
)
def test_other_losses_train_as_trl_trains(pairs, tiny_checkpoint, tmp_path, loss):
    """Two steps through each engine; the second depends on the first one's gradients."""
    packed, trl = (
        train_dpo(
            pairs,
            changed(**loss, engine=engine, max_steps=2),
            RunFiles(start=tiny_checkpoint, out=tmp_path / engine),
        )
        for engine in ("packed", "trl")
    )
    for metric in ("loss", "grad_norm", "rewards/margins", "logps/chosen"):
        assert values(packed, metric) == pytest.approx(values(trl, metric), abs=1e-4, rel=1e-4), (
            metric
        )
    assert len(values(packed, "loss")) == 2


def test_without_a_pair_nothing_is_trained_or_written(tiny_checkpoint, tmp_path):
    with pytest.raises(InputError, match="there are no pairs to train on: none was given"):
        train_dpo([], PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert not (tmp_path / "policy").exists()


def test_a_diverging_run_stops_with_finite_weights(pairs, tiny_checkpoint, tmp_path):
    """sppo_hard squares the log-ratios; with a huge learning rate it overflows."""
    params = PARAMS.model_copy(
        update={"learning_rate": 1e30, "epochs": 20, "loss_type": "sppo_hard", "max_grad_norm": 1e9}
    )
    result = train_dpo(pairs, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert result.stop_reason == "diverged"
    assert result.num_steps < 40


def test_progress_and_metrics_cover_every_step(pairs, tiny_checkpoint, tmp_path):
    seen = []
    result = train_dpo(
        pairs,
        PARAMS,
        RunFiles(
            start=tiny_checkpoint,
            out=tmp_path / "policy",
            progress=lambda done, total, note="": seen.append((done, total, bool(note))),
        ),
    )
    assert [entry[:2] for entry in seen] == [(step, 4) for step in range(5)]
    assert seen[-1][2]
    assert [row.step for row in result.steps if row.metric == "loss"] == [1, 2, 3, 4]
    assert result.num_tokens == values(result, "num_tokens")[-1] > 0
    assert {"rewards/chosen", "rewards/accuracies", "logps/rejected"} <= {
        row.metric for row in result.steps
    }


def _encoded(row, answer):
    from tasks.sampling.encoding import Encoded

    return Encoded(prompt_ids=tuple(row["prompt_ids"]), completion_ids=tuple(row[answer]))


def test_packed_training_is_trls_step_by_step(pairs, tiny_checkpoint, tmp_path):
    """Both precompute the reference; TRL pads rows, and must see the same batches."""
    packed, trl = (
        train_dpo(
            pairs,
            PARAMS.model_copy(update={"engine": engine}),
            RunFiles(start=tiny_checkpoint, out=tmp_path / engine),
        )
        for engine in ("packed", "trl")
    )
    for metric in (
        "loss",
        "grad_norm",
        "rewards/chosen",
        "rewards/rejected",
        "rewards/margins",
        "logps/chosen",
        "logps/rejected",
    ):
        assert values(packed, metric) == pytest.approx(values(trl, metric), abs=1e-4, rel=1e-4), (
            metric
        )
    # in the first step policy and reference are equal and rounding decides who is ahead
    assert values(packed, "rewards/accuracies")[1:] == values(trl, "rewards/accuracies")[1:]
    assert len(values(packed, "loss")) == 4


def test_the_gradients_of_one_batch_are_trls(tiny_policy, pairs, tmp_path):
    """With reference log-probabilities that differ from the policy's, on each architecture."""
    trainer = trl_trainer(tiny_policy, pairs, tmp_path, activation_checkpointing=False, beta=0.3)
    inputs = trainer.data_collator([trainer.train_dataset[index] for index in range(4)])
    reference = -40 * torch.rand(4, 2, generator=torch.Generator().manual_seed(0))
    inputs["ref_chosen_logps"], inputs["ref_rejected_logps"] = reference.unbind(dim=1)
    model = tiny_policy.model.eval()
    model.zero_grad()
    theirs = trainer._compute_loss(model, inputs, return_outputs=False)
    theirs.backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters()}

    engine = choose_engine(tiny_policy, PARAMS)
    examples = [
        PreferenceExample(
            encoded=(_encoded(row, "chosen_ids"), _encoded(row, "rejected_ids")),
            ref_logps=tuple(logps),
        )
        for row, logps in zip(
            (encode_pair(pair, tiny_policy.tokenizer, PARAMS) for pair in pairs[:4]),
            reference.tolist(),
            strict=True,
        )
    ]
    batch = engine.collate(examples)
    model.zero_grad()
    step = DPOObjective(PARAMS.model_copy(update={"beta": 0.3}))(
        engine.logps(model, batch),
        batch["ref_logps"],
        batch["num_responses"],
        batch["response_lengths"],
    )
    step.loss.backward()
    assert step.loss.item() == pytest.approx(theirs.item(), abs=1e-5)
    for name, parameter in model.named_parameters():
        error = (parameter.grad - expected[name]).norm() / expected[name].norm().clamp(min=1e-6)
        assert error < 1e-3, name


def unpackable(loaded):
    """Give a model a sliding window that is shorter than a row."""
    loaded.model.config.sliding_window = 8
    return loaded


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: "-".join(map(str, loss.values())))
def test_auto_packs_for_every_loss(tiny_llama, loss):
    assert isinstance(choose_engine(tiny_llama, changed(**loss)), PackedEngine)


def test_auto_takes_trl_where_the_model_cannot_read_packed_rows(tiny_llama, caplog):
    assert choose_engine(unpackable(tiny_llama), changed(loss_type="ipo")) is None
    assert "engine trl instead of packed" in caplog.text


def test_auto_pads_rows_where_trl_does_not_have_the_loss(tiny_llama, caplog):
    params = changed(loss_type="hinge", length_normalised=True)
    assert isinstance(choose_engine(unpackable(tiny_llama), params), PaddedEngine)
    assert "engine padded instead of packed" in caplog.text


def test_packing_asked_for_by_name_and_impossible_is_refused(tiny_llama):
    with pytest.raises(InputError, match="cannot read packed rows"):
        choose_engine(unpackable(tiny_llama), changed(engine="packed"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"loss_type": "ipo", "length_normalised": True},
            r"length_normalised \(true\) has no effect on loss_type \(ipo\)",
        ),
        (
            {"loss_type": "sft", "sft_weight": 0.5},
            r"sft_weight \(0.5\) adds what loss_type \(sft\) is already",
        ),
        (
            {"loss_type": "hinge", "length_normalised": True, "engine": "trl"},
            r"engine \(trl\) has length_normalised \(true\) .* not \(hinge\)",
        ),
        ({"sft_weight": -1}, "greater than or equal to 0"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_settings_that_contradict_each_other_are_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        changed(**wrong)


def test_the_sft_term_keeps_the_chosen_answers_likely(pairs, tiny_checkpoint, tmp_path):
    """Its metric is the chosen answers' cross-entropy per token, counted again without training."""
    result = train_dpo(
        pairs,
        changed(sft_weight=1.0, batch_size=8),
        RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"),
    )
    loaded = load_model(tiny_checkpoint)
    rows = [_encoded(encode_pair(p, loaded.tokenizer, PARAMS), "chosen_ids") for p in pairs]
    tokens = sum(len(row.completion_ids) for row in rows)
    nll = values(result, "nll_loss")
    assert nll[0] == pytest.approx(-sum(sequence_logps(loaded, rows)) / tokens, abs=1e-4)
    assert nll[-1] < nll[0]
    assert values(result, "loss")[0] == pytest.approx(math.log(2) + nll[0], abs=1e-4)


def test_dropped_pairs_are_named_with_their_reason(pairs, tiny_llama):
    params = PARAMS.model_copy(update={"max_prompt_tokens": 4, "max_tokens": 4})
    lengths = [len(encode_pair(p, tiny_llama.tokenizer, PARAMS)["prompt_ids"]) for p in pairs]
    encoded = encode_pairs(pairs, tiny_llama.tokenizer, params)
    expected = [p.pair_id for p, length in zip(pairs, lengths, strict=True) if length >= 4]
    assert [row.row_id for row in encoded.dropped] == expected
    assert {row.reason for row in encoded.dropped} == {"prompt fills the limit"}
    assert len(encoded.kept) == len(pairs) - len(expected) > 0


def test_an_empty_answer_is_its_end_token(pairs, tiny_llama):
    row = encode_pair(replace(pairs[0], rejected=""), tiny_llama.tokenizer, PARAMS)
    assert row["rejected_ids"] == [tiny_llama.tokenizer.eos_token_id]


@pytest.mark.parametrize("engine", ["packed", "trl"])
def test_the_kl_to_the_reference_is_measured(pairs, tiny_checkpoint, tmp_path, engine):
    """At the start, every third step and after the last one; again on more samples afterwards."""
    result = train_dpo(
        pairs,
        changed(engine=engine, kl_every=3, kl_samples=64),
        RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"),
    )
    measured = [(row.step, row.value) for row in result.steps if row.metric == "kl"]
    assert [step for step, _ in measured] == [0, 3, 4]
    assert measured[0][1] == pytest.approx(0, abs=1e-4)
    assert measured[2][1] > 0.01
    assert (result.num_steps, result.stop_reason) == (4, "finished")


def test_a_policy_beyond_kl_stop_has_diverged_and_is_put_back(pairs, tiny_checkpoint, tmp_path):
    result = train_dpo(
        pairs,
        changed(kl_every=1, kl_stop=1e-6, epochs=5),
        RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"),
    )
    assert (result.num_steps, result.stop_reason) == (0, "diverged")
    assert "beyond kl_stop (1e-06)" in result.stop_detail
    before, after = (load_model(path).model for path in (tiny_checkpoint, tmp_path / "policy"))
    for name, weights in before.state_dict().items():
        assert torch.equal(weights, after.state_dict()[name]), name


def test_without_kl_every_nothing_is_measured(pairs, tiny_checkpoint, tmp_path):
    result = train_dpo(
        pairs, changed(kl_every=0), RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    assert values(result, "kl") == []


def test_adapters_train_alike_through_both_engines(pairs, tiny_checkpoint, tmp_path):
    """The reference is the base without its adapter; what is written is a whole model."""
    packed, trl = (
        train_dpo(
            pairs,
            changed(lora_rank=2, engine=engine, learning_rate=1e-2, kl_every=4),
            RunFiles(start=tiny_checkpoint, out=tmp_path / engine),
        )
        for engine in ("packed", "trl")
    )
    for metric in ("loss", "rewards/margins", "logps/chosen"):
        assert values(packed, metric) == pytest.approx(values(trl, metric), abs=1e-4, rel=1e-4), (
            metric
        )
    assert values(packed, "kl") == pytest.approx(values(trl, "kl"), abs=1e-3)
    assert values(packed, "loss")[0] == pytest.approx(math.log(2), abs=1e-6)
    assert values(packed, "loss")[-1] < 0.6
    assert values(packed, "kl")[-1] > 0.01
    rows = [encode_pair(pair, load_model(tiny_checkpoint).tokenizer, PARAMS) for pair in pairs]
    chosen = [_encoded(row, "chosen_ids") for row in rows]
    written = [sequence_logps(load_model(tmp_path / name), chosen) for name in ("packed", "trl")]
    assert written[0] == pytest.approx(written[1], abs=1e-2)
    assert sum(written[0]) != pytest.approx(
        sum(sequence_logps(load_model(tiny_checkpoint), chosen)), abs=0.1
    )


@pytest.mark.parametrize("engine", ["packed", "trl"])
def test_an_interrupted_run_goes_on_as_if_undisturbed(pairs, tiny_checkpoint, tmp_path, engine):
    params = changed(engine=engine, checkpoint_every=2, kl_every=2, epochs=3, sft_weight=0.5)
    whole = train_dpo(
        pairs,
        params,
        RunFiles(start=tiny_checkpoint, out=tmp_path / "a", checkpoints=tmp_path / "ca"),
    )

    def break_at_step_3(done, _total, _note=""):
        if done == 3:
            raise ConnectionError("the machine is gone")

    files = RunFiles(start=tiny_checkpoint, out=tmp_path / "b", checkpoints=tmp_path / "cb")
    with pytest.raises(ConnectionError):
        train_dpo(pairs, params, replace(files, progress=break_at_step_3))
    resumed = train_dpo(pairs, params, files)
    assert [(row.step, row.metric) for row in resumed.steps] == [
        (row.step, row.metric) for row in whole.steps
    ]
    assert [row.value for row in resumed.steps] == pytest.approx(
        [row.value for row in whole.steps], abs=1e-6
    )
    assert directory_fingerprint(tmp_path / "a") == directory_fingerprint(tmp_path / "b")


@pytest.mark.parametrize("engine", ["packed", "trl"])
def test_what_the_reference_said_is_left_for_the_next_run(engine, pairs, tiny_checkpoint, tmp_path):
    """The next run trains alike on stored values, and differently on values that were tampered with."""
    params = PARAMS.model_copy(update={"engine": engine})
    known = KnownLogps(tmp_path)

    def trained(name):
        files = RunFiles(start=tiny_checkpoint, out=tmp_path / name, reference_logps=tmp_path)
        return values(train_dpo(pairs, params, files), "loss")

    first = trained("first")
    rows = list(REFERENCE_LOGPS.from_arrow(pq.read_table(known.scored)))
    assert {(row.row_id, row.response) for row in rows} == {
        (pair.pair_id, response) for pair in pairs for response in (0, 1)
    }
    known.scored.rename(known.known)
    assert trained("again") == pytest.approx(first, abs=1e-5)
    assert not known.scored.exists()
    other = [replace(row, logp=row.logp - 1.0 if row.response else row.logp) for row in rows]
    pq.write_table(REFERENCE_LOGPS.to_arrow(other), known.known)
    assert trained("other")[0] > first[0] + 0.01
