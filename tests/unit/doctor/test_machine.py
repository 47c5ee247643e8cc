import datetime as dt
import stat
from pathlib import Path

from handfast.doctor.findings import FindingId
from handfast.doctor.machine import (
    FileRights,
    ServiceUser,
    WorkerUser,
    check_admin_group,
    check_clock,
    check_disk,
    check_dns,
    check_key_file_rights,
    check_owner,
    check_port,
    check_worker_user,
    may_read,
)

GB = 1024**3
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
PATH = Path("/etc/handfast/handfast.key")


def rights(mode, owner=10, group=20, folders=((0, 0, 0o755),)):
    return FileRights(PATH, ((owner, group, stat.S_IFREG | mode), *folders))


def ids(found):
    listed = list(found)
    assert all(one.what and one.remedy for one in listed)
    return [one.id for one in listed]


def test_who_may_read():
    assert may_read(rights(0o600), 10, frozenset())
    assert not may_read(rights(0o600), 11, frozenset({20}))
    assert may_read(rights(0o640), 11, frozenset({20}))
    assert not may_read(rights(0o640), 11, frozenset({21}))
    assert may_read(rights(0o644), 11, frozenset())
    assert not may_read(rights(0o044), 10, frozenset())  # the owner's own bits count, no others
    assert not may_read(rights(0o644, folders=((0, 0, 0o700), (0, 0, 0o755))), 11, frozenset())
    assert may_read(rights(0o000), 0, frozenset())


def test_key_file():
    assert ids(check_key_file_rights(rights(0o600), PATH)) == []
    assert ids(check_key_file_rights(rights(0o640), PATH)) == ["key-file-mode"]
    assert ids(check_key_file_rights(None, PATH)) == ["key-file-missing"]


def test_worker_user():
    worker = WorkerUser("w", 11, "workers", frozenset({21}))
    assert ids(check_worker_user(worker, [rights(0o600)], [rights(0o640, group=21)])) == []
    assert ids(check_worker_user(worker, [rights(0o644)], [])) == ["worker-user-reads-secrets"]
    assert ids(check_worker_user(WorkerUser("root", 0, "root", frozenset()), [rights(0o600)], [])) == [
        "worker-user"
    ]


def test_the_remedy_opens_each_door_that_is_shut_and_no_other():
    worker = WorkerUser("w", 11, "workers", frozenset({21}))
    (lacking,) = check_worker_user(worker, [], [rights(0o600, folders=((0, 0, 0o700), (0, 0, 0o755)))])
    assert lacking.id is FindingId.WORKER_USER_LACKS_CERTIFICATE
    assert lacking.remedy == (
        f"chgrp workers {PATH.parent} && chmod g+x {PATH.parent} && chgrp workers {PATH} && chmod g+r {PATH}"
    )
    (lacking,) = check_worker_user(worker, [], [rights(0o600)])
    assert lacking.remedy == f"chgrp workers {PATH} && chmod g+r {PATH}"


def test_a_remedy_is_one_command_whatever_a_place_is_called():
    place = Path("/srv/our mail/k")
    odd = FileRights(place, ((0, 0, 0o644), (0, 0, 0o700), (0, 0, 0o755), (0, 0, 0o755)))
    worker = WorkerUser("w", 11, "workers", frozenset({21}))
    (found,) = check_key_file_rights(odd, place)
    assert found.remedy == "chmod 600 '/srv/our mail/k'"
    (found,) = check_worker_user(worker, [], [odd])
    assert found.remedy == "chgrp workers '/srv/our mail' && chmod g+x '/srv/our mail'"
    (found,) = check_worker_user(worker, [FileRights(place, ((0, 0, 0o644),))], [])
    assert found.remedy == "chmod o-rwx,g-rwx '/srv/our mail/k'"
    (found,) = check_admin_group("desk", 7, None, odd)
    assert found.remedy == "chmod o+x '/srv/our mail'"


def test_disk():
    assert ids(check_disk(PATH, 2 * GB, is_writable=True)) == []
    assert ids(check_disk(PATH, GB // 2, is_writable=True)) == ["disk-low"]
    assert ids(check_disk(PATH, 1024, is_writable=False)) == ["disk-full", "database-not-writable"]


def test_files_of_another_owner_are_given_back():
    assert ids(check_owner("handfast", [])) == []
    (found,) = check_owner("handfast", [Path("/var/a b.db"), Path("/var/a b.db.lock")])
    assert found.id is FindingId.DATABASE_NOT_WRITABLE
    assert found.remedy == "chown handfast '/var/a b.db' '/var/a b.db.lock'"


def test_admin_group():
    def told(gid, groups, settings):
        service = ServiceUser("handfast", 11, frozenset(groups))
        return [one.remedy for one in check_admin_group("desk", gid, service, settings)]

    assert told(None, {7}, None) == ["groupadd desk, or empty the setting"]
    assert told(7, {7}, rights(0o644)) == []
    assert told(7, {7}, rights(0o640, group=7)) == []
    assert told(7, {8}, None) == ["usermod --append --groups desk handfast, then restart the service"]
    shut = rights(0o640, folders=((0, 0, 0o750), (0, 0, 0o755)))
    assert told(7, {7}, shut) == [f"chmod o+x {PATH.parent} && chmod o+r {PATH}"]
    assert ids(check_admin_group("desk", 7, None, None)) == []


def test_port_clock_dns():
    assert ids(check_port("o", "1.2.3.4:443", None)) == []
    assert ids(check_port("o", "1.2.3.4:443", "in use")) == ["port-in-use"]
    assert ids(check_dns("a.b", None)) == []
    assert ids(check_dns("a.b", "unknown")) == ["dns-name"]
    (off,) = check_clock(NOW, [("a", NOW + dt.timedelta(seconds=59)), ("b", NOW - dt.timedelta(seconds=90))])
    assert (off.id, off.severity) == ("clock-off", "warning")
    (off,) = check_clock(NOW, [("b", NOW + dt.timedelta(minutes=6))])
    assert off.severity == "error"
