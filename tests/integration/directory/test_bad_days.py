"""Domain controllers that are down, frozen, slow, somebody else, or send us away; nothing waits longer than it must."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
import uuid

import pytest
from pydantic import ValidationError

from handfast.directory import open_directory
from handfast.directory.checking import check_directory
from handfast.identity.ports import Unavailable
from handfast.settings.directory import DomainControllerSettings
from tests.integration.directory.conftest import Reader, settings_for
from tests.servers.authority import Authority
from tests.servers.samba import BASE, NEEDS, DomainController

pytestmark = NEEDS
TIMEOUT = 1.0
"""Of a controller that will not answer; others have the five seconds that they have by default."""


@contextlib.contextmanager
def timed():
    began = time.monotonic()
    spent = []
    yield spent
    spent.append(time.monotonic() - began)


def ldap_threads() -> int:
    return sum(thread.name.startswith("ldap-") for thread in threading.enumerate())


@pytest.fixture
def second(fresh_dc):
    """Another controller of the domain, with numbers of its own."""
    dc = DomainController("dc2.contoso.lab", authority=fresh_dc.authority, invocation_id=uuid.uuid4())
    with dc:
        yield dc


@pytest.mark.alone
async def test_a_frozen_one_costs_its_timeout_once_and_others_nothing(fresh_dc, second, opened):
    directory = opened(fresh_dc, second, timeout_seconds=TIMEOUT)
    with fresh_dc.frozen():
        with timed() as first:
            assert await directory.find("alice")
        assert 0.9 * TIMEOUT < first[0] < 2 * TIMEOUT
        with timed() as more:
            for _ in range(10):
                assert await directory.find("alice")
        assert more[0] < TIMEOUT, "its breaker is open; whether it is well again is found out beside"


async def test_a_frozen_one_is_used_again_once_it_thaws(fresh_dc, second, opened):
    directory = opened(fresh_dc, second, timeout_seconds=TIMEOUT)
    fresh_dc.set_user("alice", displayName="Of dc1")
    with fresh_dc.frozen():
        assert (await directory.find("alice")).display_name == "Alice Example"
    async with asyncio.timeout(30):
        while (await directory.find("alice")).display_name != "Of dc1":
            await asyncio.sleep(0.05)


@pytest.mark.alone
async def test_all_frozen_is_unavailable_within_the_timeout_and_then_at_once(fresh_dc, opened):
    directory = opened(fresh_dc, timeout_seconds=TIMEOUT)
    assert await directory.find("alice")
    with fresh_dc.frozen():
        with timed() as spent, pytest.raises(Unavailable, match="no answer within 1 s"):
            await directory.find("alice")
        assert spent[0] < 2.5
        with timed() as spent, pytest.raises(Unavailable):
            await directory.find("alice")
        assert spent[0] < TIMEOUT / 2
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(Unavailable):
                assert await directory.find("alice")
                break
            await asyncio.sleep(0.05)


@pytest.mark.alone
async def test_the_event_loop_goes_on_and_threads_come_back_while_one_is_frozen(fresh_dc, opened):
    directory = opened(fresh_dc, timeout_seconds=TIMEOUT)
    assert await directory.find("alice")
    longest = 0.0

    async def tick():
        nonlocal longest
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.005)
            longest = max(longest, time.monotonic() - began)

    ticking = asyncio.get_running_loop().create_task(tick())
    with fresh_dc.frozen():
        calls = [directory.find("alice") for _ in range(50)]
        with timed() as spent:
            results = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(one, Unavailable) for one in results)
        assert spent[0] < 3.0
        assert ldap_threads() <= 8
        ticking.cancel()
    assert longest < 0.5


@pytest.mark.alone
async def test_closing_in_the_middle_ends_at_once(fresh_dc, opened):
    directory = opened(fresh_dc, timeout_seconds=20.0)
    with fresh_dc.frozen():
        asking = asyncio.get_running_loop().create_task(directory.find("alice"))
        await asyncio.sleep(0.2)
        with timed() as spent:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await directory.close()
            while any(thread.name.startswith("ldap-dc1") for thread in threading.enumerate()):
                await asyncio.sleep(0.01)
        assert spent[0] < 2.0


async def test_one_that_is_down_is_passed_over_and_named_when_it_was_the_last(fresh_dc, second, opened):
    directory = opened(fresh_dc, second)
    assert await directory.find("alice")
    fresh_dc.stop()
    assert await directory.find("alice")
    second.stop()
    with pytest.raises(Unavailable, match=r"dc1.*refused.*dc2|dc2.*"):
        await directory.find("alice")


async def test_changes_come_from_the_next_one_whole(fresh_dc, second, reading):
    reader = reading(fresh_dc, second)
    await reader.read()
    fresh_dc.stop()
    with contextlib.suppress(Unavailable):  # the connection that was kept may break under the first attempt
        await reader.read()
    await reader.read()
    assert second.name in {one.address.name for one in reader.directory.readers.controllers}
    assert len(reader.positions) == 2
    assert await reader.read() == {}


async def test_a_restarted_one_needs_no_second_attempt(fresh_dc, opened):
    directory = opened(fresh_dc)
    assert await directory.find("alice")
    fresh_dc.restart()
    assert await directory.find("alice")


async def test_a_certificate_for_another_name_is_refused_also_for_its_address(fresh_dc, opened):
    fresh_dc.set_certificate("dc9.contoso.lab", fresh_dc.address)
    fresh_dc.restart()
    with pytest.raises(Unavailable, match=r"certificate is not to be trusted.*[Hh]ostname mismatch"):
        await opened(fresh_dc).find("alice")


async def test_a_certificate_of_another_ca_is_refused(fresh_dc, opened):
    fresh_dc.set_certificate("dc1.contoso.lab", authority=Authority.new("Somebody else's CA"))
    fresh_dc.restart()
    with pytest.raises(Unavailable, match=r"certificate is not to be trusted.*unable to get local issuer"):
        await opened(fresh_dc).find("alice")


async def test_an_expired_certificate_is_refused(fresh_dc, opened):
    fresh_dc.set_certificate("dc1.contoso.lab", days=-0.5)
    fresh_dc.restart()
    with pytest.raises(Unavailable, match=r"certificate is not to be trusted.*expired"):
        await opened(fresh_dc).find("alice")


async def test_a_referral_is_not_followed(shared_dc, opened):
    """Asked for another domain's objects, the controller names who has them; nobody there is asked."""
    directory = opened(shared_dc, base="DC=other,DC=example")
    with pytest.raises(Unavailable) as refused:
        await directory.find("alice")
    assert "referral" in str(refused.value) or "there is no DC=other" in str(refused.value)


