"""A language model behind an API as the reward: asked of a real local server."""

import json

import pytest

from storage.input_error import InputError
from tasks.sampling.api.client import ApiUnavailableError
from tasks.sampling.api.params import ApiParams, BudgetParams
from tasks.training.ppo.deciding import deciding
from tasks.training.ppo.llm_reward import llm_reward, reward_journal
from tasks.training.ppo.params import PPOParams
from tasks.training.ppo.reward_params import RewardParams
from tasks.training.ppo.train_ppo import train_ppo
from tasks.training.reward.reward import reward_answers
from tasks.training.run.run_files import RunFiles
from tests.fakes.api_server import FakeApi
from tests.fakes.judge_answer import fenced
from tests.tasks.training.ppo.ppo_runs import PROMPTS, changed, share_of_e, values
from tests.tasks.training.ppo.test_ppo_reward import question


def says(score):
    return json.dumps({"score": score})


def by_e(body):
    """Score 1 to 10 by the share of e among the letters of the answer."""
    return says(min(10, 1 + round(30 * share_of_e(fenced(body)["answer"]))))


def params_for(api, **changes):
    server = ApiParams(base_url=api.base_url, max_attempts=2, retry_wait_seconds=0.01)
    return changed(reward="llm:fake-model", api=server, **changes)


def rewards(api, tmp_path, answers, **changes):
    params = params_for(api, **changes)
    with reward_journal(params, tmp_path / "journal.sqlite", run="r", stage="s") as journal:
        judge = llm_reward(params, journal, api_key="none")
        return reward_answers(judge, [question(text) for text in answers]), judge.spent()


def test_the_ends_of_the_scale_are_0_and_1(tmp_path):
    """The rubric `helpful` goes from 1 to 10, so 4 is a third of the way."""
    scores = {" low": 1, " third": 4, " high": 10}
    with FakeApi(answer=lambda body: says(scores[fenced(body)["answer"]])) as api:
        found, spent = rewards(api, tmp_path, list(scores))
    assert found.values == pytest.approx((0.0, 1 / 3, 1.0))
    assert found.num_unread == 0
    assert [(row.model, row.calls, row.calls_reused) for row in spent] == [("fake-model", 3, 0)]


def test_a_reply_that_cannot_be_read_earns_the_mean_of_the_others(tmp_path):
    replies = {" a": says(10), " b": says(4), " c": "I would rather not say.", " d": says(99)}
    with FakeApi(answer=lambda body: replies[fenced(body)["answer"]]) as api:
        found, _ = rewards(api, tmp_path, list(replies))
    assert found.values == pytest.approx((1.0, 1 / 3, 2 / 3, 2 / 3))
    assert found.num_unread == 2


def test_a_call_that_fails_for_good_earns_the_mean_and_a_dead_server_ends_the_run(tmp_path):
    def faults(_number, body):
        return "500" if fenced(body)["answer"] == " b" else None

    with FakeApi(answer=lambda _: says(7), faults=faults) as api:
        found, _ = rewards(api, tmp_path, [" a", " b"])
    assert found.values == pytest.approx((2 / 3, 2 / 3))
    assert found.num_unread == 1
    with FakeApi(faults=lambda *_: "500") as api, pytest.raises(ApiUnavailableError):
        rewards(api, tmp_path, [" x", " y"])


def test_a_server_that_dies_after_its_first_replies_ends_the_run(tmp_path):
    """Rewards that are all alike would teach nothing but the KL penalty."""
    with FakeApi(
        answer=lambda _: says(7), faults=lambda number, _: "500" if number else None
    ) as api:
        params = params_for(api)
        with reward_journal(params, tmp_path / "j.sqlite", run="r", stage="s") as journal:
            judge = llm_reward(params, journal, api_key="none")
            judge.judge([question(" first")])
            with pytest.raises(ApiUnavailableError, match="none of 2 calls of the reward judge"):
                judge.judge([question(" second"), question(" third")])


