"""How far judges can be trusted, from a store and from a file, as a user sees it."""

import json
from dataclasses import replace

import pytest

from deployments.show_judge_report import show_judge_report
from storage.input_error import InputError
from storage.store import open_store
from storage.tables.completions import COMPLETIONS, Completion
from storage.tables.labels import LABELS, HumanLabel
from storage.tables.verdicts import VERDICTS, Verdict
from storage.work import Work
from tasks.judging.judged_comparison import judged_comparisons


def answer(prompt, text, policy="policy"):
    return Completion(
        prompt_id=prompt,
        policy=policy,
        text=text,
        sample_index=0,
        temperature=1.0,
        seed=0,
        finish_reason="stop",
        num_tokens=len(text),
    )


CHOSEN = [answer(f"p{number}", f"good {number}", "dataset:chosen") for number in range(4)]
REJECTED = [answer(f"p{number}", f"longer {number}", "dataset:rejected") for number in range(4)]
SAMPLED = [answer("p0", "one"), answer("p0", "three")]


def asked(a, b, first, second, judge="llm:m", rubric="r/1"):
    """Return the two verdicts about two answers, as they stand in the store."""
    known = {"completion_a": a.completion_id, "completion_b": b.completion_id, "judge": judge}
    return [
        Verdict(**known, rubric=rubric, swapped=swapped, choice=choice)
        for swapped, choice in ((False, first), (True, second))
    ]


VERDICTS_OF_RUN = [
    *asked(CHOSEN[0], REJECTED[0], "a", "a"),  # as people
    *asked(REJECTED[1], CHOSEN[1], "a", "a"),  # not as people, and the longer one
    *asked(CHOSEN[2], REJECTED[2], "a", "b"),  # twice the first
    *asked(CHOSEN[3], REJECTED[3], "unparsable", None),  # one unread, one that never came
    *asked(*SAMPLED, "tie", "b"),  # nobody asked people
]


def committed(root, verdicts, completions=None):
    tables = [VERDICTS] if completions is None else [COMPLETIONS, VERDICTS]
    store = open_store(root)
    work = Work("compare", 1, {"tables": len(tables), "verdicts": len(verdicts)})
    with store.begin(work, tables) as writer:
        writer.write(VERDICTS, verdicts)
        if completions is not None:
            writer.write(COMPLETIONS, completions)
        return writer.commit()["verdicts"].artifact_id


def labelled(root, *labels, collected=1):
    """Commit what people say; `collected` makes it another artifact."""
    store = open_store(root)
    with store.begin(Work("collect-pairs", 1, {"collected": collected}), [LABELS]) as writer:
        writer.write(LABELS, labels)
        return writer.commit()["labels"].artifact_id


def says(choice, a, b, annotator="anna", queue="q", **more):
    return HumanLabel(
        comparison_id=f"{a.completion_id} {b.completion_id}",
        prompt_id=a.prompt_id,
        completions=(a.completion_id, b.completion_id),
        annotator=annotator,
        choice=choice,
        shown_order="ab",
        seconds=1.0,
        queue=queue,
        labelled_at=f"2026-01-01T00:00:00{annotator}",
        **more,
    )


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "store")


