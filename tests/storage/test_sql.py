import pyarrow.parquet as pq
import pytest
from small_rows import ingest, pair, prompts, write

from storage.input_error import InputError
from storage.store import open_store
from storage.tables.all_tables import ALL_TABLES
from storage.tables.pairs import PAIRS
from storage.tables.prompts import PROMPTS
from storage.work import Work


@pytest.fixture
def filled(store):
    ingest(store)
    return store


@pytest.mark.parametrize(
    "query",
    [
        "copy prompts to '{root}/stolen.csv'",
        "copy (select 1) to '{part}'",
        "explain analyze copy (select 1) to '{root}/stolen.csv'",
        "explain (analyze) copy (select 1) to '{root}/stolen.csv'",
        "EXPLAIN ANALYZE create table t as select 1",
        "attach '{root}/other.db'",
        "attach ':memory:' as m",
        "select 1; select 2",
        "select 1; drop view prompts",
        "drop view prompts",
        "insert into artifacts values (1)",
        "update artifacts set id = 1",
        "delete from artifacts",
        "create table t (a int)",
        "create view v as select 1",
        "pragma database_list",
        "pragma enable_profiling",
        "set enable_external_access = true",
        "set memory_limit = '1GB'",
        "call pragma_version()",
        "export database '{root}/export'",
        "install httpfs",
        "load httpfs",
        "checkpoint",
        "begin",
        "use memory",
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "from read_text('{root}/../outside.txt')",
        "from read_text('{outside}')",
        "from read_text('{root}/index.sqlite')",
        "from read_blob('{root}/artifacts/../../outside.txt')",
        "from glob('/etc/*')",
        "from read_parquet('https://example.org/x.parquet')",
        "from sniff_csv('/etc/passwd')",
        "from enable_logging(storage='file', storage_path='{root}/log')",
        "from query('copy (select 1) to ''{root}/stolen.csv''')",
        "with t as (copy (select 1) to '{root}/stolen.csv') select 1",
        "select * from secret_of_python",
        "select getenv('HOME')",
        "",
        ";",
        "-- nothing",
        "selec 1",
        "select",
        "select * from",
        "select 'open",
        "select nope from prompts",
        "select 1 / 'a'",
        "select \0",
        "explain explain select 1",
    ],
    ids=lambda query: query[:40] or "empty",
)
def test_anything_but_one_question_to_the_store_is_refused(filled, root, tmp_path, query):
    secret_of_python = [{"a": 1}]
    (tmp_path / "outside.txt").write_text("secret")
    before = sorted(path for path in root.rglob("*") if path.is_file())
    artifact = filled.resolve("prompts", "latest")
    part = root / artifact.path / "part-00000.parquet"
    with pytest.raises(InputError):
        filled.sql(query.format(root=root, part=part, outside=tmp_path / "outside.txt"))
    assert secret_of_python
    assert sorted(path for path in root.rglob("*") if path.is_file()) == before
    assert filled.verify() == []


def test_a_change_inside_a_question_changes_nothing(filled):
    """DuckDB takes a statement that writes in a WITH clause; only its own memory could change."""
    with pytest.raises(InputError):
        filled.sql("with t as (delete from prompts returning 1) select * from t")
    assert filled.sql("select count(*) as n from prompts").to_pylist() == [{"n": 3}]


def test_the_error_keeps_the_hint_of_duckdb(filled):
    with pytest.raises(InputError, match='Did you mean "prompts"'):
        filled.sql("select * from promts")
    with pytest.raises(InputError, match=r'Candidate bindings: .*"origin"'):
        filled.sql("select orgin from prompts")
    with pytest.raises(InputError, match="COPY statements are not run: the store is read-only"):
        filled.sql("copy prompts to 'x.csv'")
    with pytest.raises(InputError, match="there are 2 statements"):
        filled.sql("select 1; select 2")


@pytest.mark.parametrize(
    "query",
    [
        "select count(*) from prompts",
        "SELECT count(*) FROM Prompts;",
        'select count(*) from "prompts"',
        "select count(*) from main.prompts",
        "select count(*) from memory.main.prompts",
        "with p as (from prompts) select count(*) from p",
        "select (select count(*) from prompts)",
        "select count(*) from query('from pro' || 'mpts')",
        "select count(*) from query_table('prompts')",
        "/* a */ select count(*) -- b\nfrom prompts",
        "select count(*) from (values (1)) v join prompts on true",
    ],
    ids=ascii,
)
def test_a_table_is_seen_however_it_is_named(filled, query):
    """A view that is not mentioned is empty, so one that was overlooked would give 0."""
    assert filled.sql(query).columns[0].to_pylist() == [3]


