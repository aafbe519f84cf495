"""Comparisons in JSONL and CSV: what is read, and what is refused with which reason."""

import gzip

import orjson
import pytest

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.prompts import prompt_id
from storage.tables.table import Message
from tasks.annotation.formats.read_comparisons import read_comparisons

GOOD = {"prompt": "Why is the sky blue?", "responses": ["Air scatters it.", "It is paint."]}


def written(tmp_path, content, name="sky.jsonl"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def read_lines(tmp_path, *rows):
    text = b"\n".join(row if isinstance(row, bytes) else orjson.dumps(row) for row in rows)
    return read_comparisons(written(tmp_path, text))


def only(read):
    assert read.refusals == ()
    (item,) = read.items
    return item


def test_a_row_becomes_a_comparison_and_its_answers_completions(tmp_path):
    read = read_lines(tmp_path, GOOD)
    item = only(read)
    asked = prompt_id("sky", [Message("user", "Why is the sky blue?")])
    assert (item.prompt_id, item.source, item.split) == (asked, "sky", "train")
    assert item.messages == (Message("user", "Why is the sky blue?"),)
    assert item.origin == "sky.jsonl:1"
    assert [response.text for response in item.responses] == ["Air scatters it.", "It is paint."]
    assert [response.policy for response in item.responses] == ["", ""]
    assert (item.judge, item.judged, item.gold) == ("", None, None)
    assert read.completions == tuple(
        Completion(
            prompt_id=asked,
            policy=policy,
            text=text,
            sample_index=0,
            temperature=1.0,
            seed=0,
            finish_reason="stop",
            num_tokens=0,
        )
        for policy, text in (("sky:1", "Air scatters it."), ("sky:2", "It is paint."))
    )
    assert [row.completion_id for row in read.completions] == [
        response.completion_id for response in item.responses
    ]
    assert read.labels == ()


SAME_ANSWERS = [
    pytest.param({"response_1": "x", "response_2": "y"}, id="numbered"),
    pytest.param({"response_2": "y", "response_1": "x"}, id="numbered in another order"),
    pytest.param({"response_1": "x", "response_2": "y", "response_3": None}, id="one left empty"),
    pytest.param({"response_a": "x", "response_b": "y"}, id="lettered"),
    pytest.param({"Response A": "x", "Response B": "y"}, id="with a space and capitals"),
    pytest.param({"answer1": "x", "answer2": "y"}, id="answers"),
    pytest.param({"answers": ["x", "y"]}, id="a list of answers"),
]


@pytest.mark.parametrize("answers", SAME_ANSWERS)
def test_answers_go_by_several_names(tmp_path, answers):
    item = only(read_lines(tmp_path, {"prompt": "?", **answers}))
    assert [response.text for response in item.responses] == ["x", "y"]
    assert item.judge == ""


def test_chosen_and_rejected_say_whom_the_file_prefers(tmp_path):
    item = only(read_lines(tmp_path, {"prompt": "?", "chosen": "x", "rejected": "y"}))
    assert [response.text for response in item.responses] == ["x", "y"]
    assert (item.judge, item.judged) == ("sky", "a")


def test_what_a_row_may_say_besides_is_read(tmp_path):
    row = {
        "id": 7,
        "prompt": [
            {"role": "system", "content": "Be short."},
            {"from": "human", "value": "Why?"},
        ],
        "responses": ["x", "y", "z"],
        "models": ["gpt", "llama", "gpt"],
        "gold": 2,
        "judge": "llm:gpt",
        "judged": "tie",
        "source": "faq",
        "split": "eval",
    }
    read = read_lines(tmp_path, row)
    item = only(read)
    assert item.messages == (Message("system", "Be short."), Message("user", "Why?"))
    assert (item.source, item.split, item.gold) == ("faq", "eval", "b")
    assert (item.judge, item.judged) == ("llm:gpt", "tie")
    assert [response.policy for response in item.responses] == ["gpt", "llama", "gpt"]
    assert [(row.policy, row.sample_index) for row in read.completions] == [
        ("gpt", 0),
        ("llama", 0),
        ("gpt", 1),
    ]


@pytest.mark.parametrize(("gold", "side"), [(1, "a"), ("2", "b"), ("b", "b"), ("tie", "tie")])
def test_gold_is_a_place_from_1_or_a_letter(tmp_path, gold, side):
    assert only(read_lines(tmp_path, {**GOOD, "gold": gold})).gold == side


NINE, TEN = [str(n) for n in range(9)], [str(n) for n in range(10)]
REFUSED = [
    pytest.param(b"{", "invalid JSON", id="half an object"),
    pytest.param(b"[1]", "not a JSON object", id="a list"),
    pytest.param(b'"text"', "not a JSON object", id="a text"),
    pytest.param(b'{"prompt": "\xff"}', "invalid UTF-8", id="bytes that are no UTF-8"),
    pytest.param(
        rb'{"prompt": "\ud83d", "responses": ["x", "y"]}',
        "lone surrogate: text that is not valid Unicode",
        id="half an emoji",
    ),
    pytest.param({"text": "?"}, "neither prompt and responses, nor", id="something else"),
    pytest.param({"prompt": "", "responses": ["x", "y"]}, "empty text for prompt", id="no words"),
    pytest.param({"prompt": " \n", "responses": ["x", "y"]}, "empty text for prompt", id="blank"),
    pytest.param(
        {"prompt": None, "responses": ["x", "y"]}, "no value for prompt", id="null prompt"
    ),
    pytest.param({"prompt": 7, "responses": ["x", "y"]}, "prompt is no text", id="a number"),
    pytest.param({"prompt": "a\0", "responses": ["x", "y"]}, "NUL character in prompt", id="NUL"),
    pytest.param(
        {"prompt": [], "responses": ["x", "y"]}, "prompt does not end in a user turn", id="no turns"
    ),
    pytest.param(
        {"prompt": [{"role": "assistant", "content": "hi"}], "responses": ["x", "y"]},
        "prompt does not end in a user turn",
        id="nothing is asked",
    ),
    pytest.param(
        {"prompt": [{"role": "tool", "content": "hi"}], "responses": ["x", "y"]},
        "prompt holds a role other than system, user, assistant and text",
        id="a role that nobody knows",
    ),
    pytest.param(
        {"prompt": ["hi"], "responses": ["x", "y"]},
        "prompt holds a message that is not {role, content}",
        id="a turn that is a text",
    ),
    pytest.param(
        {"prompt": "?", "responses": []}, "0 responses; 2 to 9 can be compared", id="none"
    ),
    pytest.param({"prompt": "?", "responses": ["x"]}, "1 responses; 2 to 9", id="one response"),
    pytest.param({"prompt": "?", "responses": TEN}, "10 responses; 2 to 9", id="ten responses"),
    pytest.param({"prompt": "?", "responses": "xy"}, "responses is no list", id="a text of two"),
    pytest.param(
        {"prompt": "?", "responses": ["x", 2]}, "response 2 is no text", id="a number in it"
    ),
    pytest.param({"prompt": "?", "responses": ["x", None]}, "no value for response 2", id="a null"),
    pytest.param({"prompt": "?", "responses": ["x", ""]}, "empty text for response 2", id="empty"),
    pytest.param(
        {"prompt": "?", "responses": ["x", " x\n"]}, "all responses are the same", id="same"
    ),
    pytest.param({"prompt": "?", "chosen": "x"}, "no value for rejected", id="chosen alone"),
    pytest.param(
        {"prompt": "?", "response_1": "x", "response_3": "z"},
        "a number is missing among the answers",
        id="a gap",
    ),
    pytest.param(
        {"prompt": "?", "response_1": "x", "response_b": "z"},
        "answers are numbered and lettered at once",
        id="numbers and letters",
    ),
    pytest.param(
        {**GOOD, "chosen": "x", "rejected": "y"},
        "answers under responses and chosen; leave one of them",
        id="answers twice",
    ),
    pytest.param({**GOOD, "models": ["gpt"]}, "models is no list of 2 names", id="a model too few"),
    pytest.param(
        {"prompt": "?", "responses": ["x", "x", "y"], "models": ["m", "m", ""]},
        "",
        id="fine: drawn twice",
    ),
    pytest.param({**GOOD, "gold": 0}, "gold is none of 1 to 2, tie", id="gold 0"),
    pytest.param({**GOOD, "gold": 3}, "gold is none of 1 to 2, tie", id="gold of a third"),
    pytest.param({**GOOD, "gold": True}, "gold is none of 1 to 2, tie", id="gold is true"),
    pytest.param({**GOOD, "gold": 1.0}, "gold is none of 1 to 2, tie", id="gold is 1.0"),
    pytest.param({**GOOD, "gold": "skip"}, "gold is none of 1 to 2, tie", id="gold is skip"),
    pytest.param({**GOOD, "gold": "\u0661"}, "gold is none of 1 to 2, tie", id="an Arabic one"),
    pytest.param({**GOOD, "gold": "ab"}, "gold is none of 1 to 2, tie", id="two letters"),
    pytest.param({**GOOD, "judged": 1}, "judged without a judge", id="nobody judged"),
    pytest.param(
        {**GOOD, "split": "test"}, "split is none of train, judge, eval", id="a fourth split"
    ),
    pytest.param({**GOOD, "source": 7}, "source is no text", id="a source without name"),
    pytest.param({**GOOD, "prefline": 7}, "prefline is no JSON object", id="not our export"),
    pytest.param({**GOOD, "prefline": "{"}, "prefline is no JSON object", id="a broken export"),
]


@pytest.mark.parametrize(("row", "reason"), REFUSED)
def test_a_row_that_cannot_be_used_is_refused_and_the_others_are_read(tmp_path, row, reason):
    read = read_lines(tmp_path, {"prompt": "before", "responses": NINE}, row, GOOD)
    assert len(read.items) == 2 + (not reason)
    if not reason:
        assert read.refusals == ()
        return
    (refusal,) = read.refusals
    assert refusal.reason.startswith(reason)
    first = orjson.dumps({"prompt": "before", "responses": NINE})
    assert (refusal.file, refusal.source, refusal.line) == ("sky.jsonl", "sky", 2)
    assert refusal.byte_offset == len(first) + 1
    raw = row if isinstance(row, bytes) else orjson.dumps(row)
    assert refusal.raw == raw.decode(errors="replace")


def test_the_row_that_says_the_same_again_is_refused(tmp_path):
    read = read_lines(tmp_path, GOOD, b"", GOOD)
    assert len(read.items) == 1
    assert [(row.line, row.reason) for row in read.refusals] == [(3, "repeats line 1")]


def test_a_row_that_knows_a_comparison_otherwise_is_refused(tmp_path):
    read = read_lines(tmp_path, GOOD, {**GOOD, "gold": 1})
    assert [row.reason for row in read.refusals] == [
        "contradicts line 1: the same comparison, but other facts"
    ]


def test_one_prompt_is_in_one_split(tmp_path):
    other = {"prompt": GOOD["prompt"], "responses": ["x", "y"], "split": "eval"}
    read = read_lines(tmp_path, GOOD, other)
    assert [row.reason for row in read.refusals] == ["its prompt is in split train further up"]


def test_answers_of_one_model_in_several_rows_are_one_completion(tmp_path):
    rows = [
        {"prompt": "?", "responses": ["x", other], "models": ["m", "n"]} for other in ("y", "z")
    ]
    read = read_lines(tmp_path, *rows)
    assert [item.responses[0].completion_id for item in read.items] == [
        read.completions[0].completion_id
    ] * 2
    assert [row.text for row in read.completions] == ["x", "y", "z"]


PACKINGS = [
    pytest.param(lambda text: text, "x.jsonl", id="plain"),
    pytest.param(gzip.compress, "x.jsonl.gz", id="packed"),
    pytest.param(gzip.compress, "x.jsonl", id="packed under another name"),
    pytest.param(lambda text: b"\xef\xbb\xbf" + text, "x.jsonl", id="byte order mark"),
    pytest.param(lambda text: text.replace(b"\n", b"\r\n"), "x.jsonl", id="Windows line ends"),
    pytest.param(lambda text: b"\n\n" + text, "x.txt", id="blank lines first"),
    pytest.param(lambda text: b"[" + text.replace(b"\n", b",") + b"]", "x.json", id="a list"),
    pytest.param(
        lambda text: b"[" + text.replace(b"\n", b",") + b"]", "x.jsonl", id="misnamed list"
    ),
]


@pytest.mark.parametrize(("pack", "name"), PACKINGS)
def test_the_content_tells_the_format_and_not_the_name(tmp_path, pack, name):
    text = orjson.dumps(GOOD) + b"\n" + orjson.dumps({**GOOD, "prompt": "And at night?"})
    read = read_comparisons(written(tmp_path, pack(text), name))
    assert read.refusals == ()
    assert [item.source for item in read.items] == ["x", "x"]
    assert [item.messages[0].content for item in read.items] == [GOOD["prompt"], "And at night?"]


def test_one_object_over_several_lines_is_one_comparison(tmp_path):
    path = written(tmp_path, orjson.dumps(GOOD, option=orjson.OPT_INDENT_2), "x.json")
    assert only(read_comparisons(path)).responses[1].text == "It is paint."


def test_half_an_emoji_in_a_list_costs_its_row_alone(tmp_path):
    text = rb'[{"prompt": "\ud83d", "responses": ["x", "y"]}, ' + orjson.dumps(GOOD) + b"]"
    read = read_comparisons(written(tmp_path, text, "x.json"))
    assert len(read.items) == 1
    (refusal,) = read.refusals
    assert (refusal.line, refusal.byte_offset) == (1, None)
    assert refusal.reason.startswith("JSON holds invalid Unicode")
    assert r"\ud83d" in refusal.raw


UNREADABLE = [
    pytest.param(b"", "it is empty", id="empty"),
    pytest.param(b"  \n\n", "it is empty", id="blank"),
    pytest.param(b"PK\x03\x04....", "a zip archive or a workbook", id="xlsx"),
    pytest.param(b"PAR1....", "it is Parquet", id="parquet"),
    pytest.param("prompt,chosen".encode("utf-16"), "it is UTF-16", id="UTF-16"),
    pytest.param(b"hello\nworld", "as CSV its columns would be 'hello'", id="prose"),
    pytest.param(b"question,label\na,b\n", "'question', 'label'", id="another CSV"),
    pytest.param(b"prompt,prompt\na,b\n", "a column twice", id="a column twice"),
    pytest.param(b'"prompt,response_1', "broken quotes", id="a header that does not end"),
    pytest.param(b"prompt,response_1,response_2\n", "there is none", id="a header alone"),
    pytest.param(b'{"text": "x"}\n', "neither prompt and responses", id="other objects"),
    pytest.param(b'{"a": \n', "invalid JSON", id="a broken object"),
    pytest.param(b"[[1, 2]]", "not a JSON object", id="a list of lists"),
    pytest.param(b"[", "no valid JSON", id="a broken list"),
    pytest.param(b"[]", "there is none", id="an empty list"),
    pytest.param(b"[" * 100_000, "no valid JSON", id="too deep a list"),
]


@pytest.mark.parametrize(("content", "why"), UNREADABLE)
def test_a_file_in_no_known_format_is_told_with_an_example_of_each(tmp_path, content, why):
    with pytest.raises(InputError) as error:
        read_comparisons(written(tmp_path, content, "what.jsonl"))
    assert why in str(error.value)
    for line in ("JSONL: {", "CSV: prompt,", "Label Studio: [{", "Argilla: [{"):
        assert line in str(error.value)


def test_a_path_without_a_file_is_told(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_comparisons(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="directory"):
        read_comparisons(tmp_path)


def test_a_gzip_file_that_breaks_off_is_told(tmp_path):
    packed = gzip.compress(orjson.dumps(GOOD) * 100)
    with pytest.raises(InputError, match="broken gzip"):
        read_comparisons(written(tmp_path, packed[:-9], "x.jsonl.gz"))


LABEL = {"annotator": "ann", "choice": "b"}


def test_labels_in_a_row_need_only_who_and_what(tmp_path):
    read = read_lines(
        tmp_path, {**GOOD, "gold": 1, "labels": [LABEL, {"annotator": "bo", "choice": 1}]}
    )
    ann, bo = read.labels
    assert (ann.annotator, ann.choice, ann.worst, ann.shown_order) == ("ann", "b", "a", "ab")
    assert (ann.seconds, ann.strength, ann.note, ann.queue) == (0.0, None, "", "sky")
    assert (ann.is_gold, ann.is_adjudication) == (True, False)
    assert ann.labelled_at == "1970-01-01T00:00:00+00:00"
    assert ann.comparison_id == read.items[0].item_id
    assert (bo.choice, bo.worst) == ("a", "b")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2026-11-21T10:00:00+00:00", "2026-11-21T10:00:00+00:00"),
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00.000000+00:00"),
        ("2026-11-21T12:00:00.5+02:00", "2026-11-21T10:00:00.500000+00:00"),
    ],
)
def test_times_are_kept_in_utc(tmp_path, given, read):
    (label,) = read_lines(tmp_path, {**GOOD, "labels": [{**LABEL, "labelled_at": given}]}).labels
    assert label.labelled_at == read


