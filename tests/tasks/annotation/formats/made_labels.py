"""Comparisons and labels as hypothesis draws them."""

from hypothesis import strategies as st

from storage.tables.labels import HumanLabel
from storage.tables.prompts import prompt_id
from storage.tables.table import Message, row_id
from tasks.annotation.comparison_item import SIDES, ComparisonItem, Response

ODD = (
    *(
        "=1+1",
        "'=1",
        "''@SUM(A1)",
        "'Tis",
        " \t-2",
        "\uff1d1",
        "\ufeff=1",
        "+",
        "\r",
        "\n",
        "a\r\nb",
    ),
    *('"', '""', ",", ";", "a;b,c\td", "<script>alert(1)</script>", "\u202egnp.exe", "\x1b[31mred"),
    *(
        '[{"role": "user", "content": "x"}]',
        "[{}]",
        "nul",
        "1",
        "true",
        "\U0001f469\u200d\U0001f680",
        " ",
    ),
)
texts = st.one_of(
    st.sampled_from(ODD),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
)
filled = texts.filter(lambda text: text.strip() != "")
names = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
questions = st.one_of(
    st.builds(lambda text: (Message("user", text),), filled),
    st.builds(lambda text: (Message("text", text),), filled),
    st.builds(
        lambda one, two, three: (
            Message("system", one),
            Message("user", two),
            Message("assistant", three),
            Message("user", one),
        ),
        *(filled, filled, filled),
    ),
)


@st.composite
def comparisons(draw):
    messages, source = draw(questions), draw(filled)
    count = draw(st.sampled_from([2, 2, 3, 9]))
    sides = (*SIDES[:count], "tie")
    judge = draw(st.one_of(st.just(""), filled))
    return ComparisonItem(
        prompt_id=prompt_id(source, messages),
        source=source,
        split=("train", "judge", "eval")[int(prompt_id(source, messages), 16) % 3],
        messages=messages,
        origin=draw(texts),
        responses=tuple(
            Response(
                completion_id=row_id(draw(st.integers(0, 10**9)), place),
                text=draw(texts),
                policy=draw(st.one_of(st.just(""), filled)),
            )
            for place in range(count)
        ),
        judge=judge,
        judged=draw(st.sampled_from(sides)) if judge else None,
        gold=draw(st.one_of(st.none(), st.sampled_from(sides))),
    )


@st.composite
def labels_of(draw, item):
    choice = draw(st.sampled_from([*item.sides, "tie", "both_bad", "skip"]))
    others = [side for side in item.sides if side != choice]
    worst = draw(st.sampled_from(others))
    time = draw(st.datetimes())
    return HumanLabel(
        comparison_id=item.item_id,
        prompt_id=item.prompt_id,
        completions=tuple(response.completion_id for response in item.responses),
        annotator=draw(names),
        choice=choice,
        worst=worst if choice in item.sides else None,
        strength=draw(st.sampled_from([None, "slight", "clear"])),
        shown_order="".join(draw(st.permutations(item.sides))),
        seconds=draw(st.floats(0, 1e6)),
        note=draw(texts),
        is_gold=draw(st.booleans()),
        is_adjudication=draw(st.booleans()),
        queue=draw(filled),
        labelled_at=f"{time.isoformat(timespec='microseconds')}+00:00",
    )


@st.composite
def labelled(draw):
    """Draw comparisons, each once, and labels in their order, each once."""
    items = draw(
        st.lists(comparisons(), min_size=1, max_size=3, unique_by=lambda item: item.item_id)
    )
    labels = [
        label
        for item in items
        for label in draw(st.lists(labels_of(item), max_size=3, unique=True))
    ]
    return items, labels
