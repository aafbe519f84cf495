import hashlib
from pathlib import Path

import pytest

from storage.input_error import InputError
from tasks.annotation.queue.queues import Queues, open_queues


@pytest.fixture
def queues(tmp_path: Path) -> Queues:
    return open_queues(tmp_path / "queues.sqlite")


def test_a_person_is_made_once_and_keeps_their_role(queues: Queues) -> None:
    ann = queues.annotator("ann")
    chief = queues.annotator("chief", "admin")
    assert queues.annotator("ann", "admin") == ann
    assert queues.annotator("chief") == chief
    assert (ann.name, ann.role, chief.role) == ("ann", "annotator", "admin")
    assert queues.annotators() == [ann, chief]


def test_a_token_is_of_whom_it_was_made_for_also_after_a_restart(queues: Queues) -> None:
    ann, bob = queues.invite("ann", "annotator"), queues.invite("bob", "admin")
    again = open_queues(queues.path)
    assert again.who(ann.token) == ann.annotator
    assert again.who(bob.token) == bob.annotator
    assert bob.annotator.role == "admin"
    assert len(ann.token) == 43  # 32 bytes in base64


def test_a_new_token_makes_the_old_one_void(queues: Queues) -> None:
    old = queues.invite("ann", "annotator")
    new = queues.invite("ann", "admin")
    assert new.annotator.annotator_id == old.annotator.annotator_id
    assert queues.who(old.token) is None
    assert queues.who(new.token) == new.annotator
    assert new.annotator.role == "admin"


def test_who_has_no_token_is_nobody_by_token(queues: Queues) -> None:
    queues.annotator("ann")
    token = queues.invite("bob", "annotator").token
    of_hash = hashlib.sha256(token.encode()).hexdigest()
    for guess in (
        "",
        "None",
        "ann",
        token[:-1],
        token + "x",
        token.upper(),
        of_hash,
        "\ud800",
        "%",
    ):
        assert queues.who(guess) is None


def test_the_token_is_neither_in_the_file_nor_in_a_representation(queues: Queues) -> None:
    new = queues.invite("ann", "annotator")
    assert new.token not in repr(new)
    written = b"".join(path.read_bytes() for path in queues.path.parent.iterdir())
    assert b"ann" in written
    assert new.token.encode() not in written


NAMES = {
    "empty": "",
    "a space at the end": "ann ",
    "a line break": "an\nn",
    "a mark that turns text round": "ann\u202e",
    "half a character": "\ud800",
    "too long": "x" * 201,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_what_cannot_be_a_name_is_refused(queues: Queues, name: str) -> None:
    for make in (queues.annotator, lambda name: queues.invite(name, "annotator")):
        with pytest.raises(InputError, match="cannot be the name of an annotator"):
            make(name)
    assert queues.annotators() == []