BAD_LABELS = [
    pytest.param("b", "a label is no JSON object", id="a text"),
    pytest.param({"choice": "b"}, "no value for annotator", id="nobody"),
    pytest.param(
        {"annotator": "ann"}, "choice is none of 1 to 2, tie, both_bad, skip", id="nothing"
    ),
    pytest.param({**LABEL, "choice": "c"}, "choice is none of", id="a third side"),
    pytest.param({**LABEL, "choice": "better"}, "choice is none of", id="a word"),
    pytest.param({**LABEL, "worst": "b"}, "worst is b where the choice is b", id="best and worst"),
    pytest.param(
        {**LABEL, "choice": "tie", "worst": 1}, "worst is a where", id="the worst of a tie"
    ),
    pytest.param({**LABEL, "strength": "very"}, "strength is none of slight, clear", id="very"),
    pytest.param({**LABEL, "seconds": -1}, "seconds is no number", id="negative seconds"),
    pytest.param({**LABEL, "seconds": "nan"}, "seconds is no number", id="no seconds"),
    pytest.param({**LABEL, "shown_order": "aa"}, "shown_order does not name", id="a side twice"),
    pytest.param({**LABEL, "shown_order": "90"}, "shown_order does not name", id="no sides"),
    pytest.param({**LABEL, "is_gold": "maybe"}, "is_gold is neither true nor false", id="maybe"),
    pytest.param({**LABEL, "labelled_at": "today"}, "labelled_at is no time", id="today"),
    pytest.param({**LABEL, "labelled_at": "2026-11-21T10:00"}, "no time zone", id="no time zone"),
    pytest.param(
        {**LABEL, "labelled_at": "0001-01-01T00:00:00+14:00"}, "before the year 1", id="before time"
    ),
    pytest.param({**LABEL, "note": 7}, "note is no text", id="a number as note"),
    pytest.param({**LABEL, "note": "x" * 5001}, "note is longer than 5,000", id="too long a note"),
    pytest.param(
        {**LABEL, "annotator": "a\nb"}, "annotator is no name of up to 200", id="two lines"
    ),
]


