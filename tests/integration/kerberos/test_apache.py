"""Apache with mod_auth_gssapi behind us: it sees the account, and we see that it could read the ticket."""

from __future__ import annotations

import asyncio

import pytest

from tests.kerberos_world import SPN, account
from tests.servers.apache_gssapi import kerberos_site
from tests.servers.samba import REALM

pytestmark = pytest.mark.needs("samba", "samba-tool", "ldbmodify", "kinit", "apache2")


@pytest.fixture(scope="module")
def site(dc):
    with kerberos_site(dc.keytab("fe")) as site:
        yield site


@pytest.mark.parametrize("user", ["alice", "smith(j)", "bob"])
async def test_apache_sees_the_account(kerberos, site, user):
    begun = await kerberos.delegation.sign_in(account(user), SPN, b"")
    status, name, proof = await asyncio.to_thread(site.get, begun.token)
    assert (status, name) == (200, f"{user}@{REALM}")
    assert await kerberos.delegation.confirm(begun.handle, proof)


async def test_apache_refuses_a_token_it_has_seen(kerberos, site):
    begun = await kerberos.delegation.sign_in(account("alice"), SPN, b"")
    assert (await asyncio.to_thread(site.get, begun.token))[0] == 200
    status, name, proof = await asyncio.to_thread(site.get, begun.token)
    assert (status, name) == (401, "")
    assert not await kerberos.delegation.confirm(begun.handle, proof)


async def test_a_service_with_another_key_can_neither_read_nor_prove(dc, kerberos):
    begun = await kerberos.delegation.sign_in(account("alice"), SPN, b"")
    with kerberos_site(dc.keytab("ex")) as other:
        status, _, proof = await asyncio.to_thread(other.get, begun.token)
    assert status == 401
    assert not await kerberos.delegation.confirm(begun.handle, proof)
