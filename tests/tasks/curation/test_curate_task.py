"""The curation stage: what it writes, what it refuses, and what is left when it stops."""

import random
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from flows.curate import curate
from flows.ingest import ingest
from storage.input_error import InputError
from storage.store import open_store
from storage.tables.demonstrations import DEMONSTRATIONS
from storage.tables.dispreferred import DISPREFERRED
from storage.tables.examples import EXAMPLES, Example
from storage.tables.pairs import PAIRS
from storage.tables.prompts import PROMPTS
from storage.tables.quality import QUALITY
from storage.tables.quarantine import QUARANTINE
from storage.tables.table import Message
from storage.work import Work
from tasks.curation.params import CurateParams
from tasks.ingest.params import IngestParams

OVERLAP = "shares a run of words with an evaluation prompt"
OVER_LONG = "over max_tokens"
REPEATED = "repeats an earlier row but for case, punctuation or white space"
EQUAL = "chosen equals rejected but for case, punctuation or white space"
NUM_PLAIN = 400
RUN = 13

_draw = random.Random(8)
_VOCABULARY = ["".join(_draw.choices("abcdefghijklmnop", k=7)) for _ in range(4_000)]


def words(number):
    return _draw.sample(_VOCABULARY, number)


def example(line, prompt, **fields):
    given = {"chosen": f" yes {line}", "rejected": f" no {line}", "byte_offset": 100 * line}
    return Example(
        source="rows",
        messages=(Message("user", prompt),),
        file="rows.jsonl",
        line=line,
        **{**given, **fields},
    )


def made_rows():
    """Return rows with planted faults: leaks of 13 and of 12 words, near and exact copies."""
    prompts = [words(30) for _ in range(NUM_PLAIN)]
    rows = []
    for line, (prompt, other) in enumerate(pairwise([*prompts, prompts[0]]), start=1):
        leaked = {0: other[4:17], 1: other[4:16]}.get(line % 4, [])
        answer = " ".join([*words(6), *leaked, *words(6)])
        rows.append(example(line, " ".join(prompt), chosen=f" {answer}."))
    line = NUM_PLAIN
    for prompt in prompts[:40]:  # 27 of 29 runs of three words are the same: 0.93 by Jaccard
        near = [*prompt[:29], *words(1)]
        rows.append(example(line := line + 1, " ".join(near)))
    for row in rows[50:60]:
        louder = row.messages[0].content.upper() + "?"
        rows.append(replace(row, messages=(Message("user", louder),), line=(line := line + 1)))
    # the same pair with an answer more: nothing that repeats a row
    rows += [replace(row, negatives=(" never",), line=row.line + 10_000) for row in rows[60:65]]
    rows.append(example(line := line + 1, "joined", chosen=" a" * 5_000, more_origins=("b:1",)))
    rows.append(example(line + 1, "alike", chosen=" Yes!", rejected=" yes"))
    return rows


ROWS = made_rows()
NUM_ROWS = len(ROWS) + 1  # one example is made of two rows


def write_examples(root, rows=ROWS, *, refused=None):
    """Return the id of an artifact with these examples, as an ingest would leave it."""
    store, faults = open_store(root), refused or {}
    work = Work(stage="ingest", stage_version=2, params={"source": "rows"}, inputs={"rows": "1"})
    with store.begin(work, (EXAMPLES, QUARANTINE)) as writer:
        writer.write(EXAMPLES, rows)
        kept = sum(row.num_rows for row in rows)
        writer.stats(EXAMPLES, rows_read=kept + sum(faults.values()), rows_kept=kept)
        writer.stats(EXAMPLES, duplicates=0, refused=faults)
        return writer.commit()["examples"].artifact_id


def curated(root, examples, **params):
    return curate(examples, CurateParams(**params), root=str(root))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("curate") / "data"


@pytest.fixture(scope="module")
def examples(root):
    return write_examples(root)


@pytest.fixture(scope="module")
def result(prefect_api, root, examples):
    return curated(root, examples, max_refused_share=1)


