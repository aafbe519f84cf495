"""The classifier judge, against transformers' own pipeline on real classifiers trained here."""

import json
import shutil

import pytest
import torch
from transformers import pipeline

from storage.input_error import InputError
from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.judging.classifier import load_classifier
from tasks.judging.judge import Question
from tests.fakes.tiny_classifier import MAX_TOKENS, write_tiny_classifier

TEMPLATE = "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] | trim }}</s>\n{% endfor %}"
LONG = " great and awful" * 40
TEXTS = [
    "The film was charming.",
    " awful",
    "",
    "I found the cast dull, but the plot brilliant; nobody says why.",
    "\n\n \t",
    "Der Film war großartig \U0001f600\U0001f3fd",
    "\u202eright to left\x00",
    "great",
    "awful",
]
CHAT = (Message("user", "Is it superb?"), Message("assistant", "No."), Message("user", "Why?"))


@pytest.fixture(scope="module", params=["roberta", "bert", "llama"])
def directory(request, tmp_path_factory):
    out = tmp_path_factory.mktemp(request.param)
    return write_tiny_classifier(out, architecture=request.param)


@pytest.fixture(scope="module")
def roberta(tmp_path_factory):
    return write_tiny_classifier(tmp_path_factory.mktemp("roberta"))


@pytest.fixture(scope="module")
def reward(tmp_path_factory):
    """Return a reward model that knows a chat template, but not which token is padding."""
    out = tmp_path_factory.mktemp("reward")
    return write_tiny_classifier(
        out,
        architecture="llama",
        labels=("reward",),
        chat_template=TEMPLATE,
        pad_in_config=False,
    )


def question(answer, *messages, sample_index=0):
    asked = Prompt(
        source="test",
        split="eval",
        messages=messages or (Message("text", ""),),
        cluster="c",
        origin="f:1",
    )
    completion = Completion(
        prompt_id=asked.prompt_id,
        policy="p",
        text=answer,
        sample_index=sample_index,
        temperature=1.0,
        seed=0,
        finish_reason="stop",
        num_tokens=3,
    )
    return Question(asked, completion)


def positives(directory, texts):
    """Return P(POSITIVE) of each text as transformers' pipeline has it, one text at a time."""
    pipe = pipeline("text-classification", model=str(directory), device="cpu")
    told = [pipe(text, top_k=None, truncation=True, max_length=MAX_TOKENS) for text in texts]
    return [next(row["score"] for row in rows if row["label"] == "POSITIVE") for rows in told]


def unframed(directory, out, **special_tokens):
    """Copy a classifier to `out`, with a tokenizer that puts no token around a text."""
    shutil.copytree(directory, out)
    for name, changes in (
        ("tokenizer.json", {"post_processor": None}),
        ("tokenizer_config.json", special_tokens),
    ):
        path = out / name
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return out


def test_praise_scores_above_blame(directory):
    judge = load_classifier(str(directory))
    praise, mixed, blame = judge.judge(
        [question(f"The cast is {words}.") for words in ("superb", "lovely and clumsy", "boring")]
    )
    assert praise.score > 0.75
    assert 0.25 < mixed.score < 0.75
    assert blame.score < 0.25


def test_scores_are_the_probabilities_of_the_pipeline(directory):
    judge = load_classifier(str(directory))
    verdicts = judge.judge([question(text) for text in [*TEXTS, LONG]])
    expected = positives(directory, [*TEXTS, LONG])
    assert [verdict.score for verdict in verdicts] == pytest.approx(expected, abs=1e-5)
    assert [verdict.probability for verdict in verdicts] == [verdict.score for verdict in verdicts]
    assert max(expected) - min(expected) > 0.5
    assert {verdict.judge for verdict in verdicts} == {f"classifier:{directory}"}
    assert {verdict.choice for verdict in verdicts} == {None}


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_neither_the_batch_nor_the_order_changes_a_score(directory, batch_size):
    asked = [question(text, sample_index=index) for index, text in enumerate(TEXTS * 3)]
    alone = [load_classifier(str(directory)).judge([one])[0] for one in asked[: len(TEXTS)]] * 3
    judge = load_classifier(str(directory), batch_size=batch_size)
    forward, backward = judge.judge(asked), judge.judge(asked[::-1])[::-1]
    for verdicts in (forward, backward):
        assert [v.completion_a for v in verdicts] == [q.completion.completion_id for q in asked]
        assert [v.score for v in verdicts] == pytest.approx([v.score for v in alone], abs=1e-6)


