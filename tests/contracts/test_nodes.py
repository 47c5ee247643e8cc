"""The contract of `NodeRepository`."""

from __future__ import annotations

from datetime import timedelta

from handfast.identity.records import NodeRecord
from tests.fakes.clock import START

LATER = START + timedelta(hours=1)


async def test_a_node_is_remembered(records) -> None:
    first = await records.write(lambda r: r.nodes.seen("dmz1", "0a", START))
    assert first == NodeRecord("dmz1", "0a", START, START)
    again = await records.write(lambda r: r.nodes.seen("dmz1", "0a", LATER))
    assert again == NodeRecord("dmz1", "0a", START, LATER)
    assert list(await records.read(lambda r: r.nodes.list())) == [again]


async def test_revocation_cuts_off_every_certificate_of_the_name(records) -> None:
    for name, serial in (("dmz1", "0a"), ("dmz1", "0b"), ("dmz2", "0c")):
        await records.write(lambda r, n=name, s=serial: r.nodes.seen(n, s, START))
    assert not await records.read(lambda r: r.nodes.is_revoked("dmz1", "0a"))
    assert await records.write(lambda r: r.nodes.revoke("dmz1", LATER)) == 2
    assert await records.write(lambda r: r.nodes.revoke("dmz1", LATER)) == 0
    assert await records.read(lambda r: r.nodes.is_revoked("dmz1", "0a"))
    assert await records.read(lambda r: r.nodes.is_revoked("dmz1", "0b"))
    assert not await records.read(lambda r: r.nodes.is_revoked("dmz2", "0c"))
    assert len(await records.read(lambda r: r.nodes.list())) == 3


async def test_a_certificate_not_seen_before_the_revocation_is_refused_too(sql_records) -> None:
    await sql_records.write(lambda r: r.nodes.revoke("dmz1", START))
    assert await sql_records.read(lambda r: r.nodes.is_revoked("dmz1", "0a"))
    assert not await sql_records.read(lambda r: r.nodes.list())