@pytest.fixture(scope="module")
def rows_of(root, result):
    store = open_store(root)
    return lambda table: store.rows(table, store.get(result.outputs[table.name]))


@pytest.fixture(scope="module")
def stats(root, result):
    return open_store(root).get(result.outputs["prompts"]).stats


def test_all_tables_are_written_and_read_from_the_examples(result, root, examples):
    assert (result.stage, result.reused) == ("curate", False)
    names = {"prompts", "demonstrations", "pairs", "dispreferred", "quarantine", "quality"}
    assert set(result.outputs) == names
    assert all(result.rows.values())
    store = open_store(root)
    for name, artifact in result.outputs.items():
        assert store.get(artifact).parents == (examples,)
        assert store.get(artifact).rows == result.rows[name]
        assert store.get(artifact).params["source"] == "rows"
    assert store.verify() == []


def test_every_row_is_kept_or_refused_for_a_reason(stats, result):
    assert stats["rows_read"] == NUM_ROWS
    assert stats["rows_kept"] + sum(stats["refused"].values()) == NUM_ROWS
    assert set(stats["refused"]) == {OVERLAP, OVER_LONG, REPEATED, EQUAL}
    assert (stats["refused"][OVER_LONG], stats["refused"][EQUAL]) == (2, 1)
    assert stats["refused"][REPEATED] == 10
    made = ("prompts", "demonstrations", "pairs", "dispreferred")
    assert stats["written"] == {name: result.rows[name] for name in made}


def test_quarantine_holds_the_refused_rows_by_reason(rows_of, stats):
    refused = rows_of(QUARANTINE)
    assert Counter(row.reason for row in refused) == stats["refused"]
    by_line = {row.line: row for row in ROWS}
    for row in refused:
        if row.file == "rows.jsonl":
            assert row.byte_offset == 100 * row.line or row.reason == REPEATED
            told = orjson.loads(row.raw)
            assert told["messages"][0]["content"] == by_line[row.line].messages[0].content
    assert [row.line for row in refused if row.file == "b"] == [1]


def test_a_prompt_a_demonstration_and_a_pair_are_written_once_though_two_examples_share_them(
    rows_of,
):
    for table in (PROMPTS, DEMONSTRATIONS, PAIRS, DISPREFERRED):
        ids = [getattr(row, table.id_column) for row in rows_of(table)]
        assert len(ids) == len(set(ids))
    texts = {asked(row) for row in ROWS if row.negatives}
    shared = [row for row in rows_of(PAIRS) if asked(row) in texts]
    assert shared
    assert len(shared) == len({asked(row) for row in shared}) == len(rows_of(DISPREFERRED))
    assert {row.origin for row in shared} <= {f"rows.jsonl:{line}" for line in range(61, 66)}
    assert all(row.origin.startswith("rows.jsonl:100") for row in rows_of(DISPREFERRED))


SPLITS_OF_A_CLUSTER = """
select cluster from prompts where artifact_id = '{prompts}'
group by cluster having count(distinct split) > 1
"""
ELSEWHERE = """
select r.prompt_id from {table} r
left join prompts p on p.prompt_id = r.prompt_id and p.artifact_id = '{prompts}'
where r.artifact_id = '{rows}' and p.split is distinct from r.split
"""
SIZES = "select split, count(*) n from prompts where artifact_id = '{prompts}' group by split"


def test_no_cluster_stands_in_two_splits_and_every_row_in_that_of_its_prompt(root, result):
    store, made = open_store(root), result.outputs
    sizes = store.sql(SIZES.format(prompts=made["prompts"])).to_pylist()
    assert {row["split"] for row in sizes} == {"train", "judge", "eval"}
    assert store.sql(SPLITS_OF_A_CLUSTER.format(prompts=made["prompts"])).num_rows == 0
    for table in ("demonstrations", "pairs", "dispreferred"):
        query = ELSEWHERE.format(table=table, prompts=made["prompts"], rows=made[table])
        assert store.sql(query).num_rows == 0


