"""The domain CONTOSO.LAB: how it is provisioned, who is in it, and the archive in which a machine keeps it.

Provisioning takes 5 to 15 s, once for each machine, version of Samba and content of this file; the archive (a few MB) lies
in a private folder under the user's temporary directory.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.processes import ServerDidNotStart, find_program, server_directory

REALM = "CONTOSO.LAB"
DOMAIN = "CONTOSO"
BASE = "DC=contoso,DC=lab"
USERS = f"CN=Users,{BASE}"
MAIL_DOMAIN = "contoso.com"
ADMINISTRATOR_PASSWORD = "Adm1n-Passw0rd!"
PASSWORD = "Passw0rd.1"
"""Of every person; a service account's is `service_password(name)`."""
LOCKOUT_THRESHOLD = 5
SMALL_STORE, LARGE_STORE = "tdb", "mdb"
"""Samba's databases: with mdb a domain of 100,000 is made in three quarters of the time, and what changed since a USN is found
in an index, as on Windows (0.1 s; tdb looks at every object, 6 s).
"""
MINUTE = 60 * 10_000_000
"""In the directory's units of 100 ns."""
PHASE_OUT = 132223104000000000
"""1 January 2020 as a FILETIME: when dave left."""

PEOPLE: dict[str, dict[str, str | int]] = {
    "alice": {"displayName": "Alice Example"},
    "bob": {"displayName": "Bob Example"},
    "carol": {"userAccountControl": 0x202},
    "dave": {"accountExpires": PHASE_OUT},
    "erin": {"userAccountControl": 0x100200},
    "frank": {"pwdLastSet": 0},
    "grace": {"userAccountControl": 0x10200},
    "heidi": {},
    "jörg.o'neil": {
        "cn": "Jörg O'Neil",
        "displayName": "Jörg O'Neil",
        "userPrincipalName": "jörg.o'neil@contoso.lab",
    },
    "smith(j)": {"cn": "Smith, John (Sales)", "displayName": "Smith, John (Sales)"},
    "back": {"cn": "Back\\Slash * and #", "displayName": "Back\\Slash * and #"},
    "山田": {"cn": "山田 太郎", "displayName": "山田 太郎", "userPrincipalName": "yamada@contoso.lab"},
    "no-upn": {"userPrincipalName": ""},
    "other-name": {"userPrincipalName": "quite.different@partner.example"},
}
"""carol is disabled, dave expired, erin not delegable (NOT_DELEGATED), frank must change his password, grace's never
expires, heidi is one of the Protected Users.
"""

SERVICES: dict[str, dict[str, str | int]] = {
    "svc-read": {},
    "svc-gw": {
        "servicePrincipalName": "HTTP/gateway.contoso.lab",
        "userAccountControl": 0x1010200,  # TRUSTED_TO_AUTH_FOR_DELEGATION: protocol transition
        "msDS-AllowedToDelegateTo": "HTTP/fe.contoso.lab",
    },
    "svc-fe": {"servicePrincipalName": "HTTP/fe.contoso.lab"},
    "svc-ex": {"servicePrincipalName": "HTTP/mail.contoso.lab"},
}
"""svc-read reads and has no further rights. The passwords of all never expire; their keys are AES."""

GROUPS: dict[str, Sequence[str]] = {
    "MobileUsers": ("alice", "bob", "jörg.o'neil", "Phones"),
    "Berlin": ("alice",),
    "Sales": ("Berlin", "smith(j)"),
    "Phones": ("Sales", "山田"),
    "Loop-A": ("Loop-B",),
    "Loop-B": ("Loop-A", "bob"),
    "Everything, (odd) Group": ("back", "Loop-A"),
}
"""Global security groups and their members; Loop-A and Loop-B are in each other."""

LOCAL_GROUPS: dict[str, Sequence[str]] = {"Helpdesk": ("Berlin", "carol")}
"""Domain local security groups."""

MAILING_LISTS: dict[str, Sequence[str]] = {"Newsletter": ("alice", "bob")}
"""Distribution groups: they give no rights."""

KEYTABS = {
    "gw": ("svc-gw", "HTTP/gateway.contoso.lab"),
    "fe": ("svc-fe", "HTTP/fe.contoso.lab"),
    "ex": ("svc-ex", "HTTP/mail.contoso.lab"),
    "read": ("svc-read",),
}
"""File (`NAME.keytab`) and the principals in it."""

