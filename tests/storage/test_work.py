import hashlib
import math

import pytest

from storage.work import Work


def test_the_key_is_the_hash_of_the_canonical_json():
    """Written out by hand, so that a change of the key's definition does not go unnoticed."""
    work = Work("ingest", 2, {"b": [1, True], "a": 0.1}, ["p1"], 3, {"file": "ab"})
    canonical = '["ingest",2,{"a":0.1,"b":[1,true]},["p1"],3,{"file":"ab"}]'
    assert work.key == hashlib.sha256(canonical.encode()).hexdigest()[:32]


def test_the_order_of_parameters_does_not_matter():
    assert Work("s", 1, {"a": 1, "b": 2}).key == Work("s", 1, {"b": 2, "a": 1}).key


@pytest.mark.parametrize(
    "other",
    [
        Work("t", 1, {"a": 1}, ("p", "q"), 1, {"f": "x"}),
        Work("s", 2, {"a": 1}, ("p", "q"), 1, {"f": "x"}),
        Work("s", 1, {"a": 2}, ("p", "q"), 1, {"f": "x"}),
        Work("s", 1, {"a": 1}, ("q", "p"), 1, {"f": "x"}),
        Work("s", 1, {"a": 1}, ("p", "q"), 2, {"f": "x"}),
        Work("s", 1, {"a": 1}, ("p", "q"), 1, {"f": "y"}),
        Work("s", 1, {"a": 1}, ("p", "q"), 1, {"g": "x"}),
    ],
    ids=["stage", "version", "params", "order of parents", "seed", "content", "name of an input"],
)
def test_everything_that_decides_the_result_is_in_the_key(other):
    assert other.key != Work("s", 1, {"a": 1}, ("p", "q"), 1, {"f": "x"}).key


def test_a_parameter_that_is_not_a_number_has_no_key():
    """JSON would write it as null and take two different works for one."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        _ = Work("s", 1, {"beta": math.nan}).key


def test_a_parameter_that_json_does_not_know_has_no_key():
    with pytest.raises(TypeError, match="not JSON serializable"):
        _ = Work("s", 1, {"losses": {1, 2}}).key
