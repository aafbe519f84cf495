"""Pairs from a local OpenAI-compatible server: every method, its lineage, its budget, its reruns."""

import json
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.system import Secret

from storage.input_error import InputError
from storage.store import open_store
from tasks.sampling.api.client import ApiUnavailableError
from tasks.sampling.api.ledger import read_ledger
from tests.fakes.api_server import FakeApi
from tests.fakes.judge_answer import fenced, is_judge, last_turn, verdict
from tests.fakes.tiny_classifier import write_tiny_classifier
from tests.flows.small_store import ingested_preferences, run


@pytest.fixture(scope="module")
def ingested(prefect_api: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the questions and preferences of a small file."""
    return ingested_preferences(tmp_path_factory.mktemp("pairs"), 60)


@pytest.fixture
def root(ingested: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(ingested, tmp_path / "data"))


def world(body: dict[str, Any]) -> Any:
    """Answer well or poorly as the system prompt wants, and judge by the word `good`."""
    if is_judge(body):
        data = fenced(body)
        return verdict("good" in data["answer_1"], "good" in data["answer_2"])
    system = body["messages"][0]["content"] if body["messages"][0]["role"] == "system" else ""
    if "poor answer" in system:
        return f"a bad answer to {last_turn(body)}"
    if body.get("n"):
        return [f"{'good' if i % 2 else 'dull'} {i} {last_turn(body)}" for i in range(body["n"])]
    return f"a good answer to {last_turn(body)}"


def settings(api: FakeApi, method: str, *more: str) -> list[str]:
    return [f"method={method}", "num_prompts=12", f"api.base_url={api.base_url}", *more]


JUDGED = ("judging.judge=llm:judge-1", "api.retry_wait_seconds=0.01")


def statuses(root: Path) -> dict[str, int]:
    rows = open_store(root).sql("select status, count(*) n from outcomes group by all").to_pylist()
    return {row["status"]: row["n"] for row in rows}


def test_contrast_pairs_a_helpful_answer_with_a_poor_one(root):
    with FakeApi(answer=world, delay_seconds=0.02) as api:
        made = run("generate-pairs", *settings(api, "contrast"), root=root)
        assert made.rows["pairs"] == made.rows["outcomes"] == 12
        assert len(api.calls) == 24
        assert api.max_in_flight > 4
        again = run("generate-pairs", *settings(api, "contrast"), root=root)
        assert again.reused
        forced = run("generate-pairs", *settings(api, "contrast"), "rerun=true", root=root)
        assert not forced.reused
        assert len(api.calls) == 24, "a rerun asks the journal, not the server"
    rows = (
        open_store(root)
        .sql("select chosen, rejected, labeler_kind, labeler from pairs")
        .to_pylist()
    )
    generated = [row for row in rows if row["labeler_kind"] == "llm"]
    assert len(generated) == 12
    for row in generated:
        assert row["chosen"].startswith("a good answer to What is")
        assert row["rejected"].startswith("a bad answer to What is")
        assert row["labeler"] == "contrast:gpt-6-luna"


def test_candidates_are_compared_in_both_orders_and_pairs_lead_back_to_the_verdicts(root):
    with FakeApi(answer=world) as api:
        made = run(
            "generate-pairs",
            *settings(api, "sample-and-judge", *JUDGED),
            "sample_and_judge.num_completions=3",
            "judging.pairing=all",
            root=root,
        )
    # of dull 0, good 1, dull 2 the good one beats both others, which tie
    assert made.rows == {
        "completions": 36, "verdicts": 72, "pairs": 24, "outcomes": 12, "spending": 2,
    }  # fmt: skip
    store = open_store(root)
    rows = store.sql("""
        select p.margin, p.agreement, count(*) verdicts, count(distinct v.swapped) orders,
               any_value(v.rubric) rubric
        from pairs p
        join completions c on c.completion_id = p.chosen_id and c.text = p.chosen
        join verdicts v on (v.completion_a, v.completion_b) in
            ((p.chosen_id, p.rejected_id), (p.rejected_id, p.chosen_id))
        group by p.pair_id, p.margin, p.agreement
    """).to_pylist()
    assert len(rows) == 24
    assert {(r["margin"], r["agreement"], r["verdicts"], r["orders"]) for r in rows} == {
        (1.0, 1.0, 2, 2)
    }
    assert rows[0]["rubric"].startswith("pairwise-overall v1 ")
    assert statuses(root) == {"paired": 12}
    spent = store.sql("select model, calls, cost_usd from spending order by model").to_pylist()
    assert [(row["model"], row["calls"]) for row in spent] == [("gpt-6-luna", 12), ("judge-1", 72)]
    assert {row.model: row.calls for row in read_ledger(store.journal_path)} == {
        "gpt-6-luna": 12,
        "judge-1": 72,
    }


def test_a_judge_that_always_prefers_what_it_reads_first_decides_nothing(root):
    def biased(body: dict[str, Any]) -> Any:
        return json.dumps({"reason": "first", "verdict": "1"}) if is_judge(body) else world(body)

    with FakeApi(answer=biased) as api:
        made = run(
            "generate-pairs",
            *settings(api, "sample-and-judge", *JUDGED),
            "sample_and_judge.num_completions=2",
            root=root,
        )
    assert made.rows["pairs"] == 0
    assert made.rows["verdicts"] == 24
    assert statuses(root) == {"undecided": 12}


def test_a_run_stays_within_its_budget_and_a_later_one_completes_it(root):
    asked = ("sample_and_judge.num_completions=2", "judging.max_completion_tokens=64")
    with FakeApi(answer=world) as api:
        given = [*settings(api, "sample-and-judge", *JUDGED), *asked]
        part = run("generate-pairs", *given, "budget.max_tokens=9000", root=root)
        assert "pending" in part.incomplete
        assert 0 < part.rows["pairs"] < 12
        assert part.rows["outcomes"] == 12
        assert statuses(root).keys() == {"paired", "pending"}
        (first,) = {row.flow_run for row in read_ledger(open_store(root).journal_path)}
        tokens = [
            row.prompt_tokens + row.completion_tokens
            for row in read_ledger(open_store(root).journal_path)
        ]
        assert sum(tokens) <= 9000
        whole = run("generate-pairs", *given, root=root)
        assert (whole.incomplete, whole.rows["pairs"]) == ("", 12)
        assert len(api.calls) == len({(call.path, call.sha256) for call in api.calls}) == 36
    assert statuses(root) == {"paired": 12}, "the part is out of use"
    runs = Counter(row.flow_run for row in read_ledger(open_store(root).journal_path))
    assert len(runs) == 2
    assert first in runs
    assert run("generate-pairs", *given, root=root).reused


def test_a_dry_run_asks_nothing_and_plans_every_call(root):
    asked = ("sample_and_judge.num_completions=2", "sample_and_judge.chat.max_completion_tokens=32")
    with FakeApi(answer=world) as api:
        given = [*settings(api, "sample-and-judge", *JUDGED), *asked]
        plan = run("generate-pairs", *given, "dry_run=true", root=root)
        assert api.calls == []
        planned = {row.model: (row.calls, row.calls_reused) for row in plan.planned}
        assert planned == {"gpt-6-luna": (12, 0), "judge-1": (24, 0)}
        run("generate-pairs", *given, root=root)
        assert Counter(call.body["model"] for call in api.calls) == {
            "gpt-6-luna": 12,
            "judge-1": 24,
        }
        assert run("generate-pairs", *given, "dry_run=true", root=root).planned == []


def test_the_data_sets_own_pairs_are_judged_again_and_held_against_people(root, capsys):
    from deployments.show_judge_report import show_judge_report

    with FakeApi(answer=world) as api:
        made = run("generate-pairs", *settings(api, "relabel", *JUDGED), root=root)
    assert made.rows["verdicts"] == 24
    show_judge_report(str(root), made.outputs["verdicts"], None, as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["judge"].startswith("llm:judge-1")
    assert report["accuracy"]["value"] == 1.0
    assert report["kappa"]["value"] in {0.0, 1.0, None} or report["kappa"]["value"] <= 1.0
    assert report["first_position_rate"]["value"] == 0.5


def test_a_critique_leads_to_a_revision_that_is_preferred_to_the_draft(root):
    def writer(body: dict[str, Any]) -> str:
        number = len(body["messages"])
        return f"text {number} of {len(last_turn(body))} characters: {last_turn(body)[:20]}"

    with FakeApi(answer=writer) as api:
        made = run("generate-pairs", *settings(api, "critique-revise"), root=root)
        assert len(api.calls) == 36
    assert made.rows["pairs"] == 12
    assert made.rows["completions"] == 24


def test_failed_calls_leave_the_stage_incomplete_and_are_asked_again(root):
    faults = ["500"] * 6
    with FakeApi(answer=world, faults=faults) as api:
        given = settings(api, "contrast", "api.max_attempts=1")
        part = run("generate-pairs", *given, root=root)
        assert "6 server-error" in part.incomplete
        whole = run("generate-pairs", *given, root=root)
        assert (whole.incomplete, whole.rows["pairs"]) == ("", 12)
        assert len(api.calls) == 24 + 6


def test_one_call_that_always_fails_leaves_the_stage_incomplete_every_night(root):
    """The others are there to work with, so the stage does not fail over it."""
    with FakeApi(answer=world) as api:
        given = settings(api, "contrast", "api.max_attempts=1")
        run("generate-pairs", *given, "num_prompts=3", root=root)

    def broken(_: int, body: dict[str, Any]) -> str | None:
        return "500" if len(body["messages"]) and "poor" in body["messages"][0]["content"] else None

    with FakeApi(answer=world, faults=broken, port=int(api.base_url.split(":")[2][:-3])) as api:
        for _ in range(2):
            part = run(
                "generate-pairs", *settings(api, "contrast", "api.max_attempts=1"), root=root
            )
            assert "9 server-error" in part.incomplete
            assert part.rows["pairs"] == 3


def test_a_server_that_is_down_fails_the_stage_and_leaves_nothing_behind(root):
    with FakeApi(answer=world) as api:
        pass
    given = settings(api, "contrast", "api.max_attempts=2", "api.retry_wait_seconds=0.01")
    with pytest.raises(ApiUnavailableError, match="none of 24 calls"):
        run("generate-pairs", *given, root=root)
    assert open_store(root).artifacts("outcomes") == []


def test_a_refusal_is_an_outcome_of_its_own_and_is_not_asked_again(root):
    def shy(body: dict[str, Any]) -> Any:
        if "number 1" in last_turn(body):
            return {"message": {"role": "assistant", "content": None, "refusal": "I cannot."}}
        return world(body)

    with FakeApi(answer=shy) as api:
        made = run("generate-pairs", *settings(api, "contrast"), "num_prompts=40", root=root)
        num_calls = len(api.calls)
        assert made.incomplete == ""
        run("generate-pairs", *settings(api, "contrast"), "num_prompts=40", "rerun=true", root=root)
        assert len(api.calls) == num_calls
    found = statuses(root)
    assert found["refused"] > 0
    assert found["refused"] + found["paired"] == made.rows["outcomes"]


def test_the_key_stands_in_no_file_of_the_store(root, monkeypatch):
    secret = "sk-seeded-5f3c9a"
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    with FakeApi(answer=world, keys={secret}) as api:
        run("generate-pairs", *settings(api, "contrast"), root=root)
        assert {call.key for call in api.calls} == {secret}
    found = [
        path for path in root.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()
    ]
    assert found == []


def test_the_key_can_stand_in_a_secret_block(root, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    Secret(value="sk-from-a-block").save("pairs-key", overwrite=True)
    with FakeApi(answer=world, keys={"sk-from-a-block"}) as api:
        given = settings(api, "contrast", "api.key_block=pairs-key")
        assert run("generate-pairs", *given, root=root).rows["pairs"] == 12


def test_a_wrong_key_is_one_message_without_the_key(root, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-77")
    with (
        FakeApi(answer=world, keys={"another"}) as api,
        pytest.raises(InputError, match="refuses the key") as caught,
    ):
        run("generate-pairs", *settings(api, "contrast"), root=root)
    assert "sk-wrong-77" not in "".join(traceback.format_exception(caught.value))


@pytest.fixture(scope="module")
def trained(prefect_api: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with generated reviews and a tiny policy that has seen them for a moment."""
    root = tmp_path_factory.mktemp("trained") / "data"
    run("ingest", "source=reviews", "num_reviews=400", root=root)
    sft = ("model=scratch:nano", "epochs=1", "max_steps=4")
    run("train-sft", *sft, root=root)
    return root


POLICY = ("num_prompts=8", "on_policy.max_tokens=12", "on_policy.num_completions=4")


def test_our_policy_and_an_api_model_answer_side_by_side(trained):
    def answer(body: dict[str, Any]) -> Any:
        if is_judge(body):
            data = fenced(body)
            return verdict("good" in data["answer_1"], "good" in data["answer_2"])
        return ["a good text", "another good text"]

    with FakeApi(answer=answer) as api:
        made = run(
            "generate-pairs",
            *settings(api, "sample-and-judge", *JUDGED, *POLICY),
            "sample_and_judge.models=[policy, llm:writer]",
            "sample_and_judge.num_completions=2",
            "judging.pairing=all",
            root=trained,
        )
    assert made.rows["completions"] == 32
    store = open_store(trained)
    rows = store.sql(f"""
        select c.policy chosen, r.policy rejected, count(*) n from pairs p
        join completions c on c.completion_id = p.chosen_id
        join completions r on r.completion_id = p.rejected_id
        where p.artifact_id = '{made.outputs["pairs"]}' group by all
    """).to_pylist()
    (policy,) = store.sql("select policy_id from policies where method = 'sft'").to_pylist()
    assert rows == [{"chosen": "llm:writer", "rejected": policy["policy_id"], "n": 32}]
    drawn = store.sql("select distinct temperature, seed from completions").to_pylist()
    assert drawn == [{"temperature": 1.0, "seed": 0}]


def test_four_completions_under_a_classifier_give_six_pairs_without_the_ties(trained, tmp_path):
    """The recipe of the DPO paper's sentiment experiment, at toy size."""
    model = write_tiny_classifier(tmp_path / "classifier")
    made = run(
        "generate-pairs",
        "method=on-policy",
        *POLICY,
        f"judging.judge=classifier:{model}",
        "judging.pairing=all",
        "judging.min_margin=0",
        root=trained,
    )
    store = open_store(trained)
    rows = store.sql(f"""
        select o.num_pairs, o.num_ties, o.num_same_text,
               count(distinct v.score) filter (where v.score is not null) scores
        from outcomes o
        join completions c on c.prompt_id = o.prompt_id
        join verdicts v on v.completion_a = c.completion_id and v.artifact_id = '{made.outputs["verdicts"]}'
        where o.artifact_id = '{made.outputs["outcomes"]}'
        group by o.prompt_id, o.num_pairs, o.num_ties, o.num_same_text
    """).to_pylist()
    assert len(rows) == 8
    for row in rows:
        assert row["num_pairs"] + row["num_ties"] + row["num_same_text"] == 6
        if row["scores"] == 4:
            assert row["num_pairs"] == 6
    assert made.rows["pairs"] == sum(row["num_pairs"] for row in rows) > 0
    assert made.rows["spending"] == 0
    assert open_store(trained).get(made.outputs["pairs"]).stats["reward"] == f"classifier:{model}"


def test_an_llm_scores_the_answers_of_our_policy(trained):
    def scores(body: dict[str, Any]) -> str:
        return json.dumps({"reason": "length", "score": 1 + len(fenced(body)["answer"]) % 10})

    with FakeApi(answer=scores) as api:
        made = run(
            "generate-pairs",
            *settings(api, "on-policy", "judging.rubric=helpful", "judging.judge=llm:judge-1"),
            *POLICY,
            root=trained,
        )
    assert made.rows["verdicts"] == 32
    rows = (
        open_store(trained)
        .sql(f"""
        select margin, labeler, labeler_kind from pairs
        where artifact_id = '{made.outputs["pairs"]}'
    """)
        .to_pylist()
    )
    assert {(row["labeler"], row["labeler_kind"]) for row in rows} == {
        ("llm:judge-1 helpful", "llm")
    }
    assert all(1 <= row["margin"] <= 9 for row in rows)
