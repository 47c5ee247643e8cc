"""Ticket caches in memory: what is dropped is gone for the library as well."""

from __future__ import annotations

import gc

import pytest

from handfast.kerberos import memory_cache
from handfast.kerberos.key_table import MemoryKeyTable
from handfast.kerberos.mechanism import MechanismError
from tests.servers.gssapi_peer import KERBEROS, gssapi
from tests.servers.samba import NEEDS, REALM

pytestmark = NEEDS


def is_there(name: str) -> bool:
    try:
        return bool(gssapi.Credentials(usage="initiate", store={"ccache": name}, mechs=[KERBEROS]).lifetime)
    except gssapi.exceptions.GSSError:
        return False


@pytest.fixture
def names(monkeypatch) -> list[str]:
    """Of the caches that are made."""
    made, new_name = [], memory_cache.new_name

    def note() -> str:
        made.append(new_name())
        return made[-1]

    monkeypatch.setattr(memory_cache, "new_name", note)
    return made


async def test_our_own_ticket_goes_with_its_credential_and_no_earlier(kerberos, names):
    keys, mechanism = kerberos.delegation._keys, kerberos.delegation._mechanism
    own = keys.sign_in(0.0)
    (name,) = names
    evidence = mechanism.impersonate(own, f"alice@{REALM}")
    assert is_there(name)
    del own
    gc.collect()
    assert not is_there(name)
    assert mechanism.initiate(evidence, f"HTTP/fe.contoso.lab@{REALM}", b"").token, "it has a copy of its own"


async def test_a_cache_that_got_no_ticket_is_destroyed_at_once(kerberos, names, monkeypatch):
    gone: list[str] = []
    monkeypatch.setattr(memory_cache, "destroy", gone.append)
    keytab = MemoryKeyTable(kerberos.delegation._keys._file.current().entries)
    with pytest.raises(MechanismError):
        kerberos.delegation._mechanism.sign_in(f"nobody-there@{REALM}", keytab.name)
    assert gone == names


@pytest.mark.parametrize(
    "library", ["libno-such-library.so.0", "libc.so.6"], ids=["none", "without the call"]
)
async def test_what_cannot_be_destroyed_is_left(kerberos, names, monkeypatch, library):
    kept = kerberos.delegation._keys.sign_in(0.0)
    (name,) = names
    memory_cache.destroy("MEMORY:never-made")
    memory_cache.destroy("NO-SUCH-KIND:x")
    with monkeypatch.context() as other:
        other.setattr(memory_cache, "_LIBRARY", library)
        memory_cache.destroy(name)
    assert is_there(name)
    memory_cache.destroy(name)
    assert not is_there(name)
    del kept
