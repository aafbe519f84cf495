"""RLOO and GRPO on random policies of 20k parameters, rewarded by judges that are functions of texts."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch
from pydantic import ValidationError

from storage.input_error import InputError
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from storage.tables.verdicts import Verdict
from tasks.judging.judge import Question
from tasks.judging.judge_card import JudgeCard
from tasks.sampling.encoding import encode_prompt
from tasks.sampling.model import load_model
from tasks.training.base.base_model import directory_fingerprint
from tasks.training.online.params import GRPOParams, RLOOParams
from tasks.training.online.train_online import train_grpo, train_rloo
from tasks.training.run.run_files import RunFiles

SETTINGS = {
    "iterations": 2,
    "prompts_per_iteration": 4,
    "samples_per_prompt": 4,
    "response_length": 8,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "max_prompt_tokens": 16,
    "max_tokens": 64,
    "max_kl": 1e6,
    "bf16": "no",
    "device": "cpu",
}


@dataclass(frozen=True)
class Method:
    """A method, so that tests are about both."""

    train: Callable
    params: type

    def __call__(self, prompts, judge, files, **changes):
        return self.train(prompts, judge, self.params(**{**SETTINGS, **changes}), files)


@pytest.fixture(params=["rloo", "grpo"])
def method(request):
    return {
        "rloo": Method(train_rloo, RLOOParams),
        "grpo": Method(train_grpo, GRPOParams),
    }[request.param]


@dataclass(frozen=True)
class TextJudge:
    """Fulfils `Judge`: `say` returns the score of a text, None where it cannot read it."""

    say: Callable[[str], float | None]
    name: str = "texts"

    @property
    def card(self):
        return JudgeCard(name=self.name, what="reads texts")

    def judge(self, questions: Sequence[Question]):
        said = [self.say(question.completion.text) for question in questions]
        return [
            Verdict(
                completion_a=question.completion.completion_id,
                judge=self.name,
                choice="unparsable" if score is None else None,
                score=score,
            )
            for question, score in zip(questions, said, strict=True)
        ]


def share_of_e(text: str) -> float:
    return text.count("e") / max(len(text), 1)


LIKES_E = TextJudge(share_of_e)


@pytest.fixture
def prompts() -> list[Prompt]:
    return [
        Prompt(
            source="test",
            split="train",
            messages=(Message("text", start),),
            cluster=start,
            origin="test:1",
        )
        for start in ("The film", "I liked", "The phone", "A warm", "Not bad", "It was")
    ]


def values(result, metric):
    return [row.value for row in result.steps if row.metric == metric]


def weights(directory):
    return load_model(directory).model.state_dict()


def test_training_raises_the_reward_unless_divergence_costs_more(
    prompts, tiny_checkpoint, tmp_path, method
):
    """Before, 2 of 100 letters are an e; the standard error of a mean of 64 answers is below 1.

    A nat costs as much as five texts of nothing but e earn, so there is nothing to gain.
    """
    free, held = (
        method(
            prompts,
            LIKES_E,
            RunFiles(start=tiny_checkpoint, out=tmp_path / str(price)),
            iterations=4,
            samples_per_prompt=16,
            epochs=4,
            batch_size=32,
            learning_rate=3e-2,
            kl_coefficient=price,
        )
        for price in (0.0, 5.0)
    )
    scores = values(free, "reward")
    assert scores[-1] > scores[0] + 0.1
    assert values(held, "reward")[-1] < scores[-1] / 2
    assert values(held, "kl")[-1] < values(free, "kl")[-1] * 0.6


def test_a_run_starts_at_the_reference_and_measures_its_last_weights(
    prompts, tiny_checkpoint, tmp_path, method
):
    before = directory_fingerprint(tiny_checkpoint)
    result = method(
        prompts, LIKES_E, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"), batch_size=8
    )
    assert (result.stop_reason, result.num_steps, result.num_rows) == ("finished", 4, 6)
    assert [row.step for row in result.steps if row.metric == "loss"] == [1, 2, 3, 4]
    for metric in ("reward", "kl", "rewards/texts/mean", "objective/unread"):
        assert [row.step for row in result.steps if row.metric == metric] == [1, 3, 4], metric
    assert values(result, "kl")[0] == pytest.approx(0.0, abs=1e-5)
    assert values(result, "kl")[-1] > 1e-3
    assert directory_fingerprint(tiny_checkpoint) == before
    assert directory_fingerprint(tmp_path / "policy") != before


def test_the_judge_is_asked_about_every_answer_with_its_own_prompt(
    prompts, tiny_checkpoint, tmp_path, method
):
    asked = []

    class Listening(TextJudge):
        def judge(self, questions):
            asked.append(questions)
            return super().judge(questions)

    method(prompts, Listening(share_of_e), RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))
    assert [len(questions) for questions in asked] == [16, 16, 16]
    for questions in asked:
        assert set(Counter(question.prompt.prompt_id for question in questions).values()) == {4}
        assert [q.completion.sample_index for q in questions] == [0, 1, 2, 3] * 4
        for question in questions:
            assert question.completion.prompt_id == question.prompt.prompt_id
            assert 1 <= question.completion.num_tokens <= 8
            if question.completion.finish_reason == "length":
                assert question.completion.num_tokens == 8
    per_run = Counter(q.prompt.prompt_id for questions in asked[:2] for q in questions)
    assert sorted(per_run.values()) == [4, 4, 4, 4, 8, 8]  # 8 of 6 prompts in order, 4 times


def test_answers_are_kept_with_the_step_they_were_given_at(
    prompts, tiny_checkpoint, tmp_path, method
):
    every = method(prompts, LIKES_E, RunFiles(start=tiny_checkpoint, out=tmp_path / "every"))
    assert Counter(row.step for row in every.completions) == {0: 16, 1: 16, 2: 16}
    some = method(
        prompts,
        LIKES_E,
        RunFiles(start=tiny_checkpoint, out=tmp_path / "some"),
        keep_rollouts=False,
        sample_every=2,
        sample_prompts=1,
    )
    assert Counter(row.step for row in some.completions) == {0: 4, 2: 4}
    none = method(
        prompts,
        LIKES_E,
        RunFiles(start=tiny_checkpoint, out=tmp_path / "none"),
        keep_rollouts=False,
    )
    assert none.completions == ()


def test_tokens_are_counted_each_time_they_are_learned(prompts, tiny_checkpoint, tmp_path, method):
    """16 answers, each gone through twice, prompt and answer."""
    result = method(
        prompts[:1],
        LIKES_E,
        RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"),
        iterations=1,
        epochs=2,
    )
    tokenizer = load_model(tiny_checkpoint).tokenizer
    prompt_tokens = len(tokenizer("The film").input_ids)
    answered = values(result, "completions/mean_length")[0]
    assert result.num_tokens == pytest.approx(2 * 16 * (prompt_tokens + answered))
    assert values(result, "num_tokens")[1] == result.num_tokens


def test_the_same_seed_gives_the_same_weights(prompts, tiny_checkpoint, tmp_path, method):
    for name, seed in (("first", 0), ("second", 0), ("other", 1)):
        files = RunFiles(start=tiny_checkpoint, out=tmp_path / name)
        method(prompts, LIKES_E, files, seed=seed, iterations=1)
    first, second, other = (
        directory_fingerprint(tmp_path / name)["model.safetensors"]
        for name in ("first", "second", "other")
    )
    assert first == second
    assert first != other


class ToldToStopError(Exception):
    """Stands for what ends a process."""


def test_an_interrupted_run_goes_on_as_if_nothing_had_been(
    prompts, tiny_checkpoint, tmp_path, method
):
    """4 steps an iteration: after step 6 the second one's answers are half learned from."""
    more = {"iterations": 2, "epochs": 2, "batch_size": 8, "checkpoint_every": 3}

    def stop(done, _total, _note=""):
        if done == 7:
            raise ToldToStopError

    whole = method(
        prompts, LIKES_E, RunFiles(start=tiny_checkpoint, out=tmp_path / "whole"), **more
    )
    places = {"start": tiny_checkpoint, "out": tmp_path / "parts", "checkpoints": tmp_path / "kept"}
    with pytest.raises(ToldToStopError):
        method(prompts, LIKES_E, RunFiles(**places, progress=stop), **more)
    parts = method(prompts, LIKES_E, RunFiles(**places), **more)
    told = [
        [(row.step, row.metric, row.value) for row in run.steps if row.metric != "step_time"]
        for run in (whole, parts)
    ]
    assert told[0] == told[1]
    assert parts.num_tokens == whole.num_tokens
    expected = weights(tmp_path / "whole")
    for name, tensor in weights(tmp_path / "parts").items():
        assert torch.equal(tensor, expected[name])


