import math

import pytest
import torch
from datasets import Dataset
from trl.trainer.dpo_config import DPOConfig

from storage.input_error import InputError
from storage.tables.table import Message
from tasks.sampling.encoding import encode
from tasks.sampling.logps import sequence_logps
from tasks.sampling.model import load_model
from tasks.training.base.base_model import directory_fingerprint
from tasks.training.dpo.dpo_objective import DPOObjective
from tasks.training.dpo.encoded_dpo_trainer import EncodedDPOTrainer
from tasks.training.dpo.params import DPOLoss, DPOParams
from tasks.training.dpo.train_dpo import choose_engine, encode_pair, train_dpo
from tasks.training.losses.dpo import PairLogps, dpo_loss
from tasks.training.preference.preference_batch import PreferenceExample
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
)


def values(result, metric):
    return [row.value for row in result.steps if row.metric == metric]


class Answers(torch.nn.Module):
    """Stands where the policy stands in TRL's loss and answers with given log-probabilities."""

    def __init__(self, logps):
        super().__init__()
        self.logps = torch.nn.Parameter(logps)

    def forward(self, **_):
        zeros = torch.zeros_like(self.logps)
        output = torch.nn.Module()
        output.log_probs, output.entropy, output.mean_logits = self.logps, zeros, zeros
        output.is_top1 = zeros.bool()
        return output


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


@pytest.mark.parametrize("beta", [0.1, 0.5])
def test_our_loss_is_trls_on_random_log_probabilities(tiny_llama, pairs, tmp_path, beta):
    """TRL's own `_compute_loss` on random per-token log-probabilities, values and gradients."""
    trainer = trl_trainer(tiny_llama, pairs, tmp_path, beta=beta, activation_checkpointing=False)
    inputs = trainer.data_collator([trainer.train_dataset[index] for index in range(4)])
    generator = torch.Generator().manual_seed(0)
    mask = inputs["completion_mask"][:, 1:]
    logps = -3 * torch.rand(mask.shape, generator=generator) * mask
    inputs["ref_chosen_logps"], inputs["ref_rejected_logps"] = -40 * torch.rand(
        2, 4, generator=generator
    )
    theirs = Answers(logps.clone())
    trl_loss = trainer._compute_loss(theirs, inputs, return_outputs=False)
    trl_loss.backward()

    ours = logps.clone().requires_grad_()
    chosen, rejected = ours.sum(dim=1).chunk(2)
    result = dpo_loss(
        PairLogps(chosen=chosen, rejected=rejected),
        PairLogps(chosen=inputs["ref_chosen_logps"], rejected=inputs["ref_rejected_logps"]),
        beta=beta,
    )
    result.losses.mean().backward()
    assert result.losses.mean().item() == pytest.approx(trl_loss.item(), abs=1e-6)
    assert torch.allclose(ours.grad, theirs.logps.grad, atol=1e-6)


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


@pytest.mark.parametrize("loss_type", DPOLoss.__args__)
def test_every_loss_of_trl_runs(pairs, tiny_checkpoint, tmp_path, loss_type):
    smoothing = 0.1 if loss_type == "exo_pair" else 0.0
    params = DPOParams(
        **PARAMS.model_dump(exclude={"loss_type", "label_smoothing", "max_steps"}),
        loss_type=loss_type,
        label_smoothing=smoothing,
        max_steps=2,
    )
    result = train_dpo(pairs, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert (result.num_steps, result.stop_reason) == (2, "finished")
    assert all(math.isfinite(value) for value in values(result, "loss"))


def test_pairs_without_room_for_an_answer_are_counted(pairs, tiny_checkpoint, tmp_path):
    """The prompt's 15 tokens leave no room in 15; the others keep the start of their answers."""
    long = pairs[0].__class__(
        **{
            name: getattr(pairs[0], name)
            for name in pairs[0].__dataclass_fields__
            if name != "messages"
        },
        messages=(Message("text", "The story was dull and the phone was broken and old"),),
    )
    params = PARAMS.model_copy(update={"max_prompt_tokens": 14, "max_tokens": 15})
    tight = params.model_copy(update={"max_tokens": 14})
    assert encode_pair(long, load_model(tiny_checkpoint).tokenizer, params)["chosen_ids"]
    result = train_dpo(
        [long, *pairs], tight, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    assert (result.num_rows, result.num_dropped) == (8, 1)


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
        engine.logps(model, batch), batch["ref_logps"], batch["num_responses"]
    )
    step.loss.backward()
    assert step.loss.item() == pytest.approx(theirs.item(), abs=1e-5)
    for name, parameter in model.named_parameters():
        error = (parameter.grad - expected[name]).norm() / expected[name].norm().clamp(min=1e-6)
        assert error < 1e-3, name


def test_auto_takes_trl_for_other_losses_and_says_so(tiny_llama, caplog):
    with caplog.at_level("INFO"):
        assert choose_engine(tiny_llama, PARAMS.model_copy(update={"loss_type": "ipo"})) is None
    assert "engine trl instead of packed, which has no loss_type ipo" in caplog.text
    assert choose_engine(tiny_llama, PARAMS) is not None