def test_near_copies_of_a_question_are_one_cluster(rows_of):
    cluster = {row.origin: row.cluster for row in rows_of(PROMPTS)}
    near = [
        (cluster[f"rows.jsonl:{line}"], cluster[f"rows.jsonl:{NUM_PLAIN + line}"])
        for line in range(1, 41)
        if {f"rows.jsonl:{line}", f"rows.jsonl:{NUM_PLAIN + line}"} <= set(cluster)
    ]
    assert len(near) > 20
    assert all(first == second for first, second in near)


def runs(text):
    """Return all runs of 13 words, found without any of the checks' own code."""
    found = re.findall(r"[a-z0-9]+", text.lower())
    return {tuple(found[start : start + RUN]) for start in range(len(found) - RUN + 1)}


def asked(row):
    return "\n".join(turn.content for turn in row.messages)


def evaluated_runs(prompts):
    return set().union(*(runs(asked(row)) for row in prompts if row.split == "eval"))


def test_no_row_to_learn_from_shares_thirteen_words_with_an_evaluation_prompt(rows_of):
    evaluated = evaluated_runs(rows_of(PROMPTS))
    assert evaluated
    learned = [
        *(asked(row) for row in rows_of(PROMPTS) if row.split != "eval"),
        *(asked(row) + row.completion for row in rows_of(DEMONSTRATIONS) if row.split != "eval"),
        *(asked(row) + row.chosen for row in rows_of(PAIRS) if row.split != "eval"),
        *(asked(row) + row.rejected for row in rows_of(PAIRS) if row.split != "eval"),
        *(asked(row) + row.rejected for row in rows_of(DISPREFERRED) if row.split != "eval"),
    ]
    assert not any(runs(text) & evaluated for text in learned)


def test_the_planted_leaks_are_refused_and_no_other_row(prefect_api, root, examples, rows_of):
    """Without the check the same rows are in the same splits: compare every row with every one."""
    unchecked = curated(root, examples, max_refused_share=1, overlap="off")
    store = open_store(root)
    prompts = store.rows(PROMPTS, store.get(unchecked.outputs["prompts"]))
    split = {asked(row): row.split for row in prompts}
    evaluated = evaluated_runs(prompts)
    kept = [row for row in ROWS if asked(row) in split]
    leaking = {
        row.line
        for row in kept
        if split[asked(row)] != "eval" and runs(f"{asked(row)}\n{row.chosen}") & evaluated
    }
    assert leaking
    refused = {row.line for row in rows_of(QUARANTINE) if row.reason == OVERLAP}
    assert refused == leaking


def test_the_report_has_a_line_for_each_check(rows_of, stats):
    found = {row.check_name: row for row in rows_of(QUALITY)}
    assert found["overlap"].num_found == stats["refused"][OVERLAP]
    assert found["duplicates"].num_found == 10
    assert found["length"].num_found == 1  # examples; the one has two rows
    assert found["near_duplicates"].num_found >= 30
    assert found["splits"].num_found == 0


def test_the_same_work_is_not_done_twice(prefect_api, root, examples, result):
    again = curated(root, examples, max_refused_share=1)
    assert again.reused
    assert again.outputs == result.outputs


def few_rows(number):
    return [example(line, f"question {_VOCABULARY[line]}") for line in range(1, number + 1)]


@pytest.fixture
def unfit(tmp_path, prefect_api):
    """Give examples of which ingest refused four rows of a hundred, and curation will two."""
    rows = [
        *few_rows(94),
        example(95, "blank", chosen=" "),
        example(96, "long", chosen=" a" * 9_000),
    ]
    return tmp_path, write_examples(tmp_path, rows, refused={"no value in column chosen": 4})


def visible(root):
    return sorted((row.stage, row.table) for row in open_store(root).artifacts(superseded=True))


INGESTED = [("ingest", "examples"), ("ingest", "quarantine")]
KEPT = [("curate-unfit", "quality"), ("curate-unfit", "quarantine")]