@pytest.fixture
def judgements(tmp_path):
    path = tmp_path / "judgements.jsonl"
    common = {"dataset": "d", "evaluator": "m", "strategy": "s", "label": 1}
    rows = [
        common | {"index": 0, "winner_original": "1", "winner_swapped": "1"},
        common | {"index": 1, "winner_original": "2", "winner_swapped": None},
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


def reported(capsys, root, reference=None, file=None):
    show_judge_report(root, reference, file, as_json=True)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_verdicts_of_the_store_are_joined_with_their_completions(capsys, root):
    """Shown first won: c0, c1 and c2 in the order a, b; c2 and the last one in the order b, a."""
    committed(root, VERDICTS_OF_RUN, [*CHOSEN, *REJECTED, *SAMPLED])
    (judge,) = reported(capsys, root)
    assert (judge["judge"], judge["num_comparisons"], judge["num_prompts"]) == ("llm:m", 5, 4)
    counts = {
        name: (value["count"], value["num"])
        for name, value in judge.items()
        if isinstance(value, dict)
    }
    assert counts == {
        "first_position_rate": (5, 7),
        "flip_rate": (1, 3),
        "longer_wins_rate": (1, 2),
        "tie_share": (1, 10),
        "unparsable_share": (2, 10),
        "decided_share": (2, 5),
        "accuracy": (1, 2),
        "kappa": (1, 3),
        "alpha": (1, 3),
    }
    assert judge["confusion"] == [[1, 1, 0], [0, 0, 0], [1, 0, 0]]


def test_kappa_is_with_people_who_labelled_the_same_answers(capsys, root):
    """Of five comparisons the judge says a, a, tie, nothing and tie.

    The data set says a, b and a of the first three; people who were asked say b of the first, agree
    with the data set on the second, skip the third and call the last one a tie.
    """
    committed(root, VERDICTS_OF_RUN, [*CHOSEN, *REJECTED, *SAMPLED])
    labelled(
        root,
        says("b", CHOSEN[0], REJECTED[0]),
        says("b", CHOSEN[0], REJECTED[0], "ben"),
        says("a", CHOSEN[0], REJECTED[0], "carl"),
        says("a", CHOSEN[1], REJECTED[1]),
        says("skip", CHOSEN[2], REJECTED[2]),
        says("both_bad", *SAMPLED),
        says("b", *SAMPLED, "ben", is_gold=True),
        says("a", answer("p9", "not"), answer("p9", "judged")),
    )
    (judge,) = reported(capsys, root)
    assert judge["confusion"] == [[0, 2, 0], [0, 0, 0], [1, 0, 1]]
    assert (judge["kappa"]["count"], judge["kappa"]["num"]) == (1, 4)
    assert (judge["accuracy"]["count"], judge["accuracy"]["num"]) == (0, 2)


def test_labels_of_every_queue_in_use_count_and_superseded_ones_do_not(capsys, root):
    committed(root, VERDICTS_OF_RUN, [*CHOSEN, *REJECTED, *SAMPLED])
    earlier = labelled(root, says("b", *SAMPLED), says("b", *SAMPLED, "ben"))
    labelled(root, says("a", *SAMPLED, queue="r"), collected=2)
    (judge,) = reported(capsys, root)
    assert judge["confusion"][2] == [1, 1, 0]
    open_store(root).supersede(earlier, "collected again")
    (judge,) = reported(capsys, root)
    assert judge["confusion"][2] == [2, 0, 0]


def test_labels_of_three_answers_tell_nothing_of_two(capsys, root):
    committed(root, VERDICTS_OF_RUN, [*CHOSEN, *REJECTED, *SAMPLED])
    three = tuple(row.completion_id for row in (*SAMPLED, CHOSEN[0]))
    labelled(root, replace(says("b", *SAMPLED), completions=three, worst="a"))
    (judge,) = reported(capsys, root)
    assert judge["confusion"] == [[1, 1, 0], [0, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize("reference", ["latest", "trusted", "prefix", "id"])
def test_an_artifact_is_named_as_everywhere(capsys, root, reference):
    artifact_id = committed(root, VERDICTS_OF_RUN, [*CHOSEN, *REJECTED, *SAMPLED])
    open_store(root).tag("trusted", artifact_id)
    names = {"prefix": artifact_id[:10], "id": artifact_id}
    (judge,) = reported(capsys, root, names.get(reference, reference))
    assert judge["num_comparisons"] == 5


def test_scores_beside_comparisons_are_left_out(capsys, root):
    scores = [Verdict(completion_a=row.completion_id, judge="lexical", score=1.0) for row in CHOSEN]
    committed(root, [*scores, *VERDICTS_OF_RUN], [*CHOSEN, *REJECTED, *SAMPLED])
    (judge,) = reported(capsys, root)
    assert (judge["judge"], judge["num_comparisons"]) == ("llm:m", 5)


def test_verdicts_that_score_one_answer_each_are_refused(root):
    scores = [Verdict(completion_a=row.completion_id, judge="lexical", score=1.0) for row in CHOSEN]
    committed(root, scores, CHOSEN)
    with pytest.raises(InputError, match=r"none of the 4 verdicts .* compares two answers"):
        show_judge_report(root, None, None)


def test_verdicts_without_their_completions_are_refused(root):
    committed(root, VERDICTS_OF_RUN)
    with pytest.raises(InputError, match="made by compare together with verdicts, but the compl"):
        show_judge_report(root, "latest", None)


def test_a_store_and_a_file_at_once_are_refused(root, judgements):
    with pytest.raises(InputError, match=r"'latest' and --file .* are both given"):
        show_judge_report(root, "latest", judgements)


def test_a_file_needs_no_store(capsys, root, judgements):
    (judge,) = reported(capsys, root, file=judgements)
    assert (judge["judge"], judge["unparsable_share"]["count"]) == ("m/s", 1)
    assert judge["longer_wins_rate"]["value"] is None


def test_the_table_fits_80_columns_and_shows_each_figure_with_interval_and_n(
    capsys, root, judgements, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    show_judge_report(root, None, judgements)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    found = {" ".join(line.split()) for line in lines}
    assert "m/s 2 prompts" in found
    assert "longer answer wins - 0 comparisons" in found
    assert "both orders name one answer 50.0 % 0.0 to 100.0 2 comparisons" in found
    assert "that answer is people's choice 100.0 % 0.0 to 100.0 1 comparison" in found
    assert "first answer shown wins 33.3 % 0.0 to 50.0 3 verdicts" in found
    assert any(line.startswith("Cohen's kappa with people - ") for line in found)


def test_names_with_brackets_are_shown_as_they_are(capsys, root):
    committed(root, asked(*SAMPLED, "a", "a", judge="llm:[red]m"), SAMPLED)
    show_judge_report(root, None, None)
    assert "llm:[red]m" in capsys.readouterr().out


def test_a_judge_with_two_rubrics_is_two_judges():
    rows = [*asked(*SAMPLED, "a", "a"), *asked(*SAMPLED, "b", "tie", rubric="r/2")]
    judges = judged_comparisons(rows, SAMPLED)
    found = [(row.judge, row.first, row.second) for row in judges]
    assert found == [("llm:m (r/1)", "a", "a"), ("llm:m (r/2)", "b", "tie")]


def test_two_verdicts_about_one_order_are_refused():
    rows = asked(*SAMPLED, "a", "a")
    with pytest.raises(InputError, match=r"two verdicts .* swapped=True"):
        judged_comparisons([*rows, rows[1]], SAMPLED)


def test_a_comparison_whose_answer_is_not_there_is_refused():
    with pytest.raises(InputError, match=f"completion {SAMPLED[1].completion_id}.*1 completions"):
        judged_comparisons(asked(*SAMPLED, "a", "a"), SAMPLED[:1])


def test_an_order_that_was_not_asked_is_missing():
    (row,) = judged_comparisons(asked(*SAMPLED, "a", "b")[1:], SAMPLED)
    assert (row.first, row.second) == (None, "b")
    assert (row.prompt_id, row.length_a, row.length_b, row.label) == ("p0", 3, 5, None)
