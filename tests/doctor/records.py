"""Cases: settings, key file, database, disk, identity, and the user of the workers."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from handfast.doctor.findings import FindingId
from handfast.keys.key_file import create_key_file
from tests.doctor.case import case, run_commands
from tests.doctor.machines import OWN_ETC, SMALL_DISK, Machine, machine
from tests.installation import Installation
from tests.servers.processes import as_user, python_for

F = FindingId
STOPPED = frozenset({F.IDENTITY_UNREACHABLE})
SERVICE_USER = "daemon"
"""A user with a group of the same name, on every Debian."""
WORKERS = "handfast-workers"
NEEDS_USER = frozenset({F.WORKER_USER_LACKS_CERTIFICATE})


@case(F.SETTINGS, "mode", remedy="first-use")
def a_value_is_misspelt(world):
    world.site.write_settings(mode="first_use")
    [told] = yield world.site
    assert "first-use" in told["remedy"]
    world.site.write_settings(mode="first-use")


@case(F.SETTINGS, "nosuch", remedy="[[policy]]")
def a_policy_is_not_there(world):
    world.site.write_settings(publication='policy = "nosuch"')
    yield world.site
    world.site.write_settings(more='[[policy]]\nname = "nosuch"\nmode = "first-use"')


@case(F.SETTINGS_FILE, "ca_file", "none.pem", remedy="put the file there")
def a_ca_file_is_not_there(world):
    file = world.folder / "none.pem"
    world.site.write_settings(backend_options=f'ca_file = "{file}"')
    yield world.site
    shutil.copy(world.site.ca_file, file)


@case(F.SETTINGS_WARNING, "idle_seconds", remedy="well below", severity="warning")
def connections_are_kept_too_long(world):
    world.site.write_settings(backend_options="idle_seconds = 300")
    yield world.site
    world.site.write_settings(backend_options="idle_seconds = 60")


@case(F.KEY_FILE_MODE, "0644", remedy="chmod 600")
def the_key_file_is_open_to_all(world):
    world.stack.callback(world.key_file.chmod, 0o600)
    world.key_file.chmod(0o644)
    [told] = yield world.site
    run_commands(told["remedy"])


@case(
    F.SETTINGS_FILE,
    "identity's user, daemon",
    "handfast.key",
    remedy="chown daemon",
    beside=STOPPED | {F.DATABASE_UNUSABLE},
    is_for_root=True,
)
def the_key_file_is_root_s_and_identity_is_not(world):
    site = world.stopped()
    for path in (site.folder, *site.folder.rglob("*")):
        shutil.chown(path, SERVICE_USER)
    shutil.chown(site.folder / "handfast.key", "root")
    site.words = python_for(SERVICE_USER)
    [told] = yield site
    run_commands(told["remedy"].split("`")[1])


@case(F.KEY_FILE_MISSING, "handfast.key", remedy="restore it", beside=STOPPED)
def the_key_file_is_gone(world):
    site = world.stopped()
    backup = shutil.move(site.folder / "handfast.key", world.folder / "backup.key")
    yield site
    shutil.move(backup, site.folder / "handfast.key")


@case(F.KEY_FILE_UNUSABLE, remedy="restore the key file from your backup", beside=STOPPED)
def the_key_file_is_broken(world):
    site = world.stopped()
    file = site.folder / "handfast.key"
    backup = file.read_bytes()
    file.write_bytes(backup[: len(backup) // 2])
    yield site
    file.write_bytes(backup)


@case(F.KEY_FILE_OTHER_DATABASE, remedy="restore the key file that belongs", beside=STOPPED)
def the_key_file_is_of_another_installation(world):
    site = world.stopped()
    file = site.folder / "handfast.key"
    backup = shutil.move(file, world.folder / "backup.key")
    create_key_file(file, now=datetime.now(UTC))
    yield site
    shutil.move(backup, file)


def _owned_by_another(world) -> Installation:
    """All but the database is the service user's, and the doctor runs as that user."""
    site = world.stopped()
    for path in (site.folder, *site.folder.rglob("*")):
        shutil.chown(path, SERVICE_USER)
    database = site.folder / "handfast.db"
    shutil.chown(database, "root")
    database.chmod(0o600)
    site.words = (*python_for(SERVICE_USER), *as_user(SERVICE_USER))
    return site


@case(
    F.DATABASE_NOT_WRITABLE,
    "handfast.db",
    remedy=f"chown {SERVICE_USER}",
    beside=STOPPED | {F.DATABASE_UNUSABLE},
    is_for_root=True,
)
def the_database_is_another_user_s(world):
    [told] = yield _owned_by_another(world)
    run_commands(told["remedy"])


