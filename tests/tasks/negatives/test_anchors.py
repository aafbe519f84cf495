"""Self-samples as anchors, drawn from a small real policy."""

import pytest

from storage.tables.negatives import Negative
from storage.tables.pairs import PreferencePair
from storage.tables.table import Message
from tasks.negatives.anchors import draw_anchors
from tasks.negatives.params import NegativesParams
from tasks.negatives.without_anchors import without_anchors
from tasks.sampling.instructions import MORAL_TEMPLATES


def negative(prompt, rejected, prompt_id=None):
    return Negative(
        prompt_id=prompt_id or f"id of {prompt}",
        source="bare",
        split="train",
        messages=(Message("text", prompt),),
        rejected=rejected,
        origin="f:1",
    )


NEGATIVES = [negative("The film", " was dull"), negative("The phone", " broke")]
PARAMS = NegativesParams(num_samples=5, max_tokens=6, device="cpu", seed=3)


def drawn(loaded, negatives=NEGATIVES, params=PARAMS):
    return draw_anchors(negatives, loaded, policy_id="sft", params=params)


def test_each_negative_gets_k_anchors_with_their_seeds_templates_and_policy(tiny_llama):
    rows = drawn(tiny_llama)
    assert [row.rejected for row in rows] == [" was dull", " broke"]
    for row, before in zip(rows, NEGATIVES, strict=True):
        assert len(row.anchors) == 5
        assert row.anchor_seeds == (3,) * 5
        assert row.anchor_templates == ("",) * 5
        assert row.anchor_policy == "sft"
        assert row.messages == before.messages
    assert rows[0].anchors != rows[1].anchors


def test_identical_prompts_share_their_draw(tiny_llama):
    more = [*NEGATIVES, negative("The film", " was bad", prompt_id="another source")]
    rows = drawn(tiny_llama, more)
    assert rows[2].anchors == rows[0].anchors
    assert rows[2].rejected == " was bad"


def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_the_rows(tiny_llama):
    forward, backward = drawn(tiny_llama), drawn(tiny_llama, NEGATIVES[::-1])
    assert forward == backward[::-1]
    other = drawn(tiny_llama, params=PARAMS.model_copy(update={"seed": 4}))
    assert other[0].anchors != forward[0].anchors


def test_moral_templates_take_turns_and_the_stored_prompt_stays_the_original(tiny_llama):
    params = PARAMS.model_copy(update={"templates": "moral", "num_samples": 8})
    (row,) = drawn(tiny_llama, NEGATIVES[:1], params)
    names = list(MORAL_TEMPLATES)
    turns = (*names[:1] * 2, *names[1:2] * 2, *names[2:3] * 2, *names[3:])
    assert row.anchor_templates == turns
    assert len(row.anchors) == 8
    assert row.messages == NEGATIVES[0].messages


def test_some_samples_may_come_from_the_bare_prompt(tiny_llama):
    """Five templates and six bare draws, which are those of a draw without templates."""
    mixed = PARAMS.model_copy(update={"templates": "moral", "num_samples": 11, "num_templated": 5})
    (row,) = drawn(tiny_llama, NEGATIVES[:1], mixed)
    assert row.anchor_templates == (*MORAL_TEMPLATES, *[""] * 6)
    (bare,) = drawn(tiny_llama, NEGATIVES[:1], PARAMS.model_copy(update={"num_samples": 6}))
    assert row.anchors[5:] == bare.anchors


def test_the_templates_of_a_file_are_put_before_the_prompt(tiny_llama, tmp_path):
    """A file with one of the moral templates draws what that template draws."""
    name = "thoughtful"
    path = tmp_path / "mine.yaml"
    path.write_text(f"mine: {MORAL_TEMPLATES[name]}\n")
    own = PARAMS.model_copy(update={"templates": str(path), "num_samples": 1})
    moral = PARAMS.model_copy(update={"templates": "moral", "num_samples": 5})
    (row,), (other,) = (drawn(tiny_llama, NEGATIVES[:1], params) for params in (own, moral))
    assert row.anchor_templates == ("mine",)
    assert row.anchors[0] == other.anchors[list(MORAL_TEMPLATES).index(name)]
    bare = drawn(tiny_llama, NEGATIVES[:1], PARAMS.model_copy(update={"num_samples": 1}))[0]
    assert row.anchors != bare.anchors


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"templates": "moral", "num_templated": 8}, r"num_templated \(8\).*num_samples \(7\)"),
        ({"num_templated": 3}, r"num_templated \(3\) needs templates, which is 'none'"),
        ({"templates": ""}, "templates"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        NegativesParams(**values)


def test_progress_counts_all_samples_over_all_templates(tiny_llama):
    told = []
    draw_anchors(
        NEGATIVES,
        tiny_llama,
        policy_id="sft",
        params=PARAMS.model_copy(update={"templates": "moral", "num_samples": 7}),
        progress=lambda done, total, _note="": told.append((done, total)),
    )
    assert told[-1] == (14, 14)
    assert told == sorted(told)


def test_no_negatives_need_no_draw(tiny_llama):
    assert drawn(tiny_llama, []) == []


def test_the_rejected_answer_of_a_pair_becomes_a_negative_that_knows_its_pair():
    pair = PreferencePair(
        prompt_id="p",
        source="hh-rlhf",
        split="train",
        messages=(Message("user", "?"),),
        chosen=" yes",
        rejected=" no",
        labeler_kind="dataset",
        labeler="hh-rlhf",
        origin="f:9",
    )
    (row,) = without_anchors([pair], [])
    assert (row.pair_id, row.rejected, row.origin) == (pair.pair_id, " no", "f:9")
    assert (row.anchors, row.anchor_policy) == ((), None)


@pytest.mark.parametrize("num_samples", [0, -1, 1025])
def test_the_number_of_self_samples_has_bounds(num_samples):
    with pytest.raises(ValueError, match="num_samples"):
        NegativesParams(num_samples=num_samples)