async def test_whoever_talks_no_tls_or_never_ends_is_refused_in_time(shared_dc, opened):
    with socket.create_server(("127.0.0.1", 0)) as server:
        directory = opened(shared_dc, timeout_seconds=TIMEOUT)
        controller = directory.readers.controllers[0]
        controller.address = type(controller.address)("dc1.contoso.lab", "127.0.0.1", server.getsockname()[1])

        def answer():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with contextlib.suppress(OSError), connection:
                    for _ in range(200):
                        connection.send(b"\x16\x03\x03\x40\x00"[:1])  # a drop at a time, never whole
                        time.sleep(0.1)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with timed() as spent, pytest.raises(Unavailable):
            await directory.find("alice")
        assert spent[0] < 5 * TIMEOUT, "however often a drop comes"
    thread.join(10)


async def test_a_filter_of_the_administrator_stays_one_part_of_ours(shared_dc, reading):
    """One that makes no sense is refused with the settings; it would open nothing either."""
    with pytest.raises(ValidationError, match="not an LDAP filter"):
        reading(shared_dc, account_filter="(mail=*")
    settings = settings_for(shared_dc).model_copy(update={"account_filter": "(mail=*"})
    directory = open_directory(settings)
    with pytest.raises(Unavailable):
        await Reader(directory).read()
    await directory.close()
    assert set(await reading(shared_dc, account_filter="(sAMAccountName=alice)").read()) == {"alice"}


async def test_another_base_is_told(shared_dc, reading):
    with pytest.raises(Unavailable, match="there is no OU=Nowhere"):
        await reading(shared_dc, base=f"OU=Nowhere,{BASE}").read()


async def test_what_the_libraries_say_is_told_in_words(shared_dc, tmp_path):
    other = tmp_path / "ca.pem"
    other.write_bytes(Authority.new("Another CA").pem)
    settings = settings_for(shared_dc)
    nowhere = DomainControllerSettings(name="dc1.contoso.invalid")
    for changes, said in (
        ({"ca_file": other}, "its certificate is not to be trusted: unable to get local issuer certificate"),
        ({"servers": (nowhere,)}, "dc1.contoso.invalid: dc1.contoso.invalid has no address here"),
    ):
        _, (finding,) = await check_directory(settings.model_copy(update=changes))
        assert finding.what.endswith(said)
