"""Small files of every kind of source through ingest and curation: no row of them gets lost."""

import json
from io import StringIO

import pytest
from rich.console import Console

from deployments.arguments import flow_arguments
from deployments.flow_table import load_flow
from deployments.show_rows import rows_table
from storage.input_error import InputError
from storage.store import open_store

TABLES = ("examples", "prompts", "demonstrations", "pairs", "dispreferred")
EQUAL = "chosen equals rejected"


def ingest(root, *settings):
    flow = load_flow("ingest")
    return flow(**flow_arguments(flow.fn, profile=None, settings=[*settings, f"root={root}"]))


def transcript(question, answer):
    return f"\n\nHuman: {question}\n\nAssistant: {answer}"


def hh_rlhf():
    good = [
        {"chosen": transcript(f"question {n}", f"yes {n}"),
         "rejected": transcript(f"question {n}", f"no {n}")}
        for n in range(6)
    ]  # fmt: skip
    tie = {"chosen": transcript("same", "yes"), "rejected": transcript("same", "yes")}
    shouted = {
        "chosen": transcript("alike", "Yes!"),
        "rejected": transcript("alike", "yes"),
    }
    return [*good, good[0], tie, shouted, {"chosen": "no transcript", "rejected": "at all"}]


def safe_or_not(n, first, second):
    return {
        "prompt": f"question {n}",
        "response_0": f"zero {n}",
        "response_1": f"one {n}",
        "is_response_0_safe": first,
        "is_response_1_safe": second,
        "better_response_id": 0,
        "safer_response_id": 0,
    }


def pku_saferlhf():
    compared = [safe_or_not(n, True, n % 2 == 0) for n in range(4)]
    unsafe = [safe_or_not(n, False, False) for n in range(4, 7)]
    return [*compared, *unsafe, safe_or_not(8, "maybe", True), {**compared[0]}]


def negatives():
    return [
        {"prompt": "one", "response": "bad"},
        {"prompt": "two", "rejected": "worse"},
        {"prompt": "three", "responses": ["a", "b", "c"], "preferred": 1},
        {"prompt": "four", "responses": ["a", "b"], "preferred": None},
        {"prompt": "five"},
        {"prompt": "", "response": "bad"},
    ]


def preferences():
    good = [
        {"ask": f"question {n}", "best": f"yes {n}", "other": f"no {n}", "by": "me", "lead": n + 1}
        for n in range(5)
    ]
    return [*good, {**good[0], "best": "", "ask": "new"}, {**good[1], "lead": "much"}]


def prompts():
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    return [
        {"prompt": "one", "theme": "x"},
        {"prompt": messages},
        {"prompt": None},
        {"prompt": "one"},
    ]


def shp():
    def post(n, first, second, prefers_first):
        return {
            "history": f"post {n}",
            "human_ref_A": f"comment a {n}",
            "human_ref_B": f"comment b {n}",
            "labels": prefers_first,
            "score_A": first,
            "score_B": second,
        }

    return [
        post(1, 10, 2, 1),
        post(2, 2, 10, 0),
        post(3, 10, 9, 1),  # too close: the post alone
        post(4, 5, 5, 1),
        post(5, 2, 10, 1),
    ]


def ultrafeedback():
    def row(n, better, worse):
        asked = {"role": "user", "content": f"question {n}"}
        answers = [[asked, {"role": "assistant", "content": f"{a} {n}"}] for a in ("yes", "no")]
        scores = {"score_chosen": better, "score_rejected": worse}
        return {"prompt": asked["content"], "chosen": answers[0], "rejected": answers[1], **scores}

    return [row(1, 8, 4), row(2, 9, 8.5), row(3, 5, 5), row(4, 2, 7)]


def imdb():
    rows = [
        ("the film begins well and ends in great joy for us all", "positive"),
        ("the film begins well but sinks into boredom soon after noon", "negative"),
        ("no other review opens like this one and it is fine", "positive"),
        ("a very short film about rain and nothing else at all", "negative"),
        ("a very short film about rain and nothing else at all", "negative"),
        ("one", "positive"),
        ("who can say what this review thinks of the long film", "unknown"),
    ]
    return [{"review": text, "sentiment": label} for text, label in rows]


def file_of(folder, name, rows):
    path = folder / f"{name}.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