def test_a_kl_beyond_the_budget_puts_the_last_good_weights_back(
    prompts, tiny_checkpoint, tmp_path, method
):
    wild = {"iterations": 4, "learning_rate": 1e-2, "kl_coefficient": 0.0, "warmup": 0.9}
    free = method(prompts, LIKES_E, RunFiles(start=tiny_checkpoint, out=tmp_path / "free"), **wild)
    kls = values(free, "kl")
    assert max(kls[:3]) < kls[3]
    budget = {**wild, "max_kl": (max(kls[:3]) + kls[3]) / 2}
    stopped = method(
        prompts, LIKES_E, RunFiles(start=tiny_checkpoint, out=tmp_path / "stopped"), **budget
    )
    assert (stopped.stop_reason, stopped.num_steps) == ("kl_budget", 2)
    assert "beyond max_kl" in stopped.stop_detail
    assert values(stopped, "kl") == kls[:4]
    start, kept, end = (
        weights(directory)
        for directory in (tiny_checkpoint, tmp_path / "stopped", tmp_path / "free")
    )
    moved = [
        sum(float((now[name] - start[name]).square().sum()) for name in start)
        for now in (kept, end)
    ]
    assert 0 < moved[0] < moved[1]


def test_last_weights_beyond_the_budget_are_not_kept(prompts, tiny_checkpoint, tmp_path, method):
    """The only step breaks the budget, which the answers after it tell."""
    result = method(
        prompts,
        LIKES_E,
        RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"),
        iterations=1,
        max_kl=1e-4,
        learning_rate=1e-2,
    )
    assert (result.stop_reason, result.num_steps) == ("kl_budget", 0)
    start = weights(tiny_checkpoint)
    for name, tensor in weights(tmp_path / "policy").items():
        assert torch.equal(tensor, start[name])


