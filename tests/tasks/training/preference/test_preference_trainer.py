import logging
import math

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, TrainingArguments

from storage.input_error import InputError
from tasks.sampling.entropy import MOST_TOKENS, spread_places
from tasks.sampling.logps import sequence_logps
from tasks.sampling.model import LoadedModel, load_model
from tasks.sampling.shared_prefix.support import supports_shared_prefix
from tasks.training.d2o.d2o_objective import D2OObjective
from tasks.training.d2o.dispreference_batch import encode_negative
from tasks.training.d2o.params import D2OParams
from tasks.training.dpo.dpo_objective import DPOObjective
from tasks.training.dpo.params import DPOLossParams
from tasks.training.preference.preference_engine import (
    PackedEngine,
    PaddedEngine,
    packed_engine,
    with_reference_logps,
)
from tasks.training.preference.preference_trainer import PreferenceTrainer

PARAMS = D2OParams(max_prompt_tokens=16, max_tokens=64, max_samples=3)


@pytest.fixture
def windowed(tiny_llama):
    """Return a policy that claims a window too small for its rows."""
    tiny_llama.model.config.sliding_window = 8
    return tiny_llama


def test_both_engines_give_the_log_probabilities_of_single_rows(tiny_policy, negatives):
    examples = [encode_negative(row, tiny_policy.tokenizer, PARAMS) for row in negatives]
    path = supports_shared_prefix(tiny_policy.model, max_tokens=64).path
    expected = [sequence_logps(tiny_policy, example.encoded) for example in examples]
    for engine in (PackedEngine(path), PaddedEngine(2)):
        scored = with_reference_logps(examples, tiny_policy, engine, bf16=False, batch_size=3)
        for example, logps in zip(scored, expected, strict=True):
            assert example.ref_logps == pytest.approx(logps, abs=1e-4)


def test_the_reference_is_asked_without_dropout_and_left_as_it_was(tiny_policy, negatives):
    config = GPT2Config(
        vocab_size=len(tiny_policy.tokenizer), n_embd=16, n_layer=1, n_head=2, resid_pdrop=0.9
    )
    model = GPT2LMHeadModel(config).train()
    loaded = LoadedModel(model, tiny_policy.tokenizer, torch.device("cpu"))
    examples = [encode_negative(row, tiny_policy.tokenizer, PARAMS) for row in negatives]
    first, again = (
        with_reference_logps(examples, loaded, PaddedEngine(2), bf16=False, batch_size=4)
        for _ in range(2)
    )
    assert first == again
    assert model.training


def test_a_model_that_cannot_pack_falls_back_and_says_why(windowed, caplog):
    with caplog.at_level(logging.WARNING):
        engine = packed_engine((windowed,), asked="auto", max_tokens=64, instead="padded")
    assert engine is None
    assert "engine padded instead of packed" in caplog.text
    assert "sliding window of 8 tokens" in caplog.text


def test_packing_by_name_refuses_a_model_that_cannot(windowed):
    with pytest.raises(InputError, match=r"sliding window of 8 tokens, below 64.*'padded'"):
        packed_engine((windowed,), asked="packed", max_tokens=64, instead="padded")


def test_policy_and_reference_read_alike(tiny_checkpoint):
    models = [load_model(tiny_checkpoint) for _ in range(2)]
    engine = packed_engine(models, asked="auto", max_tokens=64, instead="padded")
    assert engine == PackedEngine("segments")


def test_dpo_metrics_of_a_batch_worked_by_hand():
    """Beta 0.5: rewards 0.5 * (1, -2) and 0.5 * (-1, -1), margins 1 and -0.5."""
    policy, reference = torch.tensor([-9.0, -6.0, -7.0, -4.0]), torch.tensor([-10.0, -5, -5, -3])
    objective = DPOObjective(DPOLossParams(beta=0.5))
    step = objective(policy, reference, torch.tensor([2, 2]), torch.full((4,), 3))
    assert step.loss.item() == pytest.approx(
        (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(0.5))) / 2
    )
    assert step.metrics == {
        "rewards/chosen": -0.25,
        "rewards/rejected": -0.5,
        "rewards/accuracies": 0.5,
        "rewards/margins": 0.25,
        "logps/chosen": -8.0,
        "logps/rejected": -5.0,
    }


