"""Lays an installation down, on this machine or below a staging root. Nothing that exists is overwritten unless forced."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from handfast.cli.exits import CommandFailed, Exit
from handfast.cli.installation.answers import SERVICE_USER, WORKER_USER, Answers
from handfast.cli.installation.settings_file import build_settings_file
from handfast.cli.installation.units import build_units
from handfast.keys.key_file import create_key_file

UNIT_FOLDER = Path("/etc/systemd/system")


@dataclass(frozen=True, slots=True)
class Site:
    """Where files go: below `root` (/ for this machine). `is_live` where users and units are made as well."""

    root: Path
    is_live: bool
    force: bool = False
    done: list[str] = field(default_factory=list)

    def place(self, path: Path) -> Path:
        """The path below the staging root."""
        return self.root / path.relative_to(path.anchor) if self.root != Path("/") else path


def install(answers: Answers, site: Site, *, program: str, with_units: bool) -> list[str]:
    """Carries everything out; returns what was done, a line each. Raises: CommandFailed, OSError, KeyFileError."""
    settings = site.place(answers.settings_file)
    if settings.exists() and not site.force:
        remedy = "edit it, or give --force to write it anew (the key file is never overwritten)"
        raise CommandFailed(Exit.REFUSED, f"{settings} exists already", remedy)
    if site.is_live:
        _make_users(site)
    owner = _owner() if site.is_live else None
    _make_folders(answers, site, owner)
    readers = pwd.getpwnam(WORKER_USER).pw_gid if site.is_live else None
    _write(site, settings, build_settings_file(answers), 0o640, readers)
    _make_key_file(site, site.place(answers.key_file), owner)
    if with_units:
        units = build_units(answers, program)
        folder = site.place(UNIT_FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        for name in _units_to_write(site, folder, units):
            _write(site, folder / name, units[name], 0o644, None)
    return site.done


def _units_to_write(site: Site, folder: Path, units: dict[str, str]) -> list[str]:
    kept = [name for name in units if (folder / name).exists() and not site.force]
    site.done.extend(f"kept {folder / name}" for name in kept)
    return [name for name in units if name not in kept]


def _make_users(site: Site) -> None:
    # The workers' user first: the service's user joins its group, to which settings and TLS keys belong.
    for user, groups in ((WORKER_USER, ()), (SERVICE_USER, ("--groups", WORKER_USER))):
        try:
            pwd.getpwnam(user)
        except KeyError:
            _add_user(user, groups)
            site.done.append(f"user {user}")


def _add_user(user: str, groups: tuple[str, ...]) -> None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise CommandFailed(
            Exit.UNAVAILABLE, "there is no useradd here", f"make the system user {user} yourself"
        )
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", *groups]
    made = subprocess.run(  # noqa: S603 - fixed arguments
        [useradd, *options, "--shell", "/usr/sbin/nologin", user], capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise CommandFailed(
            Exit.REFUSED, f"useradd {user}: {made.stderr.strip()}", "make that system user yourself"
        )


def _owner() -> tuple[int, int]:
    entry = pwd.getpwnam(SERVICE_USER)
    return entry.pw_uid, entry.pw_gid


def _make_folders(answers: Answers, site: Site, owner: tuple[int, int] | None) -> None:
    # Workers must enter the settings' folder for certificates that lie there; what is secret in it has a mode of its own.
    for path, mode in ((answers.directory, 0o755), (answers.data, 0o700), (answers.runtime, 0o755)):
        folder = site.place(path)
        if folder.exists():
            continue
        folder.mkdir(parents=True)
        folder.chmod(mode)
        if owner is not None and path != answers.directory:
            os.chown(folder, *owner)
        site.done.append(f"folder {folder}")


def _write(site: Site, file: Path, text: str, mode: int, group: int | None) -> None:
    """Writes beside and renames, so that no reader ever sees half a file; root owns it, `group` may read."""
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
        os.fchmod(descriptor, mode)
        if group is not None:
            os.fchown(descriptor, 0, group)
        opened.flush()
        os.fsync(descriptor)
    beside.replace(file)
    site.done.append(f"wrote {file}")


def _make_key_file(site: Site, file: Path, owner: tuple[int, int] | None) -> None:
    if file.exists():
        site.done.append(f"kept {file}")
        return
    create_key_file(file, now=datetime.now(UTC))
    if owner is not None:
        os.chown(file, *owner)
    site.done.append(f"wrote {file}")
