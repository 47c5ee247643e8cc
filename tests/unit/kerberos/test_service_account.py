"""Our own account's keys: which are tried, by whom and how often. Each refusal counts towards the account's lockout."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from handfast.identity.directory.ports import DelegationFailure, DelegationRefused
from handfast.identity.ports import Unavailable
from handfast.kerberos.failures import KDC_ERR_TGT_REVOKED
from handfast.kerberos.key_table import KeyTable, KeyTableFile
from handfast.kerberos.mechanism import MechanismError
from handfast.kerberos.service_account import REFUSED_SECONDS, WRONG_KEY_SECONDS, ServiceAccount, ServiceKeys
from handfast.protocols.kerberos.keytab import KeytabEntry, encode_keytab
from handfast.protocols.kerberos.principal import parse_principal
from tests.fakes.kerberos_mechanism import CLIENT_REVOKED, SERVICE_ACCOUNT, FakeMechanism


def table(*kvnos: int, generation: int = 0, principal: str = SERVICE_ACCOUNT) -> KeyTable:
    owner = parse_principal(principal)
    return KeyTable(tuple(KeytabEntry(owner, kvno, 18, bytes(32)) for kvno in kvnos), generation)


class File:
    """A key table that tests replace."""

    def __init__(self, now: KeyTable) -> None:
        self.now = now

    def current(self) -> KeyTable:
        return self.now


class World:
    def __init__(self, *kvnos: int, patience: float = 5.0) -> None:
        self.now = 0.0
        self.mechanism = FakeMechanism()
        self.file = File(table(*kvnos))
        self.keys = ServiceKeys(self.mechanism, self.file, SERVICE_ACCOUNT, patience)

    def thread(self) -> ServiceAccount:
        return ServiceAccount(self.keys, lambda: self.now)

    @property
    def tries(self) -> int:
        return self.mechanism.count("sign_in")

    def refusal(self, thread: ServiceAccount | None = None) -> DelegationFailure:
        with pytest.raises(DelegationRefused) as refused:
            (thread or self.thread()).credential()
        return refused.value.failure


def test_the_newest_key_comes_first_and_what_worked_stays_first():
    world = World(1, 2)
    world.thread().credential()
    assert world.tries == 2, "the newer one, which the domain does not have yet, and the one it has"
    world.thread().credential()
    assert world.tries == 3


def test_a_key_that_the_domain_no_longer_takes_is_tried_once_by_however_many_threads():
    world = World(1)
    threads = [world.thread() for _ in range(8)]
    for thread in threads:
        thread.credential()
    before = world.tries
    world.mechanism.kvno = 2
    world.now += world.mechanism.seconds
    for _ in range(3):
        assert {world.refusal(thread) for thread in threads} == {DelegationFailure.KEYTAB}
    assert world.tries == before + 1
    world.now += WRONG_KEY_SECONDS - 1
    assert {world.refusal(thread) for thread in threads} == {DelegationFailure.KEYTAB}
    assert world.tries == before + 1
    world.now += 1
    assert {world.refusal(thread) for thread in threads} == {DelegationFailure.KEYTAB}
    assert world.tries == before + 2


@pytest.mark.parametrize("kvnos", [(1,), (1, 2)])
def test_threads_that_renew_at_the_same_moment_try_each_key_once(kvnos):
    world = World(*kvnos)
    threads = [world.thread() for _ in range(8)]
    for thread in threads:
        thread.credential()
    before = world.tries
    world.mechanism.kvno = 9
    world.now += world.mechanism.seconds
    world.mechanism.silence.clear()  # the KDC takes its time: all of them come while the first one asks
    with ThreadPoolExecutor(len(threads)) as pool:
        asked = [pool.submit(world.refusal, thread) for thread in threads]
        time.sleep(0.2)
        world.mechanism.silence.set()
        assert {one.result(10) for one in asked} == {DelegationFailure.KEYTAB}
    assert world.tries == before + len(kvnos)


def test_the_same_keys_written_anew_are_no_new_keys(tmp_path):
    world = World(1)
    path = tmp_path / "keytab"
    path.write_bytes(encode_keytab(table(1).entries))
    path.chmod(0o600)
    file = KeyTableFile(path, lambda _: None, lambda: world.now)
    keys = ServiceKeys(world.mechanism, file, SERVICE_ACCOUNT, 5.0)
    world.mechanism.kvno = 9
    for number in range(1, 7):
        os.utime(path, (number, number))
        world.now += 60
        assert world.refusal(ServiceAccount(keys, lambda: world.now)) is DelegationFailure.KEYTAB
    assert world.tries == 1
    path.write_bytes(encode_keytab(table(1, 2).entries))
    world.now += 60
    assert world.refusal(ServiceAccount(keys, lambda: world.now)) is DelegationFailure.KEYTAB
    assert world.tries == 3, "new keys, and the old one once more"


def test_the_switch_to_a_key_that_was_refused_before_it():
    world = World(1, 2)
    thread = world.thread()
    thread.credential()
    assert world.tries == 2, "the domain does not have the newer one yet"
    world.mechanism.kvno = 2
    world.now += 300
    thread.forget()
    thread.credential()
    assert world.tries == 4


def test_an_account_that_was_locked_is_asked_for_again_soon():
    world = World(1)
    world.mechanism.errors = {"sign_in": MechanismError(CLIENT_REVOKED, "revoked")}
    assert [world.refusal() for _ in range(3)] == [DelegationFailure.KEYTAB] * 3
    assert world.tries == 1
    world.mechanism.errors = {}
    world.now += REFUSED_SECONDS
    world.thread().credential()


def test_a_new_table_ends_the_wait():
    world = World(1)
    world.thread().credential()
    world.mechanism.kvno = 2
    assert world.refusal() is DelegationFailure.KEYTAB
    world.file.now = table(1, 2, generation=1)
    before = world.tries
    world.thread().credential()
    assert world.tries == before + 1


def test_two_versions_are_all_that_are_tried():
    world = World(3, 4, 5)
    assert world.refusal() is DelegationFailure.KEYTAB
    assert world.tries == 2


def test_a_table_without_our_name_asks_nobody():
    world = World()
    world.file.now = table(1, principal="other@CONTOSO.LAB")
    assert world.refusal() is DelegationFailure.KEYTAB
    assert world.tries == 0


def test_our_name_is_compared_without_case():
    world = World()
    world.file.now = table(1, principal="SVC-GW@contoso.lab")
    world.thread().credential()


def test_half_its_time_a_ticket_is_kept_unless_it_is_forgotten_or_the_table_changes():
    world, seconds = World(1), FakeMechanism().seconds
    thread = world.thread()
    first = thread.credential()
    world.now += seconds / 2 - 1
    assert thread.credential() is first
    world.now += 1
    second = thread.credential()
    assert second is not first
    thread.forget()
    third = thread.credential()
    assert third is not second
    world.file.now = table(1, generation=1)
    assert thread.credential() is not third


def test_a_kdc_that_is_away_says_nothing_of_the_key():
    world = World(1)
    world.thread().credential()
    world.mechanism.is_unreachable = True
    assert world.refusal() is DelegationFailure.UNAVAILABLE
    world.mechanism.is_unreachable = False
    world.thread().credential()
    world.mechanism.errors = {"sign_in": MechanismError(KDC_ERR_TGT_REVOKED, "revoked")}
    assert world.refusal() is DelegationFailure.KEYTAB


def test_who_waits_for_another_threads_try_is_told_so_and_the_next_one_goes_round_it():
    world = World(1, patience=0.05)
    world.mechanism.silence.clear()
    with ThreadPoolExecutor(2) as pool:
        hanging = pool.submit(world.thread().credential)
        while not world.tries:
            threading.Event().wait(0.005)
        with pytest.raises(Unavailable):
            world.thread().credential()
        beside = pool.submit(world.thread().credential)
        while world.tries < 2:
            threading.Event().wait(0.005)
        world.mechanism.silence.set()
        assert hanging.result(5)
        assert beside.result(5)