def test_too_many_refused_rows_stop_the_stage_but_leave_the_rows_and_the_report(unfit):
    root, examples = unfit
    with pytest.raises(InputError) as stopped:
        curated(root, examples)
    said = str(stopped.value)
    assert said.startswith("6 of 100 rows (6.0%) are refused, more than max_refused_share 5.0%: ")
    for reason in ("4 no value in column chosen", "1 empty prompt or answer", f"1 {OVER_LONG}"):
        assert reason in said
    assert visible(root) == [*KEPT, *INGESTED]
    store = open_store(root)
    kept = [row for row in store.artifacts() if row.stage == "curate-unfit"]
    assert all(row.artifact_id[:12] in said for row in kept)
    assert store.get(examples).outputs["quarantine"][:12] in said
    reasons = store.sql("select reason from quarantine order by reason").to_pydict()["reason"]
    assert reasons == ["empty prompt or answer", OVER_LONG]
    found = store.sql("select num_found from quality where check_name = 'length'").to_pylist()
    assert found == [{"num_found": 2}]


def test_a_second_run_stops_in_the_same_way_and_leaves_nothing_more(unfit):
    root, examples = unfit
    with pytest.raises(InputError) as first:
        curated(root, examples)
    before = visible(root)
    with pytest.raises(InputError, match=re.escape(str(first.value))):
        curated(root, examples)
    assert visible(root) == before
    assert open_store(root).verify() == []


def test_a_higher_limit_lets_the_same_rows_through(unfit):
    root, examples = unfit
    with pytest.raises(InputError):
        curated(root, examples, max_refused_share=0.059)
    made = curated(root, examples, max_refused_share=0.06)
    assert not made.reused
    assert (made.rows["pairs"], made.rows["quarantine"]) == (94, 2)


def test_an_overlap_can_stop_the_stage(tmp_path, prefect_api):
    examples = write_examples(tmp_path)
    with pytest.raises(
        InputError, match=r"^overlap: \d+ of [\d,]+ examples .*'quarantine'"
    ) as said:
        curated(tmp_path, examples, overlap="fail", max_refused_share=1)
    assert visible(tmp_path) == [*KEPT, *INGESTED]
    store = open_store(tmp_path)
    (finding,) = store.sql("select * from quality where check_name = 'overlap'").to_pylist()
    assert (finding["action"], finding["flagged"]) == ("fail", True)
    assert finding["num_found"] > 0
    assert f"{finding['num_found']} of " in str(said.value)
    assert store.sql("select * from quarantine where reason = 'overlap'").num_rows == 0


def files(root):
    return {
        path.name for path in Path(root).rglob("*") if path.is_file() and "index" not in str(path)
    }


def test_an_unknown_tokenizer_is_told_and_nothing_is_left_behind(tmp_path, prefect_api):
    examples = write_examples(tmp_path, few_rows(5))
    before = files(tmp_path)
    with pytest.raises(InputError, match="no-such/tokenizer"):
        curated(tmp_path, examples, tokenizer="no-such/tokenizer")
    assert visible(tmp_path) == INGESTED
    assert files(tmp_path) == before


def test_examples_of_which_none_is_left_give_empty_tables(tmp_path, prefect_api):
    made = curated(tmp_path, write_examples(tmp_path, []))
    assert made.rows["prompts"] == made.rows["pairs"] == made.rows["quarantine"] == 0
    assert made.rows["quality"] > 0


def test_another_parameter_of_curation_does_not_read_the_source_again(tmp_path, prefect_api):
    params = IngestParams(num_reviews=60)
    first, _ = ingest(params, root=str(tmp_path)).stages
    read, checked = ingest(params, CurateParams(seed=1), root=str(tmp_path)).stages
    assert (read.reused, checked.reused) == (True, False)
    assert read.outputs == first.outputs
    assert len(open_store(tmp_path).artifacts("examples", superseded=True)) == 1
