from __future__ import annotations

import pytest

from handfast.protocols.autodiscover.mail_address import parse_mail_address
from handfast.protocols.errors import MalformedMessage


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alice@lab.test", ("alice", "lab.test")),
        (" Alice.Adams+x@LAB.Test. ", ("Alice.Adams+x", "lab.test")),
        ("o'hara@sub.lab.test", ("o'hara", "sub.lab.test")),
        ("j\u00f6rg@b\u00fccher.test", ("j\u00f6rg", "b\u00fccher.test")),
        (
            "7c1d2e3f-4a5b-4c6d-8e9f-0a1b2c3d4e5f@lab.test",
            ("7c1d2e3f-4a5b-4c6d-8e9f-0a1b2c3d4e5f", "lab.test"),
        ),
        ("a@localhost", ("a", "localhost")),
    ],
)
def test_a_bare_address_is_taken_apart(text, expected):
    assert parse_mail_address(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "@lab.test",
        "alice@",
        "alice@lab@test",
        "a@lab..test",
        "a@.lab.test",
        "a@-lab.test",
        "a@[10.0.0.1]",
        "a@10.0.0.1:25",
        '"a b"@lab.test',
        "a b@lab.test",
        "Alice <alice@lab.test>",
        "alice@lab.test, bob@lab.test",
        "alice@lab.test;bob@lab.test",
        "a\x00@lab.test",
        "a@lab.test\nx@lab.test",
        "a@lab.test/../x",
        "a@lab.test?x=y",
        "a" * 65 + "@lab.test",
        "a@" + "b." * 200 + "test",
    ],
)
def test_anything_else_is_none(text):
    with pytest.raises(MalformedMessage, match="address"):
        parse_mail_address(text)
