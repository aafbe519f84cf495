import pytest
from small_rows import ingest, pair, prompts, write

from storage.input_error import InputError
from storage.store import open_store
from storage.tables.pairs import PAIRS
from storage.tables.prompts import PROMPTS
from storage.work import Work


@pytest.fixture
def many(store):
    """A store with prompts of 40 works, more than there are first hex digits."""
    works = [Work("ingest", 1, {"part": part}) for part in range(40)]
    return store, [write(store, PROMPTS, prompts(1, note=str(w.params)), w) for w in works]


def test_an_id_a_prefix_a_tag_and_latest_lead_to_an_artifact(many):
    store, artifacts = many
    chosen = artifacts[7]
    store.tag("gold", chosen.artifact_id)
    for reference in [chosen.artifact_id, chosen.artifact_id[:12], "gold", " gold ", "GOLD"]:
        assert store.resolve("prompts", reference) == chosen
        assert store.resolve(None, reference) == chosen
    assert store.resolve("prompts", "latest") == artifacts[-1]
    assert store.resolve(None, "latest") == artifacts[-1]


@pytest.mark.parametrize(
    "reference",
    [
        "",
        " ",
        "abc",
        "zzzz",
        "../../etc",
        "latest ",
        "*",
        "%",
        "f" * 32,
        "f" * 33,
        "a\nb",
        "\0",
        "é",
    ],
    ids=ascii,
)
def test_a_reference_that_fits_nothing_says_what_there_is(store, reference):
    """The pairs exist, so `latest` with a blank behind it is the one that fits."""
    rows = [pair(prompt) for prompt in prompts(2)]
    artifact = write(store, PAIRS, rows, Work("pairs", 1))
    store.tag("gold", artifact.artifact_id)
    if reference.strip() == "latest":
        assert store.resolve("pairs", reference) == artifact
        return
    with pytest.raises(InputError) as caught:
        store.resolve("pairs", reference)
    message = str(caught.value)
    assert repr(reference) in message
    assert artifact.artifact_id in message
    assert "gold" in message
    assert "prefix of at least 4" in message


def test_a_prefix_of_several_asks_for_more_digits(store, root):
    """Works are tried until two ids share four digits, which takes some hundred of 65,536."""
    seen = {}
    for part in range(5000):
        work = Work("ingest", 1, {"part": part})
        artifact = write(store, PROMPTS, [], work)
        other = seen.setdefault(artifact.artifact_id[:4], artifact)
        if other is not artifact:
            break
    with pytest.raises(InputError, match="is the start of 2 artifacts") as caught:
        store.resolve("prompts", artifact.artifact_id[:4])
    assert other.artifact_id in str(caught.value)
    assert open_store(root).resolve("prompts", artifact.artifact_id) == artifact


def test_an_artifact_of_another_table_is_named_as_such_with_its_sibling(store):
    outputs = ingest(store)
    with pytest.raises(InputError) as caught:
        store.resolve("quarantine", outputs["prompts"].artifact_id[:8])
    message = str(caught.value)
    assert "of table 'prompts', but one of table 'quarantine' is needed" in message
    assert outputs["quarantine"].artifact_id in message


def test_a_misspelt_tag_table_or_latest_is_guessed(store):
    artifact = ingest(store)["prompts"]
    store.tag("imdb-2026", artifact.artifact_id)
    with pytest.raises(InputError, match="Did you mean 'imdb-2026'"):
        store.resolve("prompts", "imbd-2026")
    with pytest.raises(InputError, match="Did you mean 'latest'"):
        store.resolve("prompts", "lastest")
    with pytest.raises(InputError, match="Did you mean 'prompts'"):
        store.resolve("prompt", "latest")


def test_an_empty_store_says_so(store, root):
    with pytest.raises(InputError, match="no artifact of table 'pairs' yet") as caught:
        store.resolve("pairs", "latest")
    assert str(root) in str(caught.value)


def test_latest_does_not_mean_what_was_retracted(store):
    artifact = ingest(store)["prompts"]
    store.supersede(artifact.artifact_id, "wrong")
    with pytest.raises(InputError, match="superseded"):
        store.resolve("prompts", "latest")
    assert store.resolve("prompts", artifact.artifact_id[:6]).superseded


def test_an_unknown_id_is_guessed_from_those_that_exist(store):
    identifier = ingest(store)["prompts"].artifact_id
    mistyped = identifier[:-1] + ("0" if identifier[-1] != "0" else "1")
    for action in (
        store.get,
        lambda wrong: store.supersede(wrong, "x"),
        lambda wrong: store.verify([wrong]),
    ):
        with pytest.raises(InputError, match=f"Did you mean {identifier}"):
            action(mistyped)


@pytest.mark.parametrize(
    "name",
    ["", "latest", "Gold", "-gold", ".gold", "go/ld", "..", "go ld", "gold\n", "g" * 65, "göld"],
    ids=ascii,
)
def test_a_bad_tag_name_is_refused(store, root, name):
    artifact = ingest(store)["prompts"]
    with pytest.raises(InputError, match="cannot be a tag"):
        store.tag(name, artifact.artifact_id)
    assert store.tags() == {}
    assert not (root / "tags").exists()


def test_a_tag_moves_and_outlives_the_index(store, root):
    outputs = ingest(store)
    store.tag("gold", outputs["prompts"].artifact_id)
    store.tag("gold", outputs["quarantine"].artifact_id)
    store.rebuild_index()
    assert open_store(root).tags() == {"gold": outputs["quarantine"].artifact_id}


def test_a_tag_that_leads_nowhere_is_named(store, root):
    ingest(store)
    (root / "tags").mkdir()
    (root / "tags" / "gold").write_text("ab" * 16)
    with pytest.raises(InputError, match="the tag 'gold' leads to"):
        store.resolve("prompts", "gold")
