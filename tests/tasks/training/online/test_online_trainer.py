"""What TRL is given and what it computes from it, against our own code."""

import pytest
import torch
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.rloo_config import RLOOConfig

from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.sampling.encoding import Encoded, encode_prompt
from tasks.sampling.logps import sequence_kls, sequence_logps
from tasks.sampling.model import LoadedModel, load_model
from tasks.training.online.asked_prompts import encode_prompts, order_of_prompts
from tasks.training.online.judge_reward import JudgeReward
from tasks.training.online.online_trainer import Asking, JudgedGRPOTrainer, JudgedRLOOTrainer
from tasks.training.online.padded_positions import count_positions_from_prompt
from tasks.training.online.params import GRPOParams, RLOOParams
from tasks.training.online.trl_arguments import grpo_arguments, rloo_arguments
from tasks.training.run.trainer_arguments import trainer_arguments
from tasks.training.run.training_log import TrainingLog
from tests.tasks.training.online.test_online_training import LIKES_E, SETTINGS

TALK = (Message("user", "Is the film good?"),)
MESSAGES = [(Message("text", text),) for text in ("It", "I liked the story, but")] + [TALK]


def asked(messages):
    return Prompt(
        source="test", split="train", messages=messages, cluster=str(messages), origin="test:1"
    )


def made(kind, loaded, tmp_path, **changes):
    """Return a trainer of three prompts with three answers each."""
    settings = {**SETTINGS, "prompts_per_iteration": 3, "samples_per_prompt": 3, **changes}
    params = (RLOOParams if kind == "rloo" else GRPOParams)(**{**settings, "batch_size": 9})
    prompts = encode_prompts([asked(messages) for messages in MESSAGES], loaded, params)
    log = TrainingLog(lambda *_: None)
    given = {
        "loaded": loaded,
        "asking": Asking(asked=prompts, order=[0, 1, 2], last=[0, 0, 0, 1, 1, 1, 2, 2, 2]),
        "reward": JudgeReward(LIKES_E, prompts, loaded, params, log),
        "log": log,
        "max_kl": 1e6,
    }
    arguments = trainer_arguments(
        params, num_rows=3, device=loaded.device, output_dir=str(tmp_path)
    )
    if kind == "rloo":
        return JudgedRLOOTrainer(**given, args=RLOOConfig(**rloo_arguments(params, arguments)))
    return JudgedGRPOTrainer(**given, args=GRPOConfig(**grpo_arguments(params, arguments)))


def answered(output, row):
    """Return the ids of one answer with its prompt, padding removed."""
    prompt, completion = (
        tuple(output[f"{part}_ids"][row][output[f"{part}_mask"][row].bool()].tolist())
        for part in ("prompt", "completion")
    )
    return Encoded(prompt_ids=prompt, completion_ids=completion)


def drawn(trainer):
    numbers = [{"prompt": number} for number in (0, 0, 0, 1, 1, 1, 2, 2, 2)]
    trainer.model.train()
    output = trainer._generate_and_score_completions(numbers)
    return output, [answered(output, row) for row in range(9)]


def moved(loaded):
    """Move the weights, so that the policy is not its reference any more."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))


@pytest.mark.parametrize("kind", ["rloo", "grpo"])
def test_the_models_are_given_exactly_our_ids(tiny_policy, tmp_path, kind):
    """Texts as they are, a conversation as Human and Assistant turns, whatever TRL would make."""
    seen = []
    loaded = load_model(tiny_policy.model.name_or_path)
    trainer = made(kind, loaded, tmp_path)
    loaded.model.register_forward_pre_hook(
        lambda _m, _a, kwargs: seen.append(kwargs["input_ids"]), with_kwargs=True
    )
    _, rows = drawn(trainer)
    expected = [
        encode_prompt(messages, loaded.tokenizer, max_prompt_tokens=16) for messages in MESSAGES
    ]
    assert [row.prompt_ids for row in rows] == [ids for ids in expected for _ in range(3)]
    first = seen[0]  # what generation begins with, padded on the left
    for place, ids in enumerate(expected):
        assert tuple(first[3 * place][-len(ids) :].tolist()) == ids


@pytest.mark.parametrize("kind", ["rloo", "grpo"])
def test_the_kl_is_that_of_our_own_log_probabilities(tiny_policy, tmp_path, kind):
    """On each architecture; GPT-2 has learned positions, which must not count padding."""
    start = tiny_policy.model.name_or_path
    loaded = load_model(start)
    trainer = made(kind, loaded, tmp_path)
    moved(loaded)
    output, rows = drawn(trainer)
    kls = sequence_kls(
        LoadedModel(loaded.model, loaded.tokenizer, loaded.device), load_model(start), rows
    )
    assert trainer._kl == pytest.approx(sum(kl.sampled for kl in kls) / 9, abs=1e-4)
    assert abs(trainer._kl) > 0.1
    if kind == "rloo":
        assert output["old_logps"].tolist() == pytest.approx(sequence_logps(loaded, rows), abs=1e-4)


def test_rloo_advantages_leave_one_out_with_the_penalty(tiny_llama, tmp_path):
    """By hand: reward less 0.5 nats' price, less the mean of the two other answers."""
    start = tiny_llama.model.name_or_path
    trainer = made("rloo", tiny_llama, tmp_path, kl_coefficient=0.5)
    moved(tiny_llama)
    output, rows = drawn(trainer)
    policy, reference = (
        torch.tensor(sequence_logps(loaded, rows)) for loaded in (tiny_llama, load_model(start))
    )
    scores = torch.tensor(list(trainer._logs["rewards"]["texts"]))
    earned = (scores - 0.5 * (policy - reference)).view(3, 3)
    others = (earned.sum(dim=1, keepdim=True) - earned) / 2
    assert output["advantages"].tolist() == pytest.approx(
        (earned - others).flatten().tolist(), abs=1e-4
    )


def test_precision_and_recomputation_follow_our_parameters(tiny_llama, tmp_path):
    """TRL turns bfloat16 and activation checkpointing on by itself, on a CPU too."""
    args = made("grpo", tiny_llama, tmp_path).args
    assert (args.bf16, args.fp16, args.gradient_checkpointing) == (False, False, False)
    assert (args.report_to, args.num_generations, args.max_steps) == ([], 3, 2)


def test_positions_count_from_the_first_token_that_is_no_padding(tiny_policy):
    """A row padded on the left has the logits of the row alone."""
    loaded = load_model(tiny_policy.model.name_or_path)
    ids = torch.tensor([[7, 8, 9, 10]])
    alone = loaded.model(input_ids=ids, use_cache=False).logits
    count_positions_from_prompt(loaded.model)
    padded = torch.cat([torch.zeros(1, 3, dtype=torch.long), ids], dim=1)
    mask = (torch.arange(7) >= 3).long().unsqueeze(0)
    logits = loaded.model(input_ids=padded, attention_mask=mask, use_cache=False).logits
    assert torch.allclose(logits[:, 3:], alone, atol=1e-5)


def test_prompts_are_asked_all_before_one_is_asked_again():
    order = order_of_prompts(5, 12, seed=0)
    assert sorted(order[:5]) == sorted(order[5:10]) == list(range(5))
    assert order[:5] != order[5:10]
    assert order == order_of_prompts(5, 12, seed=0)
    assert order != order_of_prompts(5, 12, seed=1)
    assert order_of_prompts(5, 7, seed=0) == order[:7]
