"""Templates by name, and from files that users write."""

import hashlib

import pytest

from storage.input_error import InputError
from tasks.sampling.instructions import MORAL_TEMPLATES
from tasks.sampling.template_set import load_templates, templates_fingerprint

GOOD = "kind: Answer kindly.\nshort: 'Answer briefly: one sentence.'\n"


def write(tmp_path, content, name="mine.yaml"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_the_sets_that_prefline_brings_along():
    assert load_templates("none") == {"": ""}
    assert load_templates("moral") == MORAL_TEMPLATES


@pytest.mark.parametrize("name", ["mine.yaml", "mine.txt", "moral.txt"])
def test_a_file_of_ones_own_keeps_its_order_whatever_its_ending(tmp_path, name):
    templates = load_templates(write(tmp_path, GOOD, name))
    assert list(templates.items()) == [
        ("kind", "Answer kindly."),
        ("short", "Answer briefly: one sentence."),
    ]


def test_other_content_is_another_fingerprint_and_a_set_has_none(tmp_path):
    path = write(tmp_path, GOOD)
    assert templates_fingerprint(path) == {"templates": hashlib.sha256(GOOD.encode()).hexdigest()}
    before = templates_fingerprint(path)
    assert templates_fingerprint(write(tmp_path, GOOD + "more: Answer well.\n")) != before
    assert templates_fingerprint("moral") == templates_fingerprint("none") == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds nothing; write one `name: instruction` line"),
        ("{}", "holds nothing"),
        ("just a text", "holds a str"),
        ("- Answer kindly.", "holds a list"),
        ("kind: 7", "'kind' is 7, not a text"),
        ("7: Answer kindly.", "the name 7 is no text"),
        ("kind:", "'kind' is None, not a text"),
        ("kind: ' '", "'kind' is empty; leave the line out, and set num_templated"),
        ("a: Be kind.\nb: ' Be kind. '", "'b' and 'a' are the same instruction"),
        ("a: Be kind.\na: Be fair.", "the name 'a' is there twice"),
        ("a: one: two", "is not readable: mapping values are not allowed here"),
        ("a: [", "is not readable"),
        (b"a: \xff\xfe", "is not UTF-8 text"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_file_that_holds_no_templates_is_an_input_error(tmp_path, content, message):
    with pytest.raises(InputError, match=r"mine\.yaml") as caught:
        load_templates(write(tmp_path, content))
    assert message in str(caught.value)


def test_a_name_that_is_neither_says_what_exists():
    with pytest.raises(InputError, match=r"neither a set \(none, moral\).*Did you mean 'moral'"):
        load_templates("morla")
    with pytest.raises(InputError, match="neither a set"):
        templates_fingerprint("/no/such/file.yaml")


@pytest.mark.parametrize("path", ["", "\0", "x" * 5000])
def test_what_cannot_be_a_file_is_an_input_error(path):
    with pytest.raises(InputError, match="cannot be read"):
        load_templates(path)