_GLOBAL, _LOCAL, _SECURITY = 2, 4, -0x80000000  # MS-ADTS 2.2.12
GLOBAL_SECURITY = _GLOBAL | _SECURITY


def service_password(name: str) -> str:
    """Of the service account `name`, e.g. "svc-gw"."""
    return f"{name}-Passw0rd.1"


def escaped(value: str) -> str:
    """A value within a distinguished name (RFC 4514 2.4)."""
    return "".join(f"\\{char}" if char in ',+"\\<>;=#' else char for char in value)


def line(attribute: str, value: str | bytes | float) -> str:
    """One attribute in LDIF, Base64 wherever it could be misread (RFC 2849)."""
    data = value if isinstance(value, bytes) else str(value).encode()
    return f"{attribute}:: {base64.b64encode(data).decode()}\n"


def user_dn(name: str) -> str:
    """Where the account with this sAMAccountName is."""
    entry = PEOPLE.get(name) or SERVICES.get(name) or {}
    return f"CN={escaped(str(entry.get('cn', name)))},{USERS}"


def user_entry(name: str, attributes: Mapping[str, str | int], password: str) -> str:
    """A user to add; an attribute that is "" is left out."""
    values: dict[str, str | int | bytes] = {
        "sAMAccountName": name,
        "userPrincipalName": f"{name}@{REALM.lower()}",
        "userAccountControl": 0x200,
        "unicodePwd": f'"{password}"'.encode("utf-16le"),
        **attributes,
    }
    values.pop("cn", None)
    text = line("dn", f"CN={escaped(str(attributes.get('cn', name)))},{USERS}") + "objectClass: user\n"
    return text + "".join(line(key, value) for key, value in values.items() if value != "") + "\n"


def group_entry(name: str, members: Sequence[str], kind: int) -> str:
    """A group to add; its members are users or groups that are there already."""
    text = line("dn", f"CN={escaped(name)},{USERS}") + "objectClass: group\n"
    text += line("sAMAccountName", name.replace(",", "")) + line("groupType", kind)
    return text + "".join(line("member", member_dn(member)) for member in members) + "\n"


def member_dn(name: str) -> str:
    """Of a user or a group of this file."""
    return user_dn(name) if name in PEOPLE or name in SERVICES else f"CN={escaped(name)},{USERS}"


def _policy() -> str:
    values = {
        "pwdProperties": 0,
        "minPwdAge": 0,
        "lockoutThreshold": LOCKOUT_THRESHOLD,
        "lockoutDuration": -30 * MINUTE,
        "lockOutObservationWindow": -30 * MINUTE,
    }
    text = line("dn", BASE) + "changetype: modify\n"
    return text + "-\n".join(f"replace: {name}\n{line(name, value)}" for name, value in values.items()) + "\n"


def _seed() -> str:
    """Everybody and everything, as one LDIF file to add. A loop is closed afterwards."""
    entries = []
    for name, attributes in PEOPLE.items():
        ascii_name = name if name.isascii() and name.isalpha() else f"mail.{len(entries)}"
        mail: dict[str, str | int] = {"mail": f"{ascii_name}@{MAIL_DOMAIN}", "givenName": name}
        entries.append(user_entry(name, {**mail, **attributes}, PASSWORD))
    for name, attributes in SERVICES.items():
        standing: dict[str, str | int] = {"userAccountControl": 0x10200, "msDS-SupportedEncryptionTypes": 24}
        entries.append(user_entry(name, {**standing, **attributes}, service_password(name)))
    entries += [group_entry(name, (), GLOBAL_SECURITY) for name in GROUPS]
    entries += [group_entry(name, (), _LOCAL | _SECURITY) for name in LOCAL_GROUPS]
    entries += [group_entry(name, (), _GLOBAL) for name in MAILING_LISTS]
    return "".join(entries)


def _memberships() -> str:
    groups = {**GROUPS, **LOCAL_GROUPS, **MAILING_LISTS, "Protected Users": ("heidi",)}
    text = ""
    for name, members in groups.items():
        text += line("dn", f"CN={escaped(name)},{USERS}") + "changetype: modify\nadd: member\n"
        text += "".join(line("member", member_dn(member)) for member in members) + "\n"
    return text


