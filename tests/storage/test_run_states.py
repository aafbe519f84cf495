from hypothesis import given
from hypothesis import strategies as st

from storage.run_states import StageRun, Visible, reusable, run_states


def run(run_id, created_at, **outputs):
    return StageRun(run_id, created_at, "", outputs)


def test_a_run_that_lacks_an_output_shows_nothing():
    states = run_states([run("r1", "1", prompts="a", quarantine="b")], {"a"}, set())
    assert (states.complete, states.visible) == ((), ())


def test_the_rest_of_a_killed_commit_is_seen_once_another_run_completes_it():
    """The killed run wrote a and would have written b; the next wrote a again and c."""
    killed, following = run("r1", "1", t="a", u="b"), run("r2", "2", t="a", u="c")
    states = run_states([killed, following], {"a", "c"}, set())
    assert states.complete == (following,)
    assert set(states.visible) == {Visible("a", "r2", False), Visible("c", "r2", False)}


def test_a_newer_run_supersedes_only_the_tables_that_it_changed():
    first, second = run("r1", "1", t="a", u="b"), run("r2", "2", t="a", u="c")
    states = run_states([second, first], {"a", "b", "c"}, set())
    assert {seen.artifact_id: seen.superseded for seen in states.visible} == {
        "a": False,
        "b": True,
        "c": False,
    }


def test_without_the_newest_the_one_before_it_is_current_again():
    first, second = run("r1", "1", t="a"), run("r2", "2", t="b")
    states = run_states([first, second], {"a", "b"}, {"b"})
    assert {seen.artifact_id: seen.superseded for seen in states.visible} == {"a": False, "b": True}
    assert reusable(states.complete, {"b"}) == first
    assert reusable(states.complete, {"a", "b"}) is None


ids = st.sampled_from("abcd")
runs = st.lists(
    st.builds(run, ids, st.sampled_from("123"), t=ids, u=ids.map(str.upper)),
    unique_by=lambda each: each.run_id,
)


@given(
    runs, st.sets(st.sampled_from("abcdABCD")), st.sets(st.sampled_from("abcdABCD")), st.randoms()
)
def test_the_order_of_the_manifests_does_not_matter(all_runs, present, retracted, random):
    """An index that was filled commit by commit equals one that was rebuilt from a listing."""
    shuffled = list(all_runs)
    random.shuffle(shuffled)
    one = run_states(all_runs, present, retracted)
    other = run_states(shuffled, present, retracted)
    assert one.complete == other.complete
    assert set(one.visible) == set(other.visible)


@given(runs, st.sets(st.sampled_from("abcdABCD")))
def test_every_table_of_a_complete_run_has_one_current_artifact(all_runs, present):
    states = run_states(all_runs, present, set())
    current = [seen.artifact_id for seen in states.visible if not seen.superseded]
    assert len(current) == (2 if states.complete else 0)
    assert {seen.artifact_id for seen in states.visible} <= present
