"""PPO on random policies of 20k parameters, rewarded by judges that are functions of texts."""

import pytest
import torch

from storage.input_error import InputError
from tasks.sampling.model import load_model
from tasks.training.base.base_model import directory_fingerprint
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.train_ppo import train_ppo
from tasks.training.ppo.update import recomputing
from tasks.training.run.run_files import RunFiles
from tests.tasks.training.ppo.ppo_runs import (
    LIKES_E,
    PARAMS,
    PROMPTS,
    TextJudge,
    changed,
    values,
    weights,
)


@pytest.fixture
def prompts():
    return PROMPTS


@pytest.mark.parametrize("bf16", ["no", "yes"])
def test_the_first_ratios_are_exactly_1(prompts, tiny_checkpoint, tmp_path, bf16):
    """One minibatch an iteration: every ratio is taken before the weights move."""
    params = changed(epochs=1, batch_size=16, bf16=bf16)
    result = train_ppo(
        prompts, LIKES_E, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    assert values(result, "val/ratio") == [1.0, 1.0]
    assert values(result, "policy/approxkl_avg") == [0.0, 0.0]
    assert values(result, "policy/clipfrac_avg") == [0.0, 0.0]


def test_later_ratios_are_not(prompts, tiny_checkpoint, tmp_path):
    result = train_ppo(
        prompts, LIKES_E, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    assert all(value > 1e-7 for value in values(result, "policy/approxkl_avg"))


def test_a_run_starts_at_the_reference_and_tells_every_figure(prompts, tiny_checkpoint, tmp_path):
    result = train_ppo(
        prompts, LIKES_E, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    assert (result.stop_reason, result.num_steps, result.num_rows) == ("finished", 8, 6)
    measured = [row.step for row in result.steps if row.metric == "objective/scores"]
    assert measured == [0, 4, 8]
    assert [row.step for row in result.steps if row.metric == "loss"] == [4, 8]
    assert values(result, "objective/kl")[0] == 0.0
    assert values(result, "kl") == values(result, "objective/kl")
    for scores, penalty, total in zip(
        values(result, "objective/scores"),
        values(result, "objective/non_score_reward"),
        values(result, "objective/rlhf_reward"),
        strict=True,
    ):
        assert total == pytest.approx(scores + penalty)
    assert values(result, "objective/non_score_reward")[1] == pytest.approx(
        -0.1 * values(result, "objective/kl")[1]
    )
    assert {row.metric for row in result.steps} >= {
        *("objective/entropy", "loss/policy_avg", "loss/value_avg", "policy/clipfrac_avg"),
        *("policy/approxkl_avg", "val/ratio", "response_length", "learning_rate", "grad_norm"),
    }


def test_tokens_are_counted_each_time_they_are_learned(prompts, tiny_checkpoint, tmp_path):
    """One prompt is asked four times for 4 answers, which are gone through twice in batches of 8.

    The answers of a batch share their prompt but for its last token, which stands before each; an
    answer's own last token is nobody's input.
    """
    params = changed(iterations=1)
    result = train_ppo(
        prompts[:1], LIKES_E, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    tokenizer = load_model(tiny_checkpoint).tokenizer
    prompt_tokens = len(tokenizer("The film").input_ids)
    answered = values(result, "response_length")[0]
    assert result.num_tokens == pytest.approx(4 * (prompt_tokens - 1) + 2 * 16 * answered)
    assert result.num_rows == 1


def test_training_raises_the_reward_unless_divergence_costs_more(
    prompts, tiny_checkpoint, tmp_path
):
    """Before, 2 of 100 letters are an e; the standard error of a mean of 64 answers is below 1.

    A nat costs as much as a text of nothing but e earns, so at that price there is nothing to gain.
    """
    free, held = (
        train_ppo(
            prompts,
            LIKES_E,
            changed(
                iterations=5,
                samples_per_prompt=16,
                epochs=4,
                batch_size=16,
                learning_rate=2e-2,
                kl_coefficient=price,
            ),
            RunFiles(start=tiny_checkpoint, out=tmp_path / str(price)),
        )
        for price in (0.0, 1.0)
    )
    scores = values(free, "objective/scores")
    assert scores[-1] > scores[0] + 0.1
    assert values(held, "objective/scores")[-1] < scores[-1] / 2
    assert values(held, "kl")[-1] < values(free, "kl")[-1] * 0.6


def test_a_target_moves_the_coefficient(prompts, tiny_checkpoint, tmp_path):
    """The first answers have a KL of 0, so the penalty is 2% cheaper in the next iteration."""
    params = changed(target_kl=5.0)
    result = train_ppo(
        prompts, LIKES_E, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    assert values(result, "objective/kl_coefficient")[:2] == pytest.approx([0.1, 0.098])


def test_the_same_seed_gives_the_same_weights(prompts, tiny_checkpoint, tmp_path):
    for name, seed in (("first", 0), ("second", 0), ("other", 1)):
        train_ppo(
            prompts,
            LIKES_E,
            changed(seed=seed),
            RunFiles(start=tiny_checkpoint, out=tmp_path / name),
        )
    first, second, other = (
        directory_fingerprint(tmp_path / name)["model.safetensors"]
        for name in ("first", "second", "other")
    )
    assert first == second
    assert first != other


def test_accumulated_gradients_are_those_of_the_larger_batch(prompts, tiny_checkpoint, tmp_path):
    """Answers differ in length, so halves of a minibatch weigh by their tokens."""
    halves = changed(batch_size=4, gradient_accumulation_steps=2)
    whole, parts = (
        train_ppo(
            prompts,
            LIKES_E,
            params,
            RunFiles(start=tiny_checkpoint, out=tmp_path / str(params.batch_size)),
        )
        for params in (PARAMS, halves)
    )
    for metric in ("loss", "grad_norm", "val/ratio", "policy/entropy_avg"):
        assert values(parts, metric) == pytest.approx(values(whole, metric), rel=1e-3, abs=1e-4)
    assert values(parts, "objective/scores") == values(whole, "objective/scores")


def test_recomputed_activations_change_no_gradient(prompts, tiny_checkpoint, tmp_path):
    saving = changed(activation_checkpointing=True)
    plain = train_ppo(
        prompts, LIKES_E, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "plain")
    )
    saved = train_ppo(
        prompts, LIKES_E, saving, RunFiles(start=tiny_checkpoint, out=tmp_path / "saved")
    )
    assert values(saved, "grad_norm") == pytest.approx(values(plain, "grad_norm"), rel=1e-4)


@pytest.mark.parametrize("on", [False, True])
def test_activations_are_recomputed_where_it_is_asked_for(tiny_llama, on):
    """Each of the two layers runs once more in the backward pass."""
    passes = []
    tiny_llama.model.activation_checkpointing_enable({"use_reentrant": False})
    for layer in tiny_llama.model.model.layers:
        layer.mlp.register_forward_pre_hook(lambda *_: passes.append(1))
    with recomputing(tiny_llama.model, on=on):
        logits = tiny_llama.model(input_ids=torch.tensor([[1, 5, 7]]), use_cache=False).logits
    logits.sum().backward()
    assert len(passes) == (4 if on else 2)
    assert not any(module.training for module in tiny_llama.model.modules())


def test_a_limit_of_steps_ends_in_the_middle_of_an_iteration(prompts, tiny_checkpoint, tmp_path):
    params = changed(max_steps=5)
    result = train_ppo(
        prompts, LIKES_E, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    assert (result.stop_reason, result.num_steps) == ("finished", 5)
    assert [row.step for row in result.steps if row.metric == "objective/kl"] == [0, 4, 5]


def test_progress_counts_optimizer_steps(prompts, tiny_checkpoint, tmp_path):
    told = []
    train_ppo(
        prompts,
        LIKES_E,
        PARAMS,
        RunFiles(
            start=tiny_checkpoint,
            out=tmp_path / "policy",
            progress=lambda done, total, note="": told.append((done, total, note)),
        ),
    )
    assert [done for done, _, _ in told] == list(range(9))
    assert {total for _, total, _ in told} == {8}
    assert told[-1][2].startswith("reward 0.")


def test_a_kl_beyond_the_budget_puts_the_last_good_weights_back(prompts, tiny_checkpoint, tmp_path):
    wild = changed(iterations=4, learning_rate=1e-2, kl_coefficient=0.0, warmup=0.9)
    free = train_ppo(prompts, LIKES_E, wild, RunFiles(start=tiny_checkpoint, out=tmp_path / "free"))
    kls = values(free, "kl")
    assert kls[1] < kls[2]
    budget = wild.model_copy(update={"max_kl": (kls[1] + kls[2]) / 2})
    stopped = train_ppo(
        prompts, LIKES_E, budget, RunFiles(start=tiny_checkpoint, out=tmp_path / "stopped")
    )
    assert (stopped.stop_reason, stopped.num_steps) == ("kl_budget", 4)
    assert values(stopped, "kl") == kls[:3]

    start, kept, end = (
        weights(directory)
        for directory in (
            tiny_checkpoint,
            tmp_path / "stopped",
            tmp_path / "free",
        )
    )
    moved = [
        sum(float((now[name] - start[name]).square().sum()) for name in start)
        for now in (kept, end)
    ]
    assert 0 < moved[0] < moved[1]


def test_a_budget_that_the_first_iteration_breaks_leaves_the_start(
    prompts, tiny_checkpoint, tmp_path
):
    params = changed(max_kl=1e-9, kl_coefficient=0.0, learning_rate=1e-2)
    result = train_ppo(
        prompts, LIKES_E, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    assert (result.stop_reason, result.num_steps) == ("kl_budget", 0)
    start = weights(tiny_checkpoint)
    for name, tensor in weights(tmp_path / "policy").items():
        assert torch.equal(tensor, start[name])


def test_a_diverging_run_returns_to_weights_within_the_budget(prompts, tiny_checkpoint, tmp_path):
    params = changed(learning_rate=1.0, max_grad_norm=1e9, value_coefficient=1e38)
    result = train_ppo(
        prompts, LIKES_E, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    assert (result.stop_reason, result.num_steps) == ("diverged", 0)
    start = weights(tiny_checkpoint)
    for name, tensor in weights(tmp_path / "policy").items():
        assert torch.equal(tensor, start[name])


def test_what_the_judge_cannot_read_is_counted_and_earns_nothing(
    prompts, tiny_checkpoint, tmp_path
):
    judge = TextJudge(lambda text: 0.8 if len(text) % 2 else None)
    result = train_ppo(
        prompts, judge, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    )
    unread = values(result, "objective/unread")[0]
    assert 0 < unread < 1
    assert values(result, "objective/scores")[0] == pytest.approx(0.8 * (1 - unread))


def test_a_judge_that_reads_no_answer_is_refused_before_training(
    prompts, tiny_checkpoint, tmp_path
):
    with pytest.raises(InputError, match="'texts' could read none of 16 answers"):
        train_ppo(
            prompts,
            TextJudge(lambda _: None),
            PARAMS,
            RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"),
        )


def test_without_prompts_nothing_is_trained(tiny_checkpoint, tmp_path):
    with pytest.raises(InputError, match="there are no prompts to train on"):
        train_ppo([], LIKES_E, PARAMS, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))


def test_answers_that_leave_no_room_for_a_prompt_are_refused(prompts, tiny_checkpoint, tmp_path):
    """The tiny models have a context of 128 tokens."""
    params = PPOParams(response_length=128, device="cpu")
    with pytest.raises(InputError, match="context holds 128 tokens"):
        train_ppo(
            prompts, LIKES_E, params, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
        )
