import pytest
from small_rows import ingest, pair, prompts, write

from storage.input_error import InputError
from storage.tables.completions import COMPLETIONS
from storage.tables.pairs import PAIRS
from storage.tables.policies import POLICIES
from storage.work import Work


@pytest.fixture
def chain(store):
    """Prompts -> pairs -> policy, prompts -> completions <- policy: a diamond."""
    source = ingest(store)["prompts"]
    rows = [pair(prompt) for prompt in prompts(3)]
    pairs = write(store, PAIRS, rows, Work("pairs", 1, parents=[source.artifact_id]))
    policy = write(store, POLICIES, [], Work("train", 1, parents=[pairs.artifact_id]))
    parents = [policy.artifact_id, source.artifact_id]
    completions = write(store, COMPLETIONS, [], Work("sample", 1, parents=parents))
    return {"prompts": source, "pairs": pairs, "policies": policy, "completions": completions}


def steps(found):
    return [(step.depth, step.artifact.table) for step in found]


def test_up_leads_to_the_source_each_ancestor_once_at_its_smallest_depth(store, chain):
    found = store.lineage(chain["completions"].artifact_id, "up")
    assert sorted(steps(found)) == [(1, "policies"), (1, "prompts"), (2, "pairs")]


def test_down_leads_to_everything_that_was_made_from_it(store, chain):
    found = store.lineage(chain["prompts"].artifact_id, "down")
    assert sorted(steps(found)) == [(1, "completions"), (1, "pairs"), (2, "policies")]
    assert store.lineage(chain["completions"].artifact_id, "down") == []


def test_a_superseded_ancestor_still_is_one(store, chain):
    store.supersede(chain["pairs"].artifact_id, "relabelled")
    assert (1, "pairs") in steps(store.lineage(chain["policies"].artifact_id, "up"))


def test_lineage_is_the_same_from_a_new_index(store, chain):
    before = store.lineage(chain["completions"].artifact_id, "up")
    store.rebuild_index()
    assert store.lineage(chain["completions"].artifact_id, "up") == before


def test_the_lineage_of_nothing_is_an_error(store):
    with pytest.raises(InputError, match="has no artifact 'feed'"):
        store.lineage("feed", "up")
