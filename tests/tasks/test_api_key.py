"""Where the key of an API comes from."""

import pytest
from prefect.blocks.system import Secret

from storage.input_error import InputError
from tasks.api_key import NO_KEY, read_api_key

ELSEWHERE = "https://api.example.com/v1"


def test_the_key_is_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("MY_KEY", " sk-1 \n")
    assert read_api_key(ELSEWHERE, key_env="MY_KEY", key_block="") == "sk-1"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:9"])
def test_a_server_on_this_machine_needs_no_key(monkeypatch, host):
    monkeypatch.delenv("MY_KEY", raising=False)
    assert read_api_key(f"http://{host}/v1", key_env="MY_KEY", key_block="") == NO_KEY


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_key_is_refused_with_the_ways_to_give_one(monkeypatch, value):
    monkeypatch.delenv("MY_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("MY_KEY", value)
    with pytest.raises(InputError, match=r"MY_KEY is not set.*key_env.*key_block"):
        read_api_key(ELSEWHERE, key_env="MY_KEY", key_block="")


def test_a_secret_block_goes_before_the_environment(monkeypatch, prefect_api):
    monkeypatch.setenv("MY_KEY", "from-the-environment")
    Secret(value="from-the-block").save("judge-key", overwrite=True)
    assert read_api_key(ELSEWHERE, key_env="MY_KEY", key_block="judge-key") == "from-the-block"


def test_a_missing_block_is_refused(prefect_api):
    with pytest.raises(InputError, match=r"no Prefect Secret block 'nowhere'.*Blocks"):
        read_api_key(ELSEWHERE, key_env="MY_KEY", key_block="nowhere")