def smb_conf(home: Path, address: str, more: str = "") -> str:
    """Samba's settings with everything under `home` and every port on `address`."""
    return f"""[global]
  netbios name = DC1
  realm = {REALM}
  workgroup = {DOMAIN}
  server role = active directory domain controller
  private dir = {home}/private
  lock directory = {home}
  state directory = {home}/state
  cache directory = {home}/cache
  pid directory = {home}/run
  ncalrpc dir = {home}/ncalrpc
  winbindd socket directory = {home}/winbindd
  ntp signd socket directory = {home}/ntp_signd
  binddns dir = {home}/bind-dns
  log file = {home}/log.samba
  interfaces = {address}/8
  bind interfaces only = yes
  server services = ldap, cldap, kdc
  dcerpc endpoint servers = -winreg -srvsvc
  krb5 port = 88
  kpasswd port = 464
  tls enabled = yes
  tls keyfile = {home}/tls/key.pem
  tls certfile = {home}/tls/cert.pem
  tls cafile = {home}/tls/ca.pem
  ldap server require strong auth = allow_sasl_over_tls
  dns forwarder =
{more}"""


def archive(store: str = SMALL_STORE) -> Path:
    """The archived domain; made first where this machine has none for this recipe. Raises: ServerDidNotStart."""
    folder = Path(tempfile.gettempdir()) / f"handfast-test-domains-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid() or folder.stat().st_mode & 0o077:
        raise ServerDidNotStart(f"{folder} is not a private folder of ours: remove it")
    wanted = folder / f"{_recipe(store)}.tar"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests of another process may want it at the same time
        if not wanted.exists():
            _make(wanted, store)
    return wanted


def _recipe(store: str) -> str:
    version = subprocess.run([find_program("samba"), "--version"], capture_output=True, check=True).stdout
    return hashlib.sha256(Path(__file__).read_bytes() + version + store.encode()).hexdigest()[:16]


def _make(wanted: Path, store: str) -> None:
    with server_directory("domain") as directory:
        home = directory / "dc"
        _provision(home, store)
        with tarfile.open(wanted.with_suffix(".part"), "w") as tar:
            tar.add(home, arcname="dc")
    wanted.with_suffix(".part").replace(wanted)


def _provision(home: Path, store: str) -> None:
    """Works on the database files; no server runs."""
    run(
        *("samba-tool", "domain", "provision", f"--realm={REALM}", f"--domain={DOMAIN}", "--server-role=dc"),
        *(
            "--dns-backend=NONE",
            "--host-name=dc1",
            "--host-ip=127.0.0.10",
            f"--adminpass={ADMINISTRATOR_PASSWORD}",
            f"--backend-store={store}",
        ),
        *(f"--targetdir={home}", "--option=interfaces=127.0.0.10/8", "--option=bind interfaces only=yes"),
    )
    settings = home / "etc" / "smb.conf"
    settings.write_text(smb_conf(home, "127.0.0.10"))
    database = str(home / "private" / "sam.ldb")
    run("ldbmodify", "-H", database, stdin=_policy())
    run("ldbadd", "-H", database, stdin=_seed())
    run("ldbmodify", "-H", database, stdin=_memberships())
    for name, principals in KEYTABS.items():
        for principal in principals:
            export_keytab(settings, home / f"{name}.keytab", principal)
    shutil.rmtree(home / "state" / "sysvol", ignore_errors=True)  # group policy files nobody serves


def export_keytab(settings: Path, keytab: Path, principal: str) -> None:
    """Adds the principal's keys as they stand in the database."""
    words = ("domain", "exportkeytab", str(keytab), f"--principal={principal}", "-s", str(settings))
    run("samba-tool", *words)


def run(program: str, *arguments: str, stdin: str | None = None) -> str:
    """A tool of Samba, to its end; returns what it printed. Raises: ServerDidNotStart with its words."""
    done = subprocess.run(
        [find_program(program), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    if done.returncode:
        said = (done.stderr + done.stdout).strip()[-2000:]
        raise ServerDidNotStart(f"{program} {' '.join(arguments[:2])}: {done.returncode}\n{said}")
    return done.stdout