def test_dpo_refuses_prompts_without_two_responses():
    with pytest.raises(ValueError, match="1 prompts have 3 responses"):
        DPOObjective(DPOLossParams())(
            torch.zeros(3), torch.zeros(3), torch.tensor([3]), torch.ones(3)
        )


def test_the_entropy_beside_the_log_probabilities_is_that_of_the_whole_softmax(
    tiny_policy, negatives
):
    """Few enough tokens that all are looked at; row by row without padding as the oracle."""
    example = encode_negative(negatives[0], tiny_policy.tokenizer, PARAMS)
    assert sum(len(row.completion_ids) for row in example.encoded) <= MOST_TOKENS
    entropies = []
    for row in example.encoded:
        ids = torch.tensor([row.prompt_ids + row.completion_ids])
        with torch.no_grad():
            logits = tiny_policy.model(ids).logits[0, len(row.prompt_ids) - 1 : -1]
        entropies += torch.distributions.Categorical(logits=logits).entropy().tolist()
    path = supports_shared_prefix(tiny_policy.model, max_tokens=64).path
    for engine in (PackedEngine(path), PaddedEngine(2)):
        inputs = engine.collate([example])
        watched = engine.watched_logps(tiny_policy.model, inputs)
        assert float(watched.entropy) == pytest.approx(sum(entropies) / len(entropies), abs=1e-4)
        assert not watched.entropy.requires_grad
        assert torch.equal(watched.logps, engine.logps(tiny_policy.model, inputs))


def test_lengths_count_completion_tokens_whatever_the_layout(tiny_policy, negatives):
    examples = [encode_negative(row, tiny_policy.tokenizer, PARAMS) for row in negatives[:2]]
    expected = [len(row.completion_ids) for item in examples for row in item.encoded]
    for engine in (PackedEngine("dense"), PaddedEngine(2)):
        assert engine.collate(examples)["response_lengths"].tolist() == expected
    assert expected[-1] == int(PaddedEngine(2).collate(examples)["completion_mask"][-1].sum())


@pytest.mark.parametrize(("num_tokens", "count"), [(1, 1), (64, 64), (65, 33), (1000, 63)])
def test_entropy_is_looked_at_on_few_tokens_spread_over_all(num_tokens, count):
    places = spread_places(num_tokens, torch.device("cpu"))
    assert len(places) == count <= MOST_TOKENS
    assert len(set(places.diff().tolist())) <= 1
    assert num_tokens - int(places[-1]) <= num_tokens / count + 1


def test_the_trainer_logs_the_entropy_and_length_of_its_batches(
    tiny_checkpoint, negatives, tmp_path
):
    """One step on all rows: the mean length of 8 * 4 responses."""
    loaded = load_model(tiny_checkpoint)
    engine = PaddedEngine(2)
    rows = [encode_negative(row, loaded.tokenizer, PARAMS) for row in negatives]
    trainer = PreferenceTrainer(
        objective=D2OObjective(PARAMS),
        engine=engine,
        model=loaded.model,
        args=TrainingArguments(
            output_dir=str(tmp_path),
            max_steps=1,
            per_device_train_batch_size=8,
            report_to="none",
            save_strategy="no",
            use_cpu=True,
            logging_steps=1,
            disable_tqdm=True,
            remove_unused_columns=False,
        ),
        train_dataset=with_reference_logps(rows, loaded, engine, bf16=False, batch_size=8),
    )
    trainer.train()
    lengths = [len(row.completion_ids) for item in rows for row in item.encoded]
    logged = trainer.state.log_history[0]
    assert logged["response_length"] == pytest.approx(sum(lengths) / len(lengths))
    assert 0 < logged["entropy"] < math.log(len(loaded.tokenizer))
    assert logged["rewards/margins"] == pytest.approx(0, abs=1e-4)
