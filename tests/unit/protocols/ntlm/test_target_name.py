import pytest

from handfast.protocols.ntlm.target_name import is_acceptable_target

HOSTS = frozenset(
    {"Mail.Example.Test", "autodiscover.example.test", "127.0.0.1", "::1", "fe80::2", "bare:8443"}
)


@pytest.mark.parametrize(
    "spn",
    [
        "",
        "host/unspecified",
        "HOST/unspecified",
        "HTTP/mail.example.test",
        "http/MAIL.example.test",
        "HTTP/mail.example.test:443",
        "HTTP/mail.example.test.",
        "HTTP/mail.example.test.:8443",
        "HTTP/mail.example.test/EXAMPLE",
        "HTTP/mail.example.test@EXAMPLE.TEST",
        "HOST/autodiscover.example.test",
        "HTTP/127.0.0.1:8443",
        "HTTP/[::1]:8443",
        "HTTP/[::1]",
        "HTTP/::1",
        "HTTP/fe80::2",
        "HTTP/bare",
    ],
)
def test_meant_for_us(spn):
    assert is_acceptable_target(spn, HOSTS)


@pytest.mark.parametrize(
    "spn",
    [
        "mail.example.test",
        "HTTP",
        "HTTP/",
        "/mail.example.test",
        "cifs/mail.example.test",
        "ldap/mail.example.test",
        "HTTPS/mail.example.test",
        "HTTP/other.example.test",
        "HTTP/mail.example.test.evil.test",
        "HTTP/evil-mail.example.test",
        "HTTP/unspecified",
        "HTTP/[::1",
        "unspecified",
    ],
)
def test_meant_for_others(spn):
    assert is_acceptable_target(spn, HOSTS - {"::1"}) is False


def test_without_published_names_only_silence_is_accepted():
    assert is_acceptable_target("", frozenset())
    assert not is_acceptable_target("HTTP/mail.example.test", frozenset())
