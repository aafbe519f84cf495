"""Answers of a policy in training, and that training does not notice that it is asked."""

import torch
from transformers import Trainer, TrainingArguments

from storage.tables.prompts import prompt_id
from tasks.progress import silent
from tasks.sampling.model import load_model
from tasks.training.d2o.d2o_objective import D2OObjective
from tasks.training.d2o.dispreference_batch import encode_negative
from tasks.training.d2o.params import D2OParams
from tasks.training.preference.preference_engine import PaddedEngine, with_reference_logps
from tasks.training.preference.preference_trainer import PreferenceTrainer
from tasks.training.run.training_log import TrainingLog
from tasks.training.watch.sample_generations import ANSWER_TOKENS, SampleGenerations

PARAMS = D2OParams(
    learning_rate=3e-3,
    max_prompt_tokens=16,
    max_tokens=64,
    max_samples=3,
    batch_size=4,
    sample_every=2,
    sample_prompts=3,
    bf16="no",
)


def trained(checkpoint, negatives, directory, params):
    """Return the policy after five steps with dropout, and what was kept on the way."""
    torch.manual_seed(0)
    loaded = load_model(checkpoint)
    loaded.model.config.attention_dropout = 0.3
    for layer in loaded.model.model.layers:
        layer.self_attn.attention_dropout = 0.3
    loaded.model.train()
    log = TrainingLog(silent)
    watch = SampleGenerations(loaded, negatives, params, log)
    engine = PaddedEngine(2)
    examples = [encode_negative(row, loaded.tokenizer, params) for row in negatives]
    trainer: Trainer = PreferenceTrainer(
        objective=D2OObjective(params),
        engine=engine,
        model=loaded.model,
        args=TrainingArguments(
            output_dir=str(directory),
            max_steps=5,
            learning_rate=params.learning_rate,
            per_device_train_batch_size=4,
            report_to="none",
            save_strategy="no",
            use_cpu=True,
            logging_steps=1,
            disable_tqdm=True,
            remove_unused_columns=False,
        ),
        train_dataset=with_reference_logps(examples, loaded, engine, bf16=False, batch_size=4),
        callbacks=[log, watch],
    )
    trainer.train()
    return loaded.model, log


def test_training_with_dropout_is_the_same_with_and_without_it(
    tiny_checkpoint, negatives, tmp_path
):
    quiet = PARAMS.model_copy(update={"sample_every": 0})
    asked, log = trained(tiny_checkpoint, negatives, tmp_path / "asked", PARAMS)
    alone, quiet_log = trained(tiny_checkpoint, negatives, tmp_path / "alone", quiet)
    for (name, weights), other in zip(asked.named_parameters(), alone.parameters(), strict=True):
        assert torch.equal(weights, other), name
    assert log.steps == quiet_log.steps
    assert quiet_log.completions == []
    assert asked.training


def test_the_first_prompts_are_answered_before_training_and_every_few_steps(
    tiny_checkpoint, negatives, tmp_path
):
    _, log = trained(tiny_checkpoint, [negatives[0], *negatives], tmp_path / "run", PARAMS)
    assert [kept.step for kept in log.completions] == [0, 0, 0, 2, 2, 2, 4, 4, 4]
    first = [prompt_id(row.source, row.messages) for row in negatives[:3]]
    assert [kept.completion.prompt_id for kept in log.completions] == first * 3
    assert all(kept.completion.policy == "" for kept in log.completions)
    assert all(0 < kept.completion.num_tokens <= ANSWER_TOKENS for kept in log.completions)


def test_a_policy_that_did_not_change_gives_the_same_answers_again(tiny_llama, negatives):
    log = TrainingLog(silent)
    watch = SampleGenerations(tiny_llama, negatives, PARAMS, log)
    for step in (0, 2):
        watch._sample(step)
    texts = [kept.completion.text for kept in log.completions]
    assert texts[:3] == texts[3:]
    assert len(set(texts)) > 1
