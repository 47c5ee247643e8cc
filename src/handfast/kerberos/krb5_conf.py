"""The library's own settings file and its environment.

One is written from our settings, so that nothing but them decides which KDC is asked: TCP at once (a ticket with groups
does not fit into a datagram), names taken as they stand, no DNS. Canonical names and reverse look-ups, as some
distributions have them, turn one service into another behind our back.

Source: MIT krb5 documentation, "krb5.conf".
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from handfast.kerberos.setup_error import KerberosSetupError
from handfast.observability.logging import event_log

CONF_NAME = "krb5.conf"
REPLAY_CACHE_NAME = "replay-cache"

_LOG = event_log("kerberos")
_READ_AGAIN_SECONDS = 1.1
"""The library looks whether its file has changed once in each second of the clock."""
_KDC = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?")
_REALM = re.compile(r"[A-Za-z0-9._-]+")


def render_krb5_conf(realm: str, kdcs: Sequence[str], deadline_seconds: float) -> str:
    """The file's text. Raises: KerberosSetupError.

    DNS is never asked for KDCs: with that switched on, the library looks for the realm's primary KDC after each answer,
    and a slow name server stops every ticket. So accounts of other realms need a `krb5_conf` of their own.
    """
    if not _REALM.fullmatch(realm):
        raise KerberosSetupError(
            f"`kerberos.principal` names no realm ({realm!r})", 'Write e.g. "svc-handfast@CONTOSO.LAB"'
        )
    for kdc in kdcs:
        if not _KDC.fullmatch(kdc):
            raise KerberosSetupError(
                f"{kdc!r} in `kerberos.kdcs` is no address", 'Write e.g. "dc1.contoso.lab" or "10.0.0.5:88"'
            )
    listed = "".join(f"    kdc = {kdc}\n" for kdc in kdcs)
    return (
        "# Written by handfast from its settings at every start.\n"
        "[libdefaults]\n"
        f"  default_realm = {realm}\n"
        "  dns_lookup_realm = false\n"
        "  dns_lookup_kdc = false\n"
        "  dns_canonicalize_hostname = false\n"
        "  rdns = false\n"
        "  udp_preference_limit = 1\n"
        "  forwardable = true\n"
        # Known from 1.22 on; before, a silent KDC holds a thread for some 50 seconds.
        f"  request_timeout = {max(1, round(deadline_seconds))}s\n"
        f"[realms]\n  {realm} = {{\n{listed}  }}\n"
    )


class KdcOrder:
    """Which KDC is asked first. The library asks them in the file's order and stays with a silent one for ten seconds, far
    longer than a request waits; so the one that was silent goes to the end of the file, which the library reads again.

    Raises, from the start: KerberosSetupError.
    """

    def __init__(self, path: Path, realm: str, kdcs: Sequence[str], deadline_seconds: float) -> None:
        self._path = path
        self._realm = realm
        self._kdcs = tuple(kdcs)
        self._deadline_seconds = deadline_seconds
        self._changed_at = -_READ_AGAIN_SECONDS
        self._write()

    def move_on(self, asked_at: float, now: float) -> None:
        """A question put at `asked_at` was met with silence. That says something of the KDC which is first only if the
        library had read of it by then.
        """
        if len(self._kdcs) < 2 or asked_at < self._changed_at + _READ_AGAIN_SECONDS:
            return
        self._changed_at = now
        self._kdcs = (*self._kdcs[1:], self._kdcs[0])
        try:
            self._write()
        except KerberosSetupError as error:
            _LOG.warning("kdc-order-not-written", problem=error.problem)
            return
        _LOG.warning("kdc-changed", first=self._kdcs[0])

    def _write(self) -> None:
        write_private(self._path, render_krb5_conf(self._realm, self._kdcs, self._deadline_seconds))


def write_private(path: Path, text: str) -> None:
    """The file anew, whole or not at all, mode 0600. Raises: KerberosSetupError."""
    beside = path.with_name(path.name + ".new")
    try:
        beside.unlink(missing_ok=True)
        descriptor = os.open(
            beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
        beside.replace(path)
    except OSError as error:
        raise KerberosSetupError(
            f"{path} can't be written ({error.strerror})", "Check `identity.runtime_dir` and its rights"
        ) from error


def set_environment(conf: Path | None, runtime_dir: Path) -> None:
    """Tells the library where its files are. Before it is loaded, and before other threads read the environment.

    Its replay cache moves from /var/tmp, where its name can be guessed and its place is everybody's, to `runtime_dir`. It
    cannot grow without bound: an entry is 24 bytes and is overwritten once it is older than the permitted clock skew, and
    only tokens that could be decrypted get one. Default key tables are switched off: keys are always named.
    """
    if conf is not None:
        os.environ["KRB5_CONFIG"] = str(conf)
    os.environ["KRB5RCACHENAME"] = f"file2:{runtime_dir / REPLAY_CACHE_NAME}"
    os.environ["KRB5_KTNAME"] = os.environ["KRB5_CLIENT_KTNAME"] = "FILE:/dev/null"
    os.environ["KRB5CCNAME"] = "MEMORY:none"
