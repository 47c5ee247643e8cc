"""I4: paths and queries are matched after strict decoding, case-insensitively; what is forwarded is rebuilt from what was
matched, so that no text of a client reaches a server."""

from __future__ import annotations

import pytest

from handfast.gateway.exchange import Exchange
from tests.fakes.gateway_peers import DEVICE, HOST, Gateway, RawBackend, request_bytes
from tests.invariants.lax_reader import forgive_targets

EAS = "/Microsoft-Server-ActiveSync"
ODD_PATHS = {
    "dot segment": f"/owa/..{EAS}",
    "dot segment at the end": f"{EAS}/.",
    "encoded dot segment": f"/owa/%2e%2e{EAS}",
    "half encoded dot segment": f"/owa/.%2E{EAS}",
    "encoded slash": f"/owa%2f..{EAS}",
    "double encoding": f"/owa/%252e%252e{EAS}",
    "backslash": "/owa\\..\\Microsoft-Server-ActiveSync",
    "encoded backslash": f"/owa%5c..{EAS}",
    "NUL": f"{EAS}%00.aspx",
    "overlong UTF-8": f"/%c0%af..{EAS}",
    "full-width slash": f"/%ef%bc%8f{EAS}",
    "%u escape": "/%u004dicrosoft-Server-ActiveSync",
    "parameter": f"{EAS};a=b",
    "encoded parameter": f"{EAS}%3ba",
    "empty segment": f"/{EAS}",
    "another path": "/owa/",
    "longer path": f"{EAS}/Proxy",
    "autodiscover JSON": "/autodiscover/autodiscover.json",
}
ODD_QUERIES = {
    "second device": f"Cmd=Sync&User=alice&{DEVICE}&DeviceId=EVIL",
    "second device in another case": f"Cmd=Sync&User=alice&{DEVICE}&deviceID=EVIL",
    "second device, name encoded": f"Cmd=Sync&User=alice&{DEVICE}&%44eviceId=EVIL",
    "second command": f"Cmd=Ping&cmd=Sync&User=alice&{DEVICE}",
    "unknown command": f"Cmd=Proxy&User=alice&{DEVICE}",
    "line feed in a value": f"Cmd=Sync&User=a%0d%0aX-Remote-User:%20bob&{DEVICE}",
    "NUL in a value": f"Cmd=Sync&User=alice%00bob&{DEVICE}",
    "broken escape": f"Cmd=Sync&User=%zz&{DEVICE}",
    "overlong UTF-8 in a value": f"Cmd=Sync&User=%c0%ae&{DEVICE}",
}
TARGETS = {
    **{name: f"{path}?Cmd=Sync&User=alice&{DEVICE}" for name, path in ODD_PATHS.items()},
    **{name: f"{EAS}?{query}" for name, query in ODD_QUERIES.items()},
}


async def sent_behind(target: str, prefix: str = "") -> bytes | None:
    """The target the back end saw, None where it saw nothing."""
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes(target=prefix + target))
        await client.read_answer()
        return backend.heads[0].split(b" ")[1] if backend.seen else None


@pytest.mark.parametrize("name", TARGETS)
async def test_a_target_that_could_be_read_twice_reaches_nobody(name):
    assert await sent_behind(TARGETS[name]) is None


@pytest.mark.parametrize("name", TARGETS)
async def test_without_strict_decoding_it_does(name, monkeypatch):
    forgive_targets(monkeypatch)
    assert await sent_behind(TARGETS[name]) is not None


SPELLINGS = {
    "case": "/MICROSOFT-server-activesync?cMD=sync&uSER=alice&deviceid=ABC123&DEVICETYPE=iPhone",
    "order": f"{EAS}?DeviceType=iPhone&DeviceId=ABC123&User=alice&Cmd=Sync",
    "escapes": "/%4dicrosoft-Server-ActiveSync?Cmd=%53ync&User=%61lice&DeviceId=ABC%3123&DeviceType=iPhone",
    "plain": f"{EAS}?Cmd=Sync&User=alice&{DEVICE}",
    "absolute": f"https://{HOST}{EAS}?Cmd=Sync&User=alice&{DEVICE}",
}
REBUILT = f"{EAS}?Cmd=Sync&User=alice&{DEVICE}".encode()


@pytest.mark.parametrize("name", SPELLINGS)
async def test_what_is_sent_is_rebuilt_and_always_the_same(name):
    assert await sent_behind(SPELLINGS[name]) == REBUILT


@pytest.mark.parametrize("name", sorted(SPELLINGS.keys() - {"plain"}))
async def test_without_rebuilding_the_clients_text_is_sent(name, monkeypatch):
    monkeypatch.setattr(Exchange, "_target", lambda self, _route: self._head.target)
    assert await sent_behind(SPELLINGS[name]) == SPELLINGS[name].encode()