@pytest.mark.parametrize(
    "query",
    ["describe prompts", "show tables", "summarize prompts", "explain select * from prompts"],
)
def test_the_store_can_be_explored(filled, query):
    assert filled.sql(query).num_rows > 0


def test_every_table_has_a_view_with_its_columns_though_nothing_is_stored(store):
    for table in ALL_TABLES:
        for name in (table.name, f"{table.name}_all"):
            answer = store.sql(f"select * from {name}")
            assert answer.column_names == [*table.schema.names, "artifact_id", "run_id"]
            assert answer.num_rows == 0
    names = {row["name"] for row in store.sql("show tables").to_pylist()}
    assert names == {
        *(table.name for table in ALL_TABLES),
        *(f"{table.name}_all" for table in ALL_TABLES),
        "artifacts",
        "parents",
    }


def test_each_row_knows_its_artifact_and_run(filled):
    artifact = filled.resolve("prompts", "latest")
    answer = filled.sql("select distinct artifact_id, run_id from prompts").to_pylist()
    assert answer == [{"artifact_id": artifact.artifact_id, "run_id": artifact.run_id}]


def test_at_most_the_asked_number_of_rows_comes_back(filled):
    query = "select origin from prompts order by origin desc"
    everything = filled.sql(query).to_pylist()
    for limit in (0, 1, 3, 100):
        assert filled.sql(query, limit=limit).to_pylist() == everything[:limit]
    assert filled.sql("from range(1000000000000)", limit=2).num_rows == 2
    with pytest.raises(InputError, match="limit is -1"):
        filled.sql(query, limit=-1)


def test_artifacts_and_parents_are_tables(store):
    source = ingest(store)["prompts"]
    with store.begin(Work("pairs", 1, {"n": 4}, [source.artifact_id]), [PAIRS]) as writer:
        writer.write(PAIRS, [pair(prompts(1)[0])])
        writer.stats(PAIRS, num_ties=2)
        artifact = writer.commit()["pairs"]
    store.supersede(source.artifact_id, "wrong")
    rows = store.sql(
        "select a.id, a.num_rows, a.params->>'n' as n, (a.stats->'num_ties')::int as ties, "
        "a.created_at <= now()::timestamp + interval 1 day as is_time, p.superseded "
        "from artifacts a join parents on a.id = artifact_id join artifacts p on p.id = parent_id"
    ).to_pylist()
    assert rows == [
        {
            "id": artifact.artifact_id,
            "num_rows": 1,
            "n": "4",
            "ties": 2,
            "is_time": True,
            "superseded": True,
        }
    ]


@pytest.mark.parametrize("name", ["lr=0.1", "a'b", "[x]*", "a b", "ä", "{a,b}", "100%"], ids=ascii)
def test_the_root_may_have_an_odd_name(tmp_path, name):
    """Without care `lr=0.1` becomes a column, and `[x]*` is taken for a pattern."""
    store = open_store(tmp_path / name)
    ingest(store)
    answer = store.sql("select * from prompts")
    assert answer.column_names == [*PROMPTS.schema.names, "artifact_id", "run_id"]
    assert answer.num_rows == 3


def test_a_column_that_older_artifacts_lack_is_null_in_them(store, root):
    """Such an artifact is made by rewriting the part of one of two without the column."""
    write(store, PAIRS, [pair(prompts(1)[0])], Work("pairs", 1))
    artifact = write(store, PAIRS, [pair(prompts(2)[1])], Work("pairs", 2))
    columns = store.read(artifact).drop_columns(["margin"])
    pq.write_table(columns, root / artifact.path / "part-00000.parquet")
    rows = store.sql("select margin, prompt_id from pairs").to_pylist()
    assert [row["margin"] for row in rows] == [None, None]
    assert store.read(artifact).schema == PAIRS.schema
    assert store.rows(PAIRS, artifact) == [pair(prompts(2)[1])]


def test_a_column_that_must_not_be_null_and_is_missing_makes_an_artifact_unreadable(store, root):
    artifact = write(store, PAIRS, [pair(prompts(1)[0])], Work("pairs", 1))
    columns = store.read(artifact).drop_columns(["origin"])
    pq.write_table(columns, root / artifact.path / "part-00000.parquet")
    with pytest.raises(InputError, match="was written as version 1 of table 'pairs'"):
        store.read(artifact)
