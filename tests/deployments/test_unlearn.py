"""The quick path, from a file of unwanted answers to a policy, and its check."""

import io
import json
import math

import pytest
from rich.console import Console
from typer.testing import CliRunner

from deployments.cli import app
from deployments.safety_check import print_safety
from deployments.unlearn import print_unlearned
from flows.safety_check import safety_check
from flows.unlearn import unlearn
from storage.input_error import InputError
from storage.store import open_store
from storage.tables.completions import COMPLETIONS
from storage.tables.dispreferred import DISPREFERRED
from storage.tables.policies import POLICIES
from tasks.evaluation.safety.measure import UNSAFE
from tasks.evaluation.safety.params import SafetyParams
from tasks.negatives.params import NegativesParams
from tasks.sampling.api.params import ApiParams
from tasks.sampling.encoding import encode
from tasks.sampling.logps import sequence_logps
from tasks.sampling.model import load_model
from tasks.training.d2o.params import D2OParams
from tests.fakes.api_server import FakeApi
from tests.fakes.judge_answer import fenced
from tests.tasks.conftest import write_tiny_policy

BAD = " was dull from start to end."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unlearn")
    write_tiny_policy("llama", folder / "model")
    prompts = [f"{word} {noun}" for word in ("The", "A", "My") for noun in NOUNS]
    rows = [{"prompt": prompt, "response": BAD} for prompt in prompts]
    (folder / "bad.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


NOUNS = ("film", "story", "phone", "plot", "cast", "end", "joke", "sound", "letter", "joy")


@pytest.fixture(scope="module")
def unlearned(prefect_api, folder):
    return unlearn(
        model=str(folder / "model"),
        negatives=str(folder / "bad.jsonl"),
        steps=6,
        num_samples=3,
        learning_rate=3e-3,
        prompt_role="text",
        anchors=NegativesParams(max_tokens=12, device="cpu"),
        d2o=D2OParams(max_kl=1e3, kl_samples=8, kl_max_tokens=8, bf16="no", device="cpu"),
        root=str(folder / "data"),
    )


@pytest.fixture(scope="module")
def checked(unlearned, folder):
    return check(folder, unlearned.policy)


def check(folder, policy, **given):
    params = given.pop("params", SafetyParams(max_tokens=12, device="cpu"))
    return safety_check(policy=policy, params=params, root=str(folder / "data"), **given)


def printed(show):
    out = Console(file=io.StringIO(), width=240)
    code = show(out)
    return code, out.file.getvalue()


def test_the_unwanted_answers_are_less_likely_by_what_is_told(unlearned, folder):
    """Scored again with the checkpoints themselves."""
    store = open_store(folder / "data")
    curated = next(stage for stage in unlearned.stages if stage.stage == "curate")
    rows = store.rows(DISPREFERRED, store.get(curated.outputs["dispreferred"]))
    trained = [row for row in rows if row.split == "train"]
    assert unlearned.num_negatives == len(trained) > 20

    def nats(checkpoint):
        loaded = load_model(checkpoint, device="cpu")
        encoded = [
            encode(row.messages, BAD, loaded.tokenizer, max_prompt_tokens=64, max_tokens=128)
            for row in trained
        ]
        lengths = [len(row.completion_ids) for row in encoded]
        logps = sequence_logps(loaded, encoded)
        return sum(logp / n for logp, n in zip(logps, lengths, strict=True)) / len(trained)

    assert unlearned.nats_before == pytest.approx(nats(folder / "model"), abs=1e-4)
    assert unlearned.nats_after == pytest.approx(nats(unlearned.checkpoint), abs=1e-4)
    assert unlearned.nats_after < unlearned.nats_before - 0.05
    assert unlearned.margin > 0
    assert unlearned.kl > 0
    assert unlearned.num_steps == 6


def test_it_prints_what_it_did_and_what_comes_next(unlearned, folder):
    _, text = printed(lambda out: print_unlearned(out, unlearned, str(folder / "data")))
    for part in (unlearned.policy, unlearned.checkpoint, "step 6 of 6", "0.003", "K 3"):
        assert part in text
    assert f"prefline safety-check {unlearned.policy[:12]} --root {folder / 'data'}" in text


def test_the_same_again_is_reused(unlearned, folder, prefect_api):
    again = unlearn(
        model=str(folder / "model"),
        negatives=str(folder / "bad.jsonl"),
        steps=6,
        num_samples=3,
        learning_rate=3e-3,
        prompt_role="text",
        anchors=NegativesParams(max_tokens=12, device="cpu"),
        d2o=D2OParams(max_kl=1e3, kl_samples=8, kl_max_tokens=8, bf16="no", device="cpu"),
        root=str(folder / "data"),
    )
    assert all(stage.reused for stage in again.stages)
    assert again.policy == unlearned.policy


def test_it_goes_on_from_a_policy_of_the_store(unlearned, folder, prefect_api):
    further = unlearn(
        model=unlearned.policy[:16],
        negatives=str(folder / "bad.jsonl"),
        steps=1,
        num_samples=1,
        prompt_role="text",
        anchors=NegativesParams(max_tokens=4, device="cpu"),
        d2o=D2OParams(kl_samples=2, kl_max_tokens=4, bf16="no", device="cpu"),
        root=str(folder / "data"),
    )
    assert further.start == unlearned.policy
    assert further.nats_before == pytest.approx(unlearned.nats_after, abs=1e-4)


def test_the_check_compares_with_the_start_on_held_out_rows(checked, unlearned):
    assert checked.against == unlearned.start
    assert checked.prompts_from == "held-out prompts"
    found = {finding.metric: finding for finding in checked.findings}
    nats = found["dispreferred/nats_per_token"]
    assert nats.change.value < -0.05
    assert nats.change.value == pytest.approx(nats.after.value - nats.before.value)
    assert found["kl/exact"].after.value > 0
    assert found["length"].after.num_samples == 2 * found["length"].after.num_prompts


def test_a_bound_that_does_not_hold_fails_the_check_without_asking_again(
    checked, unlearned, folder
):
    strict = SafetyParams(max_tokens=12, device="cpu", max_kl=1e-6)
    failed = check(folder, unlearned.policy, params=strict)
    assert all(stage.reused for stage in failed.stages)
    code, text = printed(lambda out: print_safety(out, failed))
    assert code == 1
    assert "FAILED: KL to the reference, nats an answer" in text
    assert "none: whether answers are safe was not judged" in text


def test_a_policy_against_itself_changes_nothing(unlearned, folder, prefect_api):
    same = check(folder, unlearned.policy, against=unlearned.policy)
    found = {finding.metric: finding for finding in same.findings}
    for metric in ("dispreferred/nats_per_token", "length", "empty", "distinct_2"):
        assert found[metric].change.value == 0
    assert found["kl/exact"].after.value == pytest.approx(0, abs=1e-5)
    assert same.passed


def test_prompts_of_a_file_are_asked_with_its_unwanted_answers_or_without(
    unlearned, folder, prefect_api
):
    (folder / "asked.jsonl").write_text('{"prompt": "We saw"}\n{"prompt": "You saw"}\n')
    asked = check(folder, unlearned.policy, prompts=str(folder / "asked.jsonl"), prompt_role="text")
    metrics = {finding.metric for finding in asked.findings}
    assert "length" in metrics
    assert "dispreferred/nats_per_token" not in metrics
    _, text = printed(lambda out: print_safety(out, asked))
    assert "likelihood of unwanted answers was not measured" in text
    with_answers = check(
        folder, unlearned.policy, prompts=str(folder / "bad.jsonl"), prompt_role="text"
    )
    nats = {finding.metric: finding for finding in with_answers.findings}[
        "dispreferred/nats_per_token"
    ]
    assert nats.after.num_prompts == 30
    assert not math.isnan(nats.change.low)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(
            ["unlearn", "-m", "{model}", "-n", "/nowhere.jsonl"], ["/nowhere.jsonl"], id="no file"
        ),
        pytest.param(
            ["unlearn", "-m", "{model}", "-n", "{other}"], ["question", "prompt"], id="columns"
        ),
        pytest.param(["unlearn", "-m", "./no/model", "-n", "{bad}"], ["./no/model"], id="no model"),
        pytest.param(
            ["unlearn", "-m", "scratch:tiny", "-n", "{bad}"],
            ["scratch:tiny", "demonstrations"],
            id="scratch",
        ),
        pytest.param(
            ["unlearn", "-m", "latest", "-n", "{bad}"], ["latest", "no store"], id="latest"
        ),
        pytest.param(
            ["unlearn", "-m", "{model}", "-n", "{bad}", "--set", "d2o.bta=1"],
            ["d2o.bta", "did you mean 'beta'"],
            id="misspelt parameter",
        ),
        pytest.param(
            ["unlearn", "-m", "{model}", "-n", "{bad}", "--lr", "-1"], ["learning_rate"], id="lr"
        ),
        pytest.param(["safety-check", "deadbeef"], ["no store"], id="check without a store"),
        pytest.param(["safety-check", "--judge", "lexcal"], ["lexcal", "lexical"], id="judge"),
        pytest.param(["safety-check", "--set", "max_kl=-1"], ["max_kl", "-1"], id="bound"),
    ],
)
def test_wrong_input_is_one_message_and_leaves_nothing(arguments, expected, tmp_path, folder):
    other = tmp_path / "other.jsonl"
    other.write_text('{"question": "a", "answer": "b"}\n')
    names = {"model": folder / "model", "bad": folder / "bad.jsonl", "other": other}
    root = tmp_path / "data"
    given = [part.format(**names) for part in arguments]
    done = CliRunner().invoke(app, given, env={"PREFLINE_ROOT": str(root)})
    assert isinstance(done.exception, InputError), done.output
    message = str(done.exception)
    assert len(message.splitlines()) == 1
    for part in expected:
        assert part in message
    assert not root.exists()


def harmful_if_short(body):
    """Judge answers below 30 characters harmful."""
    return json.dumps(
        {"reason": "by length", "score": 9 if len(fenced(body)["answer"]) > 30 else 2}
    )


def test_a_judge_behind_an_api_tells_the_share_of_unsafe_answers(
    checked, unlearned, folder, prefect_api
):
    with FakeApi(answer=harmful_if_short) as api:
        params = SafetyParams(
            max_tokens=12,
            device="cpu",
            judge="llm:gpt-6-luna",
            api=ApiParams(base_url=api.base_url),
        )
        judged = check(folder, unlearned.policy, params=params)
    store = open_store(folder / "data")
    policy = store.rows(POLICIES, store.get(unlearned.policy))[0].policy_id
    completions = store.get(judged.stages[-1].outputs["completions"])
    own = [row for row in store.rows(COMPLETIONS, completions) if row.policy == policy]
    unsafe = next(finding for finding in judged.findings if finding.metric == UNSAFE)
    assert unsafe.after.value == pytest.approx(sum(len(row.text) <= 30 for row in own) / len(own))
    assert unsafe.after.num_samples == len(own) > 0
    assert "gpt-6-luna" in judged.judge
