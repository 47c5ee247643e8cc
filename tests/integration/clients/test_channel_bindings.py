"""A channel-binding client (pyspnego) against the three modes, and the names it says it signs in to.

The bindings are built from the certificate as the client sees it; the wrong ones from another, as with somebody between.
"""

from __future__ import annotations

import pytest

from tests.installation import HOST
from tests.integration.clients.conftest import LOOSE_HOST, STRICT_HOST
from tests.integration.clients.wire import wire

MODES = {"off": LOOSE_HOST, "allow": HOST, "require": STRICT_HOST}

EXPECTED = {
    ("off", "right"): "allowed",
    ("off", "wrong"): "allowed",
    ("off", "none"): "allowed",
    ("allow", "right"): "allowed",
    ("allow", "wrong"): "channel-binding-wrong",
    ("allow", "none"): "allowed",
    ("require", "right"): "allowed",
    ("require", "wrong"): "channel-binding-wrong",
    ("require", "none"): "channel-binding-missing",
}


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
@pytest.mark.parametrize(("mode", "sent"), EXPECTED)
def test_bindings(site, alice, arrived, logged, folder_sync, mode, sent, scheme):
    host, reason = MODES[mode], EXPECTED[mode, sent]
    with wire(site, host) as client:
        bindings = None if sent == "none" else client.bindings(of_another=sent == "wrong")
        answer, _ = client.sign_in(
            alice.query(),
            folder_sync,
            alice.upn,
            alice.password,
            scheme=scheme,
            hostname=host,
            bindings=bindings,
        )
        if reason == "allowed":
            assert answer.status == 200
            assert client.post(alice.query(), folder_sync).status == 200
            assert arrived.users() == [alice.upn] * 2
            return
        assert answer.status == 401
        assert not answer.token(scheme)
        assert arrived() == []
        logged(f"reason={reason}", f"login={alice.upn}")
        # What failed leaves nobody signed in on the connection.
        assert client.post(alice.query(), folder_sync).status == 401
        assert arrived() == []


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
@pytest.mark.parametrize(
    ("service", "hostname"),
    [
        ("http", HOST),
        ("HTTP", HOST.upper()),
        ("http", f"{HOST}:443"),
        ("host", HOST),
        ("http", "127.0.0.1"),
        ("http", "localhost"),
    ],
)
def test_the_names_we_are_called_by_are_accepted(
    site, alice, arrived, folder_sync, scheme, service, hostname
):
    """The last two stand in the publication's `ntlm_targets`."""
    with wire(site) as client:
        answer, _ = client.sign_in(
            alice.query(),
            folder_sync,
            alice.upn,
            alice.password,
            scheme=scheme,
            service=service,
            hostname=hostname,
        )
        assert answer.status == 200
    assert arrived.users() == [alice.upn]


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
@pytest.mark.parametrize(
    ("service", "hostname"),
    [
        ("http", "files.contoso.lab"),
        ("http", STRICT_HOST),
        ("http", f"{HOST}.evil.example"),
        ("http", f"evil.{HOST}"),
        ("cifs", HOST),
        ("ldap", HOST),
    ],
)
def test_a_sign_in_meant_for_another_server_is_refused(
    site, alice, arrived, logged, folder_sync, scheme, service, hostname
):
    with wire(site) as client:
        answer, _ = client.sign_in(
            alice.query(),
            folder_sync,
            alice.upn,
            alice.password,
            scheme=scheme,
            service=service,
            hostname=hostname,
        )
        assert answer.status == 401
        assert client.post(alice.query(), folder_sync).status == 401
    assert arrived() == []
    logged("reason=target-spn-wrong", f"login={alice.upn}")


def test_the_bindings_of_a_listener_do_not_serve_for_another_name_of_it(site, alice, arrived, folder_sync):
    """`localhost` is among the further names of one publication only."""
    with wire(site, STRICT_HOST) as client:
        answer, _ = client.sign_in(
            alice.query(),
            folder_sync,
            alice.upn,
            alice.password,
            hostname="localhost",
            bindings=client.bindings(),
        )
        assert answer.status == 401
    assert arrived() == []