def test_an_adapter_is_trained_and_merged(prompts, tiny_checkpoint, tmp_path, method):
    """The reference is the policy with its adapter as it was, which is no adapter."""
    result = method(
        prompts,
        LIKES_E,
        RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"),
        lora_rank=4,
        iterations=3,
        learning_rate=1e-2,
    )
    kls = values(result, "kl")
    assert kls[0] == pytest.approx(0.0, abs=1e-5)
    assert kls[-1] > 1e-3
    start, end = weights(tiny_checkpoint), weights(tmp_path / "policy")
    assert start.keys() == end.keys()
    changed = {name for name in start if not torch.equal(start[name], end[name])}
    assert {name.rsplit(".", 2)[-2] for name in changed} >= {"q_proj", "v_proj"}
    assert "model.embed_tokens.weight" not in changed


def test_a_limit_of_steps_ends_in_the_middle_of_an_iteration(
    prompts, tiny_checkpoint, tmp_path, method
):
    files = RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    result = method(prompts, LIKES_E, files, batch_size=4, max_steps=5)
    assert (result.stop_reason, result.num_steps) == ("finished", 5)
    assert [row.step for row in result.steps if row.metric == "kl"] == [1, 5, 5]


def test_what_the_judge_cannot_read_is_counted(prompts, tiny_checkpoint, tmp_path, method):
    judge = TextJudge(lambda text: 0.8 if len(text) % 2 else None)
    files = RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    result = method(prompts, judge, files, kl_coefficient=0.0)
    unread = values(result, "objective/unread")[0]
    assert 0 < unread < 1
    assert values(result, "reward")[0] == pytest.approx(0.8 * (1 - unread))


