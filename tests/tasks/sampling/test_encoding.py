from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.input_error import InputError
from storage.tables.table import Message
from tasks.sampling.encoding import completion_text, encode, encode_prompt, render_prompt
from tasks.sampling.model import load_tokenizer
from tasks.training.base.scratch_model import BEGIN, END, train_tokenizer

TOKENIZER = train_tokenizer(
    ["The film was a quiet joy.", "I liked the film and the story."] * 3,
    vocab_size=300,
    context_tokens=128,
)
SHARED_MODELS = Path(__file__).parents[4] / "shared/models"
texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=40)


def text(content):
    return (Message("text", content),)


def ids(prompt, completion, **limits):
    limits = {"max_prompt_tokens": 64, "max_tokens": 256} | limits
    return encode(text(prompt), completion, TOKENIZER, **limits)


@given(texts, texts, texts)
def test_a_prompt_has_the_same_ids_whatever_follows_it(prompt, completion, other):
    assert ids(prompt, completion).prompt_ids == ids(prompt, other).prompt_ids


@given(texts, texts)
def test_a_completion_ends_with_its_only_end_token(prompt, completion):
    encoded = ids(prompt, completion)
    assert encoded.completion_ids.count(TOKENIZER.eos_token_id) == 1
    assert encoded.completion_ids[-1] == TOKENIZER.eos_token_id
    assert TOKENIZER.eos_token_id not in encoded.prompt_ids


@given(texts, texts)
def test_decoding_gives_the_completion_back(prompt, completion):
    encoded = ids(prompt, completion)
    decoded = completion_text(encoded.prompt_ids, encoded.completion_ids, TOKENIZER)
    assert decoded == completion.removesuffix(END)


def test_a_completion_that_sampling_cut_gets_no_end_token():
    whole = ids("The film", " was a joy")
    cut = encode(
        text("The film"),
        " was a joy",
        TOKENIZER,
        max_prompt_tokens=64,
        max_tokens=256,
        ended=False,
    )
    assert cut.completion_ids == whole.completion_ids[:-1]


def test_an_end_token_that_the_text_already_carries_is_not_doubled():
    assert ids("The film", " was a joy" + END) == ids("The film", " was a joy")


def test_special_tokens_inside_a_text_are_plain_text():
    """Otherwise a review that quotes the end token would end there."""
    encoded = ids(f"The {BEGIN}", f" film {END} was")
    assert encoded.prompt_ids.count(TOKENIZER.bos_token_id) == 1
    assert encoded.completion_ids.count(TOKENIZER.eos_token_id) == 1


def test_a_long_prompt_keeps_its_begin_token_and_its_end():
    whole = ids("I liked the film and the story", " a lot").prompt_ids
    cut = ids("I liked the film and the story", " a lot", max_prompt_tokens=4).prompt_ids
    assert cut == (whole[0], *whole[-3:])


def test_a_long_completion_keeps_its_start_and_loses_its_end_token():
    whole = ids("The film", " was a quiet joy").completion_ids
    prompt = ids("The film", None).prompt_ids
    cut = ids("The film", " was a quiet joy", max_tokens=len(prompt) + 2)
    assert cut.completion_ids == whole[:2]


def test_a_row_without_room_for_its_completion_says_so():
    encoded = ids("The film was a quiet joy", " indeed", max_tokens=3)
    assert encoded.is_empty
    assert not ids("The film", "").is_empty  # an empty answer still has its end token


def test_without_a_completion_there_are_only_prompt_ids():
    assert ids("The film", None).completion_ids == ()


def test_an_empty_prompt_is_the_begin_token():
    assert ids("", " x").prompt_ids == (TOKENIZER.bos_token_id,)


def test_a_conversation_without_a_template_becomes_human_and_assistant_turns():
    turns = (
        Message("system", "Be kind."),
        Message("user", "Hi"),
        Message("assistant", "Hello."),
        Message("user", "Bye"),
    )
    expected = "Be kind.\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Bye\n\nAssistant:"
    assert render_prompt(turns, TOKENIZER) == expected


def test_a_conversation_goes_through_the_chat_template_of_the_tokenizer():
    tokenizer = train_tokenizer(["Hi there"], vocab_size=300, context_tokens=64)
    tokenizer.chat_template = (
        "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}[assistant] {% endif %}"
    )
    turns = (Message("user", "Hi"),)
    assert render_prompt(turns, tokenizer) == f"{BEGIN}[user] Hi\n[assistant] "
    prompt_ids = encode_prompt(turns, tokenizer, max_prompt_tokens=64)
    assert prompt_ids.count(tokenizer.bos_token_id) == 1
    assert render_prompt(text("Hi"), tokenizer) == "Hi"


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param((), id="no messages"),
        pytest.param((Message("human", "Hi"),), id="unknown role"),
        pytest.param((Message("text", "a"), Message("user", "b")), id="text beside a turn"),
        pytest.param((Message("text", "a"), Message("text", "b")), id="two texts"),
    ],
)
def test_messages_that_cannot_be_rendered_are_refused(messages):
    with pytest.raises(InputError, match="cannot be rendered"):
        render_prompt(messages, TOKENIZER)


def shared_tokenizer(name):
    path = SHARED_MODELS / name
    if not path.is_dir():
        pytest.skip(f"{path} is not there; own tokenizers cover the same in this file")
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(path)


def test_sentencepiece_completions_get_no_space_that_they_do_not_have():
    """That tokenizer puts a space before every text: ' upon' alone would become two spaces."""
    tokenizer = shared_tokenizer("stories260K")
    together = tokenizer("Once upon a time").input_ids
    encoded = encode(
        text("Once"), " upon a time", tokenizer, max_prompt_tokens=64, max_tokens=64, ended=False
    )
    assert [*encoded.prompt_ids, *encoded.completion_ids] == together
    decoded = completion_text(encoded.prompt_ids, encoded.completion_ids, tokenizer)
    assert decoded == " upon a time"


def test_a_tokenizer_without_a_padding_token_keeps_its_end_token():
    path = SHARED_MODELS / "gpt2-tokenizer"
    if not path.is_dir():
        pytest.skip(f"{path} is not there")
    tokenizer = shared_tokenizer("gpt2-tokenizer")
    encoded = encode(text("Hi"), " you", tokenizer, max_prompt_tokens=8, max_tokens=16)
    assert encoded.completion_ids[-1] == tokenizer.eos_token_id == 50256


def test_a_scratch_tokenizer_is_loaded_as_it_was_made(tiny_checkpoint):
    loaded = load_tokenizer(tiny_checkpoint)
    assert (loaded.bos_token, loaded.eos_token) == (BEGIN, END)
    assert loaded.pad_token_id not in {loaded.bos_token_id, loaded.eos_token_id}