@case(
    F.DATABASE_NOT_WRITABLE,
    "handfast.db.lock",
    remedy=f"chown {SERVICE_USER}",
    beside=STOPPED | {F.DATABASE_UNUSABLE},
    is_for_root=True,
)
def the_lock_is_root_s(world):
    site = _owned_by_another(world)
    shutil.chown(site.folder / "handfast.db", SERVICE_USER)
    shutil.chown(site.folder / "handfast.db.lock", "root")
    site.words = python_for(SERVICE_USER)
    [told] = yield site
    run_commands(told["remedy"])


@case(
    F.DATABASE_UNUSABLE,
    remedy="its file the service user's",
    beside=STOPPED | {F.DATABASE_NOT_WRITABLE},
    is_for_root=True,
)
def the_database_does_not_open(world):
    site = _owned_by_another(world)
    yield site
    shutil.chown(site.folder / "handfast.db", SERVICE_USER)


def _on_a_disk(world, size: str) -> tuple[Installation, Machine, Path]:
    """The installation with a database on a disk of that size."""
    disk = world.folder / "disk"
    small = world.stack.enter_context(machine(SMALL_DISK, str(disk), size))
    site = world.site
    site.settings.write_text(
        site.settings.read_text().replace(f"{site.folder}/handfast.db", f"{disk}/handfast.db")
    )
    site.words = small.words
    return site, small, disk


@case(F.DISK_FULL, "MiB free", remedy="make room")
def the_disk_is_nearly_full(world):
    site, small, disk = _on_a_disk(world, "200m")
    small.run(f"fallocate -l 150m {disk}/old-logs")
    yield site
    small.run(f"rm {disk}/old-logs")


@case(F.DISK_LOW, "MiB free", remedy="use a larger disk", severity="warning")
def the_disk_is_small(world):
    site, small, disk = _on_a_disk(world, "600m")
    yield site
    small.run(f"mount -t tmpfs -o size=4g tmpfs {disk}")


@case(F.IDENTITY_UNREACHABLE, "admin.sock", remedy="start the service")
def the_service_is_stopped(world):
    site = world.stopped()
    yield site
    world.stack.callback(site.stop)
    site.start()


@case(F.ADMIN_GROUP, "handfast-admins", remedy="groupadd handfast-admins", is_for_root=True)
def the_group_of_administrators_is_not_there(world):
    private = world.stack.enter_context(machine(OWN_ETC, str(world.folder / "etc")))
    world.site.write_settings(identity='admin_group = "handfast-admins"')
    world.site.words = private.words
    [told] = yield world.site
    private.run(told["remedy"].partition(",")[0])


def _with_workers(world) -> Machine:
    """A machine that has a user for the workers, which the settings name."""
    private = world.stack.enter_context(machine(OWN_ETC, str(world.folder / "etc")))
    private.run(f"useradd --system {WORKERS}")
    world.site.write_settings(gateway=f'user = "{WORKERS}"')
    world.site.words = private.words
    return private


@case(F.WORKER_USER_NOT_SET, remedy="set gateway.user", severity="warning", is_for_root=True)
def the_workers_have_no_user(world):
    _with_workers(world)
    world.site.write_settings(gateway="")
    yield world.site
    world.site.write_settings(gateway=f'user = "{WORKERS}"')


@case(F.WORKER_USER, WORKERS, remedy=f"useradd --system {WORKERS}", is_for_root=True)
def the_workers_user_is_not_there(world):
    private = world.stack.enter_context(machine(OWN_ETC, str(world.folder / "etc")))
    world.site.write_settings(gateway=f'user = "{WORKERS}"')
    world.site.words = private.words
    [told] = yield world.site
    private.run(told["remedy"])


@case(F.WORKER_USER, "root", remedy="use a user of its own", is_for_root=True)
def the_workers_are_root(world):
    _with_workers(world)
    world.site.write_settings(gateway='user = "root"')
    yield world.site
    world.site.write_settings(gateway=f'user = "{WORKERS}"')


@case(
    F.WORKER_USER_READS_SECRETS,
    "handfast.db",
    remedy="chmod o-rwx,g-rwx",
    beside=NEEDS_USER,
    is_for_root=True,
)
def the_workers_read_the_database(world):
    _with_workers(world)
    database = world.site.folder / "handfast.db"
    mode = database.stat().st_mode & 0o777
    world.stack.callback(database.chmod, mode)
    database.chmod(0o604)
    [told] = yield world.site
    run_commands(told["remedy"])


@case(F.WORKER_USER_LACKS_CERTIFICATE, remedy=f"chgrp {WORKERS}", is_for_root=True)
def the_workers_can_t_read_the_key(world):
    private = _with_workers(world)
    made = world.certificate()
    world.site.write_settings(certificate=made.certificate, key=made.key)
    assert os.stat(made.key).st_mode & 0o077 == 0
    every = yield world.site
    for told in every:
        private.run(told["remedy"])
