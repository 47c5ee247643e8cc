import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.target import parse_target


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", "/", None),
        (b"/A/b?", "/a/b", b""),
        (b"/Microsoft-Server-ActiveSync?Cmd=X&User=D\\u", "/microsoft-server-activesync", b"Cmd=X&User=D\\u"),
        (b"/a%62c/", "/abc/", None),
        (b"/a%20b", "/a b", None),
        (b"/..a/b..", "/..a/b..", None),
        (b"http://h/x?y", "/x", b"y"),
        (b"HTTPS://H", "/", None),
        (b"http://h?y", "/", b"y"),
    ],
)
def test_targets(target, path, query):
    parsed = parse_target(target, b"h")
    assert (parsed.path, parsed.query) == (path, query)


@pytest.mark.parametrize(
    "target",
    [
        b"*",
        b"h:443",
        b"ftp://h/",
        b"http://other/",
        b"http://u@h/",
        b"//h",
        b"/a//b",
        b"/.",
        b"/a/../b",
        b"/a/..",
        b"/%2e%2e/x",
        b"/a%2fb",
        b"/a%5cb",
        b"/a\\b",
        b"/a%25b",
        b"/a%00",
        b"/a%7f",
        b"/%c0%ae",
        b"/a;b",
        b"/a%3bb",
        b"/a%",
        b"/a%g0",
        b"/a#b",
        b"/a?b#c",
        b"/a?b\x80",
        b"",
    ],
)
def test_targets_in_doubt(target):
    with pytest.raises(MalformedMessage):
        parse_target(target, b"h")


@given(st.binary(max_size=60))
def test_any_bytes_give_a_target_or_a_refusal(data):
    for target in (data, b"/" + data):
        try:
            parsed = parse_target(target, b"h")
        except MalformedMessage:
            continue
        assert parsed.path.startswith("/")
        assert ".." not in parsed.path.split("/")
        assert "//" not in parsed.path
        assert "\\" not in parsed.path