COLUMNS = "columns={prompt: ask, chosen: best, rejected: other, labeler: by, margin: lead}"
CASES = {
    # examples, prompts, demonstrations, pairs, dispreferred; refused by reason; duplicates
    "hh-rlhf": (
        hh_rlhf, [], (7, 6, 6, 6, 0),
        {EQUAL: 1, "not a transcript": 1,
         f"{EQUAL} but for case, punctuation or white space": 1}, 1,
    ),
    # two safe: 0 is better; one safe: it is chosen; none: both answers are dispreferred
    "pku-saferlhf": (
        pku_saferlhf, [], (7, 7, 4, 4, 6),
        {"column is_response_0_safe is neither 0 nor 1": 1}, 1,
    ),
    "negatives": (
        negatives, [], (4, 4, 0, 0, 6), {"no response": 1, "empty text in column prompt": 1}, 0,
    ),
    "preferences": (
        preferences, [COLUMNS], (5, 5, 5, 5, 0),
        {"empty text in column best": 1, "column lead is no number": 1}, 0,
    ),
    "prompts": (prompts, [], (2, 2, 0, 0, 0), {"no value in column prompt": 1}, 1),
    "shp": (
        shp, [], (3, 3, 2, 2, 0),
        {"tie: both comments have the same score": 1, "label contradicts the scores": 1}, 0,
    ),
    "ultrafeedback-binarized": (
        ultrafeedback, [], (2, 2, 2, 2, 0),
        {"tie: both answers have the same score": 1, "chosen has a lower score than rejected": 1},
        0,
    ),
    # of the seven two make a pair, two stand alone, one repeats another
    "imdb": (
        imdb, ["imdb_pairs=shared-prefix", "min_prefix_words=2", "max_prefix_words=4"],
        (3, 3, 4, 1, 0),
        {"no words after the prefix": 1, "sentiment is neither positive nor negative": 1}, 1,
    ),
    "risk-synthetic": (None, ["num_situations=40"], (40, 40, 40, 40, 0), {}, 0),
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES)
def ingested(request, prefect_api, tmp_path_factory):
    """Give a source, its store and the stages of its ingest."""
    source, folder = request.param, tmp_path_factory.mktemp(request.param)
    make, settings, *_ = CASES[source]
    path = [f"params.path={file_of(folder, source, make())}"] if make else []
    given = [f"params.source={source}", "params.max_refused_share=1", "curate.max_refused_share=1"]
    root = folder / "data"
    result = ingest(root, *given, *path, *(f"params.{setting}" for setting in settings))
    return source, root, result.stages


def test_every_table_gets_the_rows_that_are_its_own(ingested):
    source, _, (read, checked) = ingested
    rows = {**read.rows, **checked.rows}
    assert tuple(rows[table] for table in TABLES) == CASES[source][2]
    assert read.rows["quarantine"] + checked.rows["quarantine"] == sum(CASES[source][3].values())
    assert checked.rows["quality"] > 0


REASONS = "select reason, count(*) num_rows from quarantine group by all"


def printed(root, stages):
    """Return the table of rows as it is printed, cell by cell."""
    table = rows_table(str(root), stages)
    outcomes, counts = (list(column.cells) for column in table.columns)
    total = table.columns[1].footer
    return {name: int(count.replace(",", "")) for name, count in zip(outcomes, counts, strict=True)}, int(total)  # fmt: skip


def test_sql_and_the_printed_table_agree_on_the_refused_rows(ingested):
    source, root, stages = ingested
    answer = open_store(root).sql(REASONS).to_pylist()
    reasons = {row["reason"]: row["num_rows"] for row in answer}
    outcomes, _ = printed(root, stages)
    told = {
        name.removeprefix("refused: "): count
        for name, count in outcomes.items()
        if name.startswith("refused: ")
    }
    assert reasons == told == CASES[source][3]


def test_rows_read_are_kept_refused_or_duplicates(ingested):
    source, root, stages = ingested
    outcomes, total = printed(root, stages)
    assert sum(outcomes.values()) == total
    assert outcomes["duplicates"] == CASES[source][4]
    make = CASES[source][0]
    assert total == (len(make()) if make else 40)


def test_the_table_fits_a_terminal_and_names_the_source(ingested):
    source, root, stages = ingested
    console = Console(file=StringIO(), width=80)
    console.print(rows_table(str(root), stages))
    text = " ".join(console.file.getvalue().split())
    assert f"rows of {source}" in text
    assert "kept" in text
    assert "read" in text


def test_every_row_names_the_line_that_it_came_from(ingested):
    _, root, (_, checked) = ingested
    store = open_store(root)
    origins = "select origin from {} where origin not like '%_:_%'"
    for table in ("prompts", "demonstrations", "pairs", "dispreferred"):
        assert store.sql(origins.format(table)).num_rows == 0
    prompts = store.sql("select count(distinct prompt_id) n from prompts").to_pylist()
    assert prompts == [{"n": checked.rows["prompts"]}]


def test_the_printed_table_counts_rows_that_are_refused_after_ingest_once(tmp_path, prefect_api):
    rows = [{"prompt": f"question {n}", "chosen": "yes", "rejected": "no"} for n in range(20)]
    rows += [{"prompt": "last", "chosen": "Yes", "rejected": "yes."}]
    path = file_of(tmp_path, "preferences", rows)
    stages = ingest(
        tmp_path / "data", "params.source=preferences", f"params.path={path}"
    ).stages  # fmt: skip
    outcomes, total = printed(tmp_path / "data", stages)
    reason = f"refused: {EQUAL} but for case, punctuation or white space"
    assert outcomes == {"kept": 20, reason: 1, "duplicates": 0}
    assert total == 21


def test_rows_refused_by_ingest_count_towards_the_limit_of_curation(tmp_path, prefect_api):
    rows = [{"prompt": f"question {n}", "chosen": "yes", "rejected": "no"} for n in range(18)]
    rows += [{"prompt": "one", "chosen": "same", "rejected": "same"}]
    rows += [{"prompt": "two", "chosen": "Yes", "rejected": "yes."}]
    path = file_of(tmp_path, "preferences", rows)
    settings = ("params.source=preferences", f"params.path={path}", "params.max_refused_share=0.05")
    with pytest.raises(InputError, match=r"2 of 20 rows \(10.0%\)"):
        ingest(tmp_path / "data", *settings)
    read, checked = ingest(tmp_path / "data", *settings, "curate.max_refused_share=0.1").stages
    assert (read.reused, checked.reused) == (True, False)
