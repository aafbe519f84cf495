import pytest

from storage.input_error import InputError
from tasks.annotation.page.page_settings import check_binding


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"])
def test_this_machine_alone_may_be_served_without_tokens(host: str) -> None:
    check_binding(host, has_tokens=False)


@pytest.mark.parametrize(
    "host",
    [
        *("0.0.0.0", "::", "", "192.168.1.5", "10.0.0.1", "fe80::1", "example.org", "127.1"),
        *("localhost.example.org", "::ffff:0.0.0.0", "0", "127.0.0.1:80"),
    ],
)
def test_any_other_address_is_refused_without_tokens(host: str) -> None:
    with pytest.raises(InputError, match=r"invite each annotator.*or serve 127\.0\.0\.1"):
        check_binding(host, has_tokens=False)
    check_binding(host, has_tokens=True)