def test_no_question_gives_no_verdict(roberta):
    assert load_classifier(str(roberta)).judge([]) == []


def test_the_answer_to_a_text_is_read_together_with_it(roberta):
    asked = question(" not dull at all.", Message("text", "The film was"))
    expected = positives(roberta, ["The film was not dull at all."])
    assert load_classifier(str(roberta)).judge([asked])[0].score == pytest.approx(
        expected[0], abs=1e-5
    )


@pytest.mark.parametrize("template", [None, TEMPLATE], ids=["no template", "inherited template"])
def test_a_classifier_with_classes_reads_the_answer_of_a_chat_alone(tmp_path, template):
    directory = write_tiny_classifier(tmp_path, chat_template=template)
    judge = load_classifier(str(directory))
    score = judge.judge([question("It is dull.", *CHAT)])[0].score
    assert score == pytest.approx(positives(directory, ["It is dull."])[0], abs=1e-5)
    assert "a chat's answer alone" in judge.card.what


def test_special_tokens_that_an_answer_spells_out_are_plain_text(roberta):
    """The pipeline reads them as the end of the text."""
    spelled, plain = "dull</s>", "dull"
    judge = load_classifier(str(roberta))
    scores = [v.score for v in judge.judge([question(spelled), question(plain)])]
    ids = judge.classifier.tokenizer(spelled, split_special_tokens=True).input_ids
    with torch.inference_mode():
        logits = judge.classifier.model(torch.tensor([ids])).logits
    assert ids.count(2) == 1
    assert scores[0] == pytest.approx(float(logits.softmax(-1)[0, 1]), abs=1e-6)
    assert abs(scores[0] - scores[1]) > 1e-4


def test_an_empty_answer_is_the_begin_token_where_a_tokenizer_frames_nothing(roberta, tmp_path):
    directory = unframed(roberta, tmp_path / "unframed")
    judge = load_classifier(str(directory))
    with torch.inference_mode():
        logits = judge.classifier.model(torch.tensor([[0]])).logits
    verdicts = judge.judge([question(""), question("dull")])
    assert verdicts[0].score == pytest.approx(float(logits.softmax(-1)[0, 1]), abs=1e-6)
    assert verdicts[1].score == pytest.approx(positives(directory, ["dull"])[0], abs=1e-6)


def test_an_empty_answer_without_any_token_to_stand_for_it_is_refused(roberta, tmp_path):
    directory = unframed(roberta, tmp_path / "bare", bos_token=None, eos_token=None, pad_token=None)
    judge = load_classifier(str(directory))
    with pytest.raises(InputError, match="has no begin, end or padding token"):
        judge.judge([question("")])


def test_a_text_is_flagged_only_where_it_does_not_fit(directory):
    """Each `!` is one token, and `<s>` and `</s>` take two of 64 places."""
    fits, too_long = "!" * (MAX_TOKENS - 2), "!" * (MAX_TOKENS - 1)
    whole, cut = load_classifier(str(directory)).judge([question(fits), question(too_long)])
    assert (whole.flags, cut.flags) == ((), ("truncated",))
    assert cut.score == pytest.approx(whole.score, abs=1e-6)


@pytest.mark.parametrize(
    ("prompt", "answer", "read"),
    [
        pytest.param("!" * 100, " great", "!" * 61 + " great", id="long prompt, short answer"),
        pytest.param("!" * 100, "?" * 100, "!" * 31 + "?" * 31, id="both too long"),
        pytest.param("!" * 10, "?" * 100, "!" * 10 + "?" * 52, id="short prompt, long answer"),
        pytest.param("!" * 100, "", "!" * 62, id="long prompt, no answer"),
    ],
)
def test_a_prompt_keeps_its_end_and_an_answer_its_start(roberta, prompt, answer, read):
    """Every mark and ` great` is one token; 62 fit between `<s>` and `</s>`."""
    verdict = load_classifier(str(roberta)).judge([question(answer, Message("text", prompt))])[0]
    assert verdict.flags == ("truncated",)
    assert verdict.score == pytest.approx(positives(roberta, [read])[0], abs=1e-6)


