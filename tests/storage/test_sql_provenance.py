"""The question the store exists for: from a win rate back to the source rows, by joins."""

import json

import pytest
from small_rows import ingest, pair, prompts

from storage.tables.completions import COMPLETIONS, Completion
from storage.tables.estimates import ESTIMATES, Estimate
from storage.tables.pairs import PAIRS
from storage.tables.policies import POLICIES, Policy
from storage.tables.scores import SCORES, Score
from storage.tables.training_steps import TRAINING_STEPS, TrainingStep
from storage.work import Work

QUESTION = """
SELECT
    estimates.metric, estimates.value, policies.method,
    count(DISTINCT completion_id) AS num_completions,
    min(completions.text) AS first_completion,
    list(DISTINCT pairs.pair_id ORDER BY pairs.pair_id) AS pairs,
    list(DISTINCT prompts.origin ORDER BY prompts.origin) AS origins
FROM estimates
JOIN policies USING (policy_id)
JOIN scores ON scores.policy_id = policies.policy_id AND scores.run_id = estimates.run_id
JOIN completions USING (completion_id)
JOIN parents ON parents.artifact_id = policies.artifact_id
JOIN pairs ON pairs.artifact_id = parents.parent_id
JOIN prompts ON prompts.prompt_id = pairs.prompt_id
WHERE estimate_id = '{estimate_id}'
GROUP BY ALL
"""


def policy(method):
    params = json.dumps({"beta": 0.1})
    return Policy(
        method=method,
        base_model="scratch:tiny",
        checkpoint="",
        weights_sha256=method,
        params=params,
    )


@pytest.fixture
def estimates(store):
    """A night: prompts, pairs from two of them, DPO on these, D2O on others, evaluation."""
    source = ingest(store, count=4)["prompts"]
    asked = prompts(4)
    trained = {}
    for method, used in {"dpo": asked[:2], "d2o": asked[2:3]}.items():
        with store.begin(Work(f"pairs-{method}", 1, {}, [source.artifact_id]), [PAIRS]) as writer:
            writer.write(PAIRS, [pair(prompt) for prompt in used])
            pairs = writer.commit()["pairs"]
        train = Work(f"train-{method}", 1, {}, [pairs.artifact_id])
        with store.begin(train, [POLICIES, TRAINING_STEPS]) as writer:
            writer.write(POLICIES, [policy(method)])
            step = TrainingStep(policy_id=policy(method).policy_id, step=1, metric="kl", value=0.0)
            writer.write(TRAINING_STEPS, [step])
            trained[method] = writer.commit()["policies"]
    parents = [source.artifact_id, *(artifact.artifact_id for artifact in trained.values())]
    with store.begin(Work("evaluate", 1, {}, parents), [COMPLETIONS, SCORES, ESTIMATES]) as writer:
        found = {}
        for method in trained:
            policy_id = policy(method).policy_id
            answers = [
                Completion(
                    prompt_id=asked[3].prompt_id,
                    policy=policy_id,
                    text=f"{method} {index}",
                    sample_index=index,
                    temperature=1.0,
                    seed=index,
                    finish_reason="stop",
                    num_tokens=2,
                )
                for index in range(3)
            ]
            writer.write(COMPLETIONS, answers)
            writer.write(
                SCORES,
                [
                    Score(
                        policy_id=policy_id,
                        prompt_id=answer.prompt_id,
                        completion_id=answer.completion_id,
                        metric="win",
                        value=1.0,
                    )
                    for answer in answers
                ],
            )
            found[method] = Estimate(
                policy_id=policy_id,
                metric="win",
                value=0.75,
                low=0.5,
                high=1.0,
                stderr=0.1,
                num_prompts=1,
                num_samples=3,
            )
            writer.write(ESTIMATES, [found[method]])
        writer.commit()
    return found


def test_one_estimate_leads_to_its_completions_policy_pairs_and_source_rows(store, estimates):
    answer = store.sql(QUESTION.format(estimate_id=estimates["dpo"].estimate_id)).to_pylist()
    assert answer == [
        {
            "metric": "win",
            "value": 0.75,
            "method": "dpo",
            "num_completions": 3,
            "first_completion": "dpo 0",
            "pairs": sorted(pair(prompt).pair_id for prompt in prompts(2)),
            "origins": ["reviews.csv:1", "reviews.csv:2"],
        }
    ]


def test_the_other_policy_has_its_own(store, estimates):
    answer = store.sql(QUESTION.format(estimate_id=estimates["d2o"].estimate_id)).to_pylist()
    assert [row["origins"] for row in answer] == [["reviews.csv:3"]]
    assert answer[0]["first_completion"] == "d2o 0"
