import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from handfast.settings import values


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (
            values.check_address,
            ["0.0.0.0:443", "[::]:443", "127.0.0.1:0"],
            [
                "443",
                ":443",
                "x:443",
                "::1:443",
                "1.2.3.4",
                "1.2.3.4:65536",
                "1.2.3.4:-1",
                "1.2.3.4:４",
                "[::1]",
            ],
        ),
        (values.check_optional_address, ["", "0.0.0.0:443"], ["x"]),
        (
            values.check_network,
            ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"],
            ["10.0.0.1/8", "x", "", "10.0.0.0/33"],
        ),
        (
            values.check_host,
            ["mail.example.com", "localhost", "xn--bcher-kva.example", "a_b.c"],
            [
                "Mail.example.com",
                "mail.example.com:443",
                "https://x",
                "1.2.3.4",
                "",
                "a..b",
                "-a.b",
                "a." + "b" * 64,
                "bücher.de",
                "*.x.de",
                "a.b.",
            ],
        ),
        (
            values.check_called_name,
            ["mail.example.com", "192.0.2.1", "2001:db8::1"],
            ["Mail.example.com", "a b", ""],
        ),
        (values.check_optional_host, ["", "a.b"], ["A B"]),
        (
            values.check_principal,
            ["", "svc-handfast@CONTOSO.LAB", "HTTP/gw.contoso.lab@LAB"],
            ["svc-handfast", "svc-handfast@", "@LAB", "svc-handfast@contoso.lab", "a b@LAB", "a@B@C"],
        ),
        (
            values.check_backend_url,
            ["https://a.b", "http://127.0.0.1:8080", "https://[::1]:8443/"],
            [
                "ftp://a",
                "https://",
                "https://a/path",
                "https://a?x",
                "https://u@a",
                "https://u:p@a",
                "https://a:x",
                "https://a:0",
                "a.b",
                "https://a b",
                "https://[::1",
            ],
        ),
        (values.check_service_url, ["https://a.b:7443"], ["http://a.b"]),
        (values.check_pin, ["ab" * 32], ["ab", "zz" * 32, ""]),
        (
            values.check_header_name,
            ["X-Remote-User"],
            ["", "X User", "Host", "authorization", "X_User", "X:"],
        ),
        (
            values.check_database,
            ["sqlite:////a/b.db", "postgresql://u@h/n", "postgresql+psycopg://u@h:5432/n"],
            [
                "sqlite:///rel.db",
                "sqlite://",
                "mysql://x",
                "postgresql://u:p@h/n",
                "",
                "postgresql://h:x/n",
                "http://[x",
            ],
        ),
        (
            values.check_published_path,
            ["", "/Microsoft-Server-ActiveSync"],
            ["x", "/a b", "/a?b", "/a\n", "/ä", "/a#b"],
        ),
        (values.check_printable, ["Handfast", ""], ['a"b', "a\\b", "ä", "a\nb"]),
    ],
)
def test_values(check, good, bad):
    for one in good:
        assert check(one) == one
    for one in bad:
        with pytest.raises(PydanticCustomError) as caught:
            check(one)
        assert caught.value.context["remedy"]


def test_fingerprints_are_kept_plain():
    assert values.check_pin(":".join(["AB"] * 32)) == "ab" * 32


@given(st.text())
def test_any_text_is_taken_or_refused(text):
    for check in (
        values.check_address,
        values.check_network,
        values.check_host,
        values.check_backend_url,
        values.check_database,
    ):
        with contextlib.suppress(PydanticCustomError):
            assert isinstance(check(text), str)