def test_the_answers_of_an_iteration_are_asked_at_once_and_known_ones_not_again(tmp_path):
    texts = [f" text {index}" for index in range(12)]
    with FakeApi(answer=lambda _: says(5), delay_seconds=0.1) as api:
        rewards(api, tmp_path, texts)
        _, spent = rewards(api, tmp_path, [*texts, " one more"])
        assert len(api.calls) == 13
        assert max(call.in_flight for call in api.calls) == 12
    (row,) = spent
    assert row.calls_reused == 12


def test_a_policy_learns_what_the_model_likes(tiny_checkpoint, tmp_path):
    """16 answers of 8 tokens to each of 4 prompts; the judge's reward counts the letter e."""
    with FakeApi(answer=by_e) as api:
        params = params_for(
            api, iterations=5, samples_per_prompt=16, epochs=4, batch_size=16,
            learning_rate=2e-2, kl_coefficient=0.0,
        )  # fmt: skip
        with reward_journal(params, tmp_path / "j.sqlite", run="r", stage="s") as journal:
            judge = llm_reward(params, journal, api_key="none")
            assert judge.name == "llm:fake-model"
            files = RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
            result = train_ppo(PROMPTS, judge, params, files)
    scores = values(result, "objective/scores")
    assert scores[-1] > scores[0] + 0.2
    assert values(result, "objective/unread") == [0.0] * 6


def test_a_spent_budget_leaves_a_checkpoint_and_more_goes_on_from_it(tiny_checkpoint, tmp_path):
    """The second run pays for nothing twice, and ends as one that was never stopped."""

    def run(api, folder, journal, **changes):
        params = params_for(api, iterations=4, learning_rate=5e-3, checkpoint_every=0, **changes)
        with reward_journal(params, tmp_path / journal, run="r", stage="s") as opened:
            judge = llm_reward(params, opened, api_key="none")
            files = RunFiles(
                start=tiny_checkpoint, out=tmp_path / folder, checkpoints=tmp_path / f"{folder}-c"
            )
            result = train_ppo(PROMPTS, judge, params, files)
            return result, sum(row.prompt_tokens + row.completion_tokens for row in judge.spent())

    with FakeApi(answer=by_e) as api:
        whole, spent = run(api, "whole", "whole.sqlite")
        num_calls = len(api.calls)
        with pytest.raises(InputError, match=r"budget of the reward judge .* is spent: .* of 16"):
            run(api, "cut", "cut.sqlite", budget=BudgetParams(max_tokens=spent // 2))
        (kept,) = (tmp_path / "cut-c").iterdir()
        assert kept.name in {"checkpoint-4", "checkpoint-8", "checkpoint-12"}
        resumed, _ = run(api, "cut", "cut.sqlite")
        assert len(api.calls) == 2 * num_calls
    assert resumed.steps == whole.steps


def test_limits_and_addresses_decide_no_policy_but_the_question_does(tmp_path):
    def key(**changes):
        params = PPOParams(reward="llm:m", **changes)
        return deciding(params).model_dump_json()

    assert key() == key(budget=BudgetParams(max_tokens=9), api=ApiParams(max_concurrency=3))
    assert key() != key(api=ApiParams(base_url="http://127.0.0.1:9/v1"))
    assert key() != key(asking=RewardParams(rubric="harmless"))
    rubric = tmp_path / "mine.yaml"
    keys = []
    for question_ in ("Is it short?", "Is it long?"):
        rubric.write_text(
            "name: mine\nversion: 1\nkind: score\nscale: [0, 4]\n"
            f"question: {question_}\ninstructions: Count.\n"
        )
        keys.append(key(asking=RewardParams(rubric=str(rubric))))
    assert keys[0] != keys[1]
    local = (PPOParams(asking=RewardParams(rubric=name)) for name in ("helpful", "harmless"))
    assert len({deciding(params).model_dump_json() for params in local}) == 1