def test_a_judge_that_reads_no_answer_is_refused_before_training(
    prompts, tiny_checkpoint, tmp_path, method
):
    with pytest.raises(InputError, match="'texts' could read none of 16 answers"):
        method(
            prompts,
            TextJudge(lambda _: None),
            RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"),
        )
    assert not (tmp_path / "policy").exists()


def test_without_prompts_nothing_is_trained(tiny_checkpoint, tmp_path, method):
    with pytest.raises(InputError, match="there are no prompts to train on"):
        method([], LIKES_E, RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"))


def test_answers_that_leave_no_room_for_a_prompt_are_refused(
    prompts, tiny_checkpoint, tmp_path, method
):
    """The tiny models have a context of 128 tokens."""
    with pytest.raises(InputError, match="context holds 128 tokens"):
        method(
            prompts,
            LIKES_E,
            RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"),
            response_length=128,
            max_tokens=512,
        )


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what to do without a GPU")
def test_vllm_without_a_gpu_is_refused(prompts, tiny_checkpoint, tmp_path, method):
    with pytest.raises(InputError, match="set vllm=false"):
        method(
            prompts,
            LIKES_E,
            RunFiles(start=tiny_checkpoint, out=tmp_path / "policy"),
            vllm=True,
        )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({"batch_size": 5}, "are 16 answers, which do not fall evenly", id="batch"),
        pytest.param(
            {"batch_size": 4, "gradient_accumulation_steps": 3}, "take divisors", id="accumulation"
        ),
        pytest.param({"samples_per_prompt": 1}, "greater than or equal to 2", id="one sample"),
        pytest.param({"response_length": 60}, "must together be at most", id="length"),
        pytest.param({"reward": "llm:judge"}, "asks an API for every answer", id="llm"),
        pytest.param({"launch": "ddp"}, "train in this one", id="launch"),
    ],
)
def test_parameters_that_do_not_go_together_are_named(method, settings, said):
    with pytest.raises(ValidationError, match=said):
        method.params(**{**SETTINGS, **settings})


def test_a_batch_larger_than_an_iteration_is_all_of_it(prompts, tiny_checkpoint, tmp_path, method):
    files = RunFiles(start=tiny_checkpoint, out=tmp_path / "policy")
    result = method(prompts, LIKES_E, files, batch_size=128)
    assert result.num_steps == 2


def test_nothing_but_the_policy_is_written_or_sent(
    prompts, tiny_checkpoint, tmp_path, method, monkeypatch
):
    sent = []
    monkeypatch.setattr("trl.trainer.base_trainer.send_telemetry", lambda **_: sent.append(1))
    monkeypatch.delenv("CI", raising=False)
    files = RunFiles(
        start=tiny_checkpoint, out=tmp_path / "policy", checkpoints=tmp_path / "checkpoints"
    )
    method(prompts, LIKES_E, files, checkpoint_every=1)
    assert sent == []
    assert list(tmp_path.rglob("README.md")) == []
    assert {path.name for path in (tmp_path / "policy").iterdir()} == {
        path.name for path in tiny_checkpoint.iterdir()
    }


def test_prompts_without_a_chat_template_are_human_and_assistant_turns(tiny_llama):
    """What the trainer asks for is what `encode_prompt` gives; see the test of the trainer."""
    ids = encode_prompt((Message("user", "Why?"),), tiny_llama.tokenizer, max_prompt_tokens=64)
    text = tiny_llama.tokenizer.decode(ids, skip_special_tokens=True)
    assert text == "\n\nHuman: Why?\n\nAssistant:"