@pytest.mark.parametrize(("label", "reason"), BAD_LABELS)
def test_a_label_that_cannot_be_used_is_refused_and_its_comparison_read(tmp_path, label, reason):
    read = read_lines(tmp_path, {**GOOD, "labels": [LABEL, label]})
    assert len(read.items) == 1
    assert [one.annotator for one in read.labels] == ["ann"]
    (refusal,) = read.refusals
    assert refusal.reason.startswith("label: ")
    assert reason in refusal.reason
    assert refusal.raw == orjson.dumps(label).decode()


def test_a_label_that_is_nested_too_deeply_is_refused(tmp_path):
    deep = b'{"prompt": "?", "responses": ["x", "y"], "labels": [%b]}' % (b"[" * 500 + b"]" * 500)
    read = read_lines(tmp_path, deep)
    assert len(read.items) == 1
    (refusal,) = read.refusals
    assert (refusal.reason, refusal.raw) == ("label: a label is no JSON object", deep.decode())


def test_the_best_of_three_needs_a_worst(tmp_path):
    row = {"prompt": "?", "responses": ["x", "y", "z"], "labels": [LABEL, {**LABEL, "worst": 3}]}
    read = read_lines(tmp_path, row)
    assert [(label.choice, label.worst) for label in read.labels] == [("b", "c")]
    assert [row.reason.split(";")[0] for row in read.refusals] == ["label: no worst"]


def test_labels_that_are_no_list_are_refused(tmp_path):
    read = read_lines(tmp_path, {**GOOD, "labels": LABEL})
    assert (len(read.items), read.labels) == (1, ())
    assert [row.reason for row in read.refusals] == ["labels are no list"]
