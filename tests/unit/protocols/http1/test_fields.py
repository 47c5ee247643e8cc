import pytest

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.fields import (
    ANCHORS,
    connection_options,
    is_anchor,
    passes_to_backend,
    passes_to_client,
)


@pytest.mark.parametrize(
    "name",
    [
        "host",
        "authorization",
        "content-length",
        "transfer-encoding",
        "connection",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-anything",
        "x-real-ip",
        "x-beserver",
        "x-feserver",
        "x-remote-user",
        "proxy-authorization",
        "x_forwarded_for",
        "content_type",
        "x-request-id",
        "keep-alive",
        "x-original-url",
        "msexchproxyuri",
    ],
)
def test_stays_outside(name):
    assert not passes_to_backend(name.encode())


@pytest.mark.parametrize(
    "name", ["content-type", "user-agent", "x-ms-policykey", "ms-asprotocolversion", "cookie"]
)
def test_passes_behind(name):
    assert passes_to_backend(name.encode())


@pytest.mark.parametrize(
    "name",
    [
        "server",
        "x-powered-by",
        "x-aspnet-version",
        "x-feserver",
        "x-beserver",
        "x-diaginfo",
        "x-calculatedbetarget",
        "via",
        "www-authenticate",
        "connection",
        "transfer-encoding",
        "content-length",
    ],
)
def test_stays_inside(name):
    assert not passes_to_client(name.encode())


@pytest.mark.parametrize(
    "name", ["content-type", "ms-server-activesync", "set-cookie", "x-ms-location", "retry-after"]
)
def test_passes_outside(name):
    assert passes_to_client(name.encode())


def test_connection_options():
    assert connection_options([]) == frozenset()
    assert connection_options([b"Keep-Alive, X-Secret", b"", b",close ,"]) == {
        b"keep-alive",
        b"x-secret",
        b"close",
    }
    with pytest.raises(MalformedMessage):
        connection_options([b"close;x"])


@pytest.mark.parametrize("value", [b"keep-alive", b"Keep-Alive", b"KEEP-alive"])
def test_one_usual_option_is_read_in_any_case(value):
    assert connection_options([value]) == {b"keep-alive"}
    assert connection_options([b"close"]) == {b"close"}
    assert connection_options([]) == frozenset()


@pytest.mark.parametrize(
    "value",
    [
        b"alice@example.org",
        b"SMTP:alice@example.org",
        b"0b6cd3a2-6c3b-4a2f-9b1e-0f6f0a1b2c3d@example.org",
        b"o'brien+x@mail.example.org",
    ],
)
def test_one_address_is_an_anchor(value):
    assert is_anchor(value)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"alice",
        b"@example.org",
        b"a@",
        b"a@b@c",
        b"a@b:444",
        b"a@b/c",
        b"a@b c",
        b"a@b,c@d",
        b"a@b~1",
        b"ex02/ecp@b",
        b"a%2fb@c",
        b"<a@b>",
        b"a@[1.2.3.4]",
    ],
)
def test_what_is_no_address_is_none(value):
    assert not is_anchor(value)


@pytest.mark.parametrize("name", sorted(ANCHORS))
def test_an_anchors_name_alone_lets_nothing_pass(name):
    assert not passes_to_backend(name)