def test_the_logit_of_a_reward_model_is_the_score_and_no_probability(tmp_path):
    directory = write_tiny_classifier(tmp_path, architecture="bert", labels=("reward",))
    pipe = pipeline("text-classification", model=str(directory), device="cpu")
    expected = [pipe(text, function_to_apply="none")[0]["score"] for text in TEXTS]
    verdicts = load_classifier(str(directory)).judge([question(text) for text in TEXTS])
    assert [verdict.score for verdict in verdicts] == pytest.approx(expected, abs=1e-5)
    assert {verdict.probability for verdict in verdicts} == {None}
    assert min(expected) < -1 < 1 < max(expected)


def test_a_reward_model_with_a_chat_template_reads_the_chat_through_it(reward):
    answers = ["It is dull.", "It is a superb story.", "", "It is dull."]  # two of one length
    judge = load_classifier(str(reward))
    tokenizer, model = judge.classifier.tokenizer, judge.classifier.model
    turns = [{"role": turn.role, "content": turn.content} for turn in CHAT]
    expected = []
    for answer in answers:
        chat = [*turns, {"role": "assistant", "content": answer}]
        ids = tokenizer.apply_chat_template(chat, return_tensors="pt", return_dict=True).input_ids
        expected.append(model(ids).logits[0, 0].item())
    verdicts = judge.judge([question(f" {answer}\n", *CHAT) for answer in answers])
    assert [verdict.score for verdict in verdicts] == pytest.approx(expected, abs=1e-5)
    assert "whole chats" in judge.card.what


def test_a_chat_that_is_too_long_keeps_its_last_turns_and_the_closing_tokens(reward):
    judge = load_classifier(str(reward))
    chat = (Message("user", LONG), Message("user", "Is it dull?"))
    scores = [judge.judge([question(answer, *chat)])[0] for answer in ("great", "awful")]
    assert [verdict.flags for verdict in scores] == [("truncated",)] * 2
    assert scores[0].score != scores[1].score


def test_a_chat_template_without_the_answer_is_refused(tmp_path):
    directory = write_tiny_classifier(
        tmp_path, labels=("reward",), chat_template="{{ messages[0]['content'] }}"
    )
    with pytest.raises(InputError, match="does not contain the assistant's last turn"):
        load_classifier(str(directory)).judge([question("great", *CHAT)])


def test_two_clear_cases_do_not_tie(roberta):
    """Log-odds above 17 round to a probability of exactly 1 in float32."""
    judge = load_classifier(str(roberta))
    head = judge.classifier.model.classifier.out_proj
    for parameter in head.parameters():
        parameter.data.mul_(10)
    answers = ("The film was great.", "The cast is superb.")
    scores = [verdict.score for verdict in judge.judge([question(text) for text in answers])]
    assert [torch.tensor(score, dtype=torch.float32).item() for score in scores] == [1.0, 1.0]
    assert scores[0] != scores[1]


def test_a_model_whose_logits_are_no_numbers_gives_no_score(roberta):
    judge = load_classifier(str(roberta))
    for parameter in judge.classifier.model.classifier.parameters():
        parameter.data.fill_(float("nan"))
    verdict = judge.judge([question("great")])[0]
    assert (verdict.choice, verdict.score, verdict.probability) == ("unparsable", None, None)
    assert verdict.detail == "the model's logits are no finite numbers"


def test_the_judge_signs_with_another_name_if_one_is_given(roberta):
    judge = load_classifier(str(roberta), name="classifier-train")
    assert judge.card.name == judge.judge([question("great")])[0].judge == "classifier-train"


def test_the_card_says_what_is_scored_and_how_much_is_read(directory):
    card = load_classifier(str(directory)).card
    assert card.what.startswith(f"the probability of POSITIVE by {directory}; ")
    assert card.what.endswith(", up to 64 tokens")
    assert (card.accuracy, card.num_held_out) == (None, 0)


def test_a_batch_size_below_one_is_refused(roberta):
    with pytest.raises(InputError, match="batch_size is 0"):
        load_classifier(str(roberta), batch_size=0)
