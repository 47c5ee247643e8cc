"""The account's password is changed: the key table holds both keys until the domain has switched, and nothing stops."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from handfast.identity.directory.ports import DelegationFailure, TicketFailure, TicketRefused
from handfast.kerberos import key_table
from handfast.protocols.kerberos.keytab import encode_keytab, parse_keytab
from tests.kerberos_world import SPN, account, failure, opened
from tests.servers.gssapi_peer import GssapiClient
from tests.servers.samba import NEEDS, REALM
from tests.servers.samba_domain import PASSWORD

pytestmark = NEEDS
OURS = f"HTTP/gateway.contoso.lab@{REALM}"


@pytest.fixture
def keytab(dc, tmp_path):
    path = tmp_path / "keytab"
    shutil.copy(dc.keytab("gw"), path)
    path.chmod(0o600)
    return path


@pytest.fixture(autouse=True)
def _always_look(monkeypatch):
    monkeypatch.setattr(key_table, "LOOK_SECONDS", 0.0)


def put(path, entries):
    beside = path.with_name("keytab.new")
    beside.touch(0o600)
    beside.write_bytes(encode_keytab(entries))
    beside.replace(path)


def with_coming_key(entries):
    """The key of a password that the domain has not got yet, newer than the one it has."""
    coming = [replace(entry, kvno=entry.kvno + 1, key=bytes(len(entry.key))) for entry in entries]
    return [*entries, *coming]


async def test_both_keys_work_until_the_switch_and_after_it(dc, keytab, tmp_path):
    old = parse_keytab(keytab.read_bytes())
    exported = tmp_path / "exported"
    async with opened(dc, tmp_path, keytab=keytab) as kerberos:
        alice = GssapiClient(f"alice@{REALM}", PASSWORD)
        await kerberos.delegation.sign_in(account("alice", 1), SPN, b"")

        put(keytab, with_coming_key(old))
        await kerberos.delegation.sign_in(account("alice", 2), SPN, b"")
        await kerberos.acceptance.accept(alice.token(OURS), b"", requires_binding=False)
        assert int(dc.value("svc-gw", "badPwdCount") or 0) <= 1

        dc.samba_tool("user", "setpassword", "svc-gw", "--newpassword=An0ther.Passw0rd")
        for principal in ("svc-gw", "HTTP/gateway.contoso.lab"):
            dc.export_keytab(exported, principal)
        shutil.copy(exported, dc.keytab("gw"))
        new = parse_keytab(exported.read_bytes())
        assert {entry.kvno for entry in new} == {entry.kvno + 1 for entry in old}
        put(keytab, [*old, *new])
        await kerberos.delegation.sign_in(account("alice", 3), SPN, b"")
        # A ticket from before the switch, and one from after it.
        await kerberos.acceptance.accept(alice.token(OURS), b"", requires_binding=False)
        fresh = GssapiClient(f"bob@{REALM}", PASSWORD)
        taken = await kerberos.acceptance.accept(fresh.token(OURS), b"", requires_binding=False)
        assert taken.user == "bob"

        put(keytab, new)
        await kerberos.delegation.sign_in(account("alice", 4), SPN, b"")
        with pytest.raises(TicketRefused) as refused:
            await kerberos.acceptance.accept(alice.token(OURS), b"", requires_binding=False)
        assert refused.value.failure is TicketFailure.REFUSED


async def test_a_wrong_keytab_is_told_and_does_not_lock_the_account_out(dc, keytab, tmp_path):
    entries = parse_keytab(keytab.read_bytes())
    put(keytab, [replace(entry, key=bytes(len(entry.key))) for entry in entries])
    before = int(dc.value("svc-gw", "badPwdCount") or 0)
    async with opened(dc, tmp_path, keytab=keytab) as kerberos:
        for number in range(30):
            refused = await failure(kerberos, account("alice", number))
            assert refused.failure is DelegationFailure.KEYTAB
            assert "Preauthentication failed" in refused.detail
        assert int(dc.value("svc-gw", "badPwdCount") or 0) <= before + 1
        put(keytab, entries)
        await kerberos.delegation.sign_in(account("alice"), SPN, b"")


async def test_a_new_file_need_not_name_what_tickets_are_taken_for(dc, keytab, tmp_path):
    """As ktpass writes it: the account's own name alone."""
    entries = parse_keytab(keytab.read_bytes())
    async with opened(dc, tmp_path, keytab=keytab, accept=("HTTP/gateway.contoso.lab",)) as kerberos:
        put(keytab, [entry for entry in entries if str(entry.principal) == f"svc-gw@{REALM}"])
        token = GssapiClient(f"alice@{REALM}", PASSWORD).token(OURS)
        await kerberos.acceptance.accept(token, b"", requires_binding=False)
        await kerberos.delegation.sign_in(account("alice"), SPN, b"")


async def test_a_new_file_without_our_key_changes_nothing(dc, keytab, tmp_path):
    entries = parse_keytab(keytab.read_bytes())
    async with opened(dc, tmp_path, keytab=keytab, accept=("HTTP/gateway.contoso.lab",)) as kerberos:
        put(keytab, [entry for entry in entries if str(entry.principal) != f"svc-gw@{REALM}"])
        token = GssapiClient(f"alice@{REALM}", PASSWORD).token(OURS)
        await kerberos.acceptance.accept(token, b"", requires_binding=False)
        await kerberos.delegation.sign_in(account("alice"), SPN, b"")


async def test_half_a_file_does_not_stop_anything(dc, keytab, tmp_path):
    whole = keytab.read_bytes()
    async with opened(dc, tmp_path, keytab=keytab) as kerberos:
        keytab.write_bytes(whole[:50])
        await kerberos.delegation.sign_in(account("alice"), SPN, b"")
        token = GssapiClient(f"alice@{REALM}", PASSWORD).token(OURS)
        await kerberos.acceptance.accept(token, b"", requires_binding=False)
        keytab.unlink()
        await kerberos.delegation.sign_in(account("bob"), SPN, b"")


async def test_a_password_that_was_changed_without_us_is_told_at_once_and_who_has_a_ticket_goes_on(
    dc, keytab, tmp_path
):
    exported = tmp_path / "exported"
    async with opened(dc, tmp_path, keytab=keytab) as kerberos:
        await kerberos.delegation.sign_in(account("alice"), SPN, b"")
        dc.samba_tool("user", "setpassword", "svc-gw", "--newpassword=Y3t.An0ther.Passw0rd")
        refused = await failure(kerberos, account("bob"))
        assert refused.failure is DelegationFailure.KEYTAB, refused
        await kerberos.delegation.sign_in(account("alice"), SPN, b"")
        for principal in ("svc-gw", "HTTP/gateway.contoso.lab"):
            dc.export_keytab(exported, principal)
        shutil.copy(exported, dc.keytab("gw"))
        put(keytab, parse_keytab(exported.read_bytes()))
        await kerberos.delegation.sign_in(account("bob"), SPN, b"")
