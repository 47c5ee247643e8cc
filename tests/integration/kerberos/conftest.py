"""One domain controller for each file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from handfast.kerberos import Kerberos
from tests.kerberos_world import opened
from tests.servers.samba import DomainController


@pytest.fixture(scope="module")
def dc() -> Iterator[DomainController]:
    with DomainController() as dc:
        for name in ("gw", "fe", "ex"):
            dc.keytab(name).chmod(0o600)
        yield dc


@pytest.fixture(autouse=True)
def library_environment() -> Iterator[None]:
    from tests.servers import gssapi_peer  # which skips where there is no library

    before = gssapi_peer.environment()
    yield
    gssapi_peer.restore(before)


@pytest.fixture
async def kerberos(dc: DomainController, tmp_path: Path) -> AsyncIterator[Kerberos]:
    async with opened(dc, tmp_path) as kerberos:
        yield kerberos
