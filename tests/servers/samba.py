"""A real Active Directory domain controller: Samba's, for CONTOSO.LAB (who is in it: `samba_domain`).

with DomainController() as dc:
    dc.address, dc.ca_file, dc.settings()     # LDAPS on port 636 of an address of its own, verified as "dc1.contoso.lab"
    subprocess.run(["kinit", "alice"], env=dc.env)
    dc.samba_tool("user", "disable", "alice")
    with dc.frozen(): ...

The first start on a machine provisions the domain (5 to 15 s) and archives it; every other takes 0.5 to 1.5 s: unpack,
write path and address, start. `samba_tool` takes 0.7 s (it loads all of Samba), `ldbmodify` 0.05 s; both work on the database
files, so they also work while it is stopped, and the running server sees the change at once. One process (50 MB) serves
LDAP and the KDC. Each has its own loopback address, because the ports are fixed. Needs root, for ports below 1024.

Use it once for a module or session where tests change nothing that others rely on:

    @pytest.fixture(scope="module")
    def dc():
        with DomainController() as dc:
            yield dc
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import secrets
import signal
import tarfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import pytest

from tests.servers import samba_domain
from tests.servers.authority import Authority
from tests.servers.processes import (
    ServerDidNotStart,
    accepts,
    descendants,
    find_program,
    is_running,
    reserve,
    running,
    server_directory,
    wait_until,
)
from tests.servers.samba_domain import BASE, DOMAIN, REALM, line, service_password

LDAPS_PORT, KERBEROS_PORT = 636, 88
NEEDS = pytest.mark.needs("samba", "samba-tool", "ldbmodify", "kinit")
"""`pytestmark = NEEDS`: programs of Debian's samba-ad-dc, samba-ad-provision, ldb-tools and krb5-user."""
AUDIT = "1 auth_audit:3"
_SIGN_IN = re.compile(
    r"^Auth: \[([^\]]+)\] user \[[^\]]*\]\\\[([^\]]*)\].* (?:became|mapped to) \[[^\]]*\]\\\[([^\]]*)\]",
    re.MULTILINE,
)

_KRB5_CONF = """[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  forwardable = true
  udp_preference_limit = 1
[realms]
  {realm} = {{
    kdc = {address}:88
    kpasswd_server = {address}:464
  }}
[domain_realm]
  .contoso.lab = {realm}
  contoso.lab = {realm}
"""


class DomainController:
    """Made on entering `with` and running until it is left.

    `name` is what its certificate carries; `authority` signs that (several controllers may share one). With
    `invocation_id` it counts its changes as another controller than the archived one: a second DC of the domain that
    doesn't replicate. `smb_options` are further lines of smb.conf's [global]. With `log_level` AUDIT it logs every sign-in
    that anybody tries by LDAP or Kerberos, for `sign_ins`. `store` is LARGE_STORE for a domain of tens of thousands.
    """

    def __init__(
        self,
        name: str = "dc1.contoso.lab",
        *,
        authority: Authority | None = None,
        certificate_names: Sequence[str] = (),
        certificate_days: float = 365,
        invocation_id: uuid.UUID | None = None,
        smb_options: str = "",
        log_level: str = "1",
        store: str = samba_domain.SMALL_STORE,
    ) -> None:
        self.name = name
        self.address = free_address()
        self.authority = authority or Authority.new()
        self._certificate_names = certificate_names or (name,)
        self._certificate_days = certificate_days
        self._invocation_id = invocation_id
        self._smb_options = smb_options
        self._log_level = log_level
        self._store = store
        self._life = contextlib.ExitStack()
        self._running = contextlib.ExitStack()
        self._pid: int | None = None

    def __enter__(self) -> DomainController:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(server_directory("samba"))
            with tarfile.open(samba_domain.archive(self._store)) as tar:
                tar.extractall(folder, filter="fully_trusted")  # our own, from a private folder
            self.home = folder / "dc"
            self._configure()
            stack.callback(self.stop)
            self.start()
            self._life = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._life.close()

    # What tests and programs are told of it

    @property
    def ca_file(self) -> Path:
        """The CA of its certificate."""
        return self.home / "tls" / "ca.pem"

    @property
    def krb5_conf(self) -> Path:
        return self.home / "krb5.conf"

    @property
    def env(self) -> dict[str, str]:
        """The environment for Kerberos programs: this KDC, and a ticket cache of the domain's own."""
        return {**os.environ, "KRB5_CONFIG": str(self.krb5_conf), "KRB5CCNAME": f"FILE:{self.home}/ccache"}

    @property
    def log(self) -> Path:
        return self.home / "log"

    def sign_ins(self) -> list[tuple[str, str]]:
        """(way, user in lower case without domain) of each sign-in that was tried so far, whatever form of name was sent; as
        sent where nobody has the name. Needs `log_level` AUDIT.
        """
        found = _SIGN_IN.findall(self.log.read_text(errors="replace"))
        named = ((way, sent if user == "(null)" else user) for way, sent, user in found)
        return [(way, user.rpartition("\\")[2].partition("@")[0].lower()) for way, user in named]

    def keytab(self, name: str) -> Path:
        """One of `samba_domain.KEYTABS`: "gw", "fe", "ex" or "read" (AES keys)."""
        return self.home / f"{name}.keytab"

    def password_file(self, account: str = "svc-read") -> Path:
        """A service account's password, readable for its owner alone."""
        path = self.home / f"{account}.password"
        if not path.exists():
            path.touch(0o600)
            path.write_text(service_password(account) + "\n")
        return path

    def settings(self, *others: DomainController, **more: str | float) -> str:
        """A `[directory]` section for this controller first and `others` after it; `more` are further keys."""
        keys: dict[str, str | float] = {
            "ca_file": str(self.ca_file),
            "bind_user": f"svc-read@{REALM.lower()}",
            "bind_password_file": str(self.password_file()),
            "poll_seconds": 1.0,
            **more,
        }
        text = "[directory]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
        for dc in (self, *others):
            text += f'\n[[directory.server]]\nname = "{dc.name}"\naddress = "{dc.address}"\n'
        return text

    # Its life

    def start(self) -> None:
        """Starts it (again) at the same address."""
        settings = str(self.home / "etc" / "smb.conf")
        command = [find_program("samba"), "-F", "--no-process-group", "-M", "single", "-s", settings]
        context = running(
            [*command, "--debug-stdout", f"-d{self._log_level}"],
            log=self.log,
            directory=self.home,
            ready=lambda: accepts(LDAPS_PORT, self.address) and accepts(KERBEROS_PORT, self.address),
        )
        self._pid = self._running.enter_context(context).pid

    def stop(self) -> None:
        """Ends it, frozen or not. Nothing happens when it is stopped."""
        if self._pid is not None:
            self.thaw()
        self._running.close()
        self._pid = None

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def processes(self) -> list[int]:
        """Ids of all its processes."""
        return [self._pid, *descendants(self._pid)] if self._pid is not None else []

    def freeze(self) -> None:
        """Stops every process of it (SIGSTOP): the kernel goes on accepting connections, nobody answers."""
        for pid in self.processes:
            os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: all(_state(pid) == "T" for pid in self.processes), "frozen", 10)

    def thaw(self) -> None:
        """Lets it go on."""
        for pid in self.processes:
            if is_running(pid):
                os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Frozen within the block."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    # What changes in it

    def samba_tool(self, *arguments: str) -> str:
        """`samba-tool ... -H sam.ldb`, on the database files; returns what it printed. Raises: ServerDidNotStart."""
        return samba_domain.run(
            "samba-tool", *arguments, "-H", self.database, "-s", str(self.home / "etc" / "smb.conf")
        )

    def ldbmodify(self, ldif: str, *options: str) -> None:
        """Changes, additions ("changetype: add") and deletions as LDIF. Raises: ServerDidNotStart."""
        samba_domain.run("ldbmodify", "-H", self.database, *options, stdin=ldif)

    def add_users(self, *names: str) -> None:
        """People of the common password, each with a mail address."""
        entries = (
            samba_domain.user_entry(name, {"mail": f"{name}@mail.{REALM.lower()}"}, samba_domain.PASSWORD)
            for name in names
        )
        kind = "objectClass: user\n"
        self.ldbmodify("".join(entries).replace(kind, f"changetype: add\n{kind}"))

    def ldbsearch(self, expression: str, *attributes: str) -> str:
        """What `ldbsearch` prints, unwrapped."""
        found = samba_domain.run("ldbsearch", "-H", self.database, expression, *attributes)
        return found.replace("\n ", "")

    def set_values(self, dn: str, **values: str | float | bytes) -> None:
        """Replaces attributes of an object; "" removes one. Underscores stand for hyphens."""
        parts = []
        for name, value in values.items():
            attribute = name.replace("_", "-")
            parts.append(
                f"replace: {attribute}\n{line(attribute, value)}" if value != "" else f"delete: {attribute}\n"
            )
        self.ldbmodify(line("dn", dn) + "changetype: modify\n" + "-\n".join(parts) + "\n")

    def set_user(self, name: str, **values: str | float | bytes) -> None:
        """`set_values` of the account with this sAMAccountName, if it was there from the start."""
        self.set_values(samba_domain.user_dn(name), **values)

    def force_value(self, dn: str, attribute: str, value: str) -> None:
        """Replaces it past what this controller checks, as a change comes that another controller let through."""
        ldif = line("dn", dn) + f"changetype: modify\nreplace: {attribute}\n{line(attribute, value)}\n"
        partition = self.home / "private" / "sam.ldb.d" / f"{BASE.upper()}.ldb"
        samba_domain.run("ldbmodify", "-H", str(partition), stdin=ldif)
        self.set_values(dn, description=secrets.token_hex(4))  # which counts as a change

    def show_deleted_to(self, name: str) -> None:
        """Lets the account see deleted objects: the container's rights as they come, and LCRP for it."""
        rights = (
            f"PAI(A;;RPWPCCDCLCRCWOWDSDDTSW;;;SY)(A;;RPLC;;;BA)(A;;RPLC;;;{self.value(name, 'objectSid')})"
        )
        head = line("dn", f"CN=Deleted Objects,{BASE}") + "changetype: modify\n"
        change = "replace: nTSecurityDescriptor\n" + line("nTSecurityDescriptor", f"O:SYG:SYD:{rights}")
        self.ldbmodify(head + change + "\n", "--controls=show_deleted:1")

    def value(self, name: str, attribute: str) -> str:
        """One attribute of the account with this sAMAccountName; "" where it has none."""
        found = self.ldbsearch(f"(sAMAccountName={name})", attribute)
        values = [text.partition(": ")[2] for text in found.splitlines() if text.startswith(f"{attribute}: ")]
        return values[0] if values else ""

    def sids(self) -> dict[str, str]:
        """Of every account, by its sAMAccountName in small letters."""
        found = self.ldbsearch("(&(objectClass=user)(sAMAccountName=*))", "sAMAccountName", "objectSid")
        sids = {}
        for record in found.split("\n\n"):
            lines = dict(text.split(": ", 1) for text in record.splitlines() if ": " in text)
            if "objectSid" in lines:
                encoded = lines.get("sAMAccountName:")  # Base64 has two colons (RFC 2849).
                name = base64.b64decode(encoded).decode() if encoded else lines["sAMAccountName"]
                sids[name.casefold()] = lines["objectSid"]
        return sids

    def export_keytab(self, keytab: Path, principal: str) -> None:
        """Adds the principal's keys to the file."""
        samba_domain.export_keytab(self.home / "etc" / "smb.conf", keytab, principal)

    def set_invocation_id(self, invocation_id: uuid.UUID) -> None:
        """What a restoration from a backup does; counts from the next start. Source: MS-ADTS 3.1.1.1.9."""
        dn = f"CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,{BASE}"
        self.set_values(dn, invocationId=invocation_id.bytes_le)

    def set_certificate(self, *names: str, authority: Authority | None = None, days: float = 365) -> None:
        """A certificate for other names, of another CA or with another end; counts from the next start. `ca_file` stays."""
        (authority or self.authority).issue(self.home / "tls", names, days=days)

    @property
    def database(self) -> str:
        return str(self.home / "private" / "sam.ldb")

    def _configure(self) -> None:
        settings = samba_domain.smb_conf(self.home, self.address, self._smb_options)
        (self.home / "etc" / "smb.conf").write_text(settings)
        self.krb5_conf.write_text(_KRB5_CONF.format(realm=REALM, address=self.address))
        for name in ("run", "state", "cache", "ncalrpc", "winbindd", "ntp_signd"):
            (self.home / name).mkdir(exist_ok=True)
        self.set_certificate(*self._certificate_names, days=self._certificate_days)
        self.ca_file.write_bytes(self.authority.pem)
        if self._invocation_id is not None:
            self.set_invocation_id(self._invocation_id)


def free_address() -> str:
    """A loopback address (127.77.x.y) nobody else was given; it stays ours until this process ends, like `free_port`."""
    for _ in range(100):
        number = 256 + secrets.randbelow(0xFE00)
        address = f"127.77.{number >> 8}.{number & 0xFF}"
        if (
            number & 0xFF not in (0, 255)
            and reserve("addresses", number)
            and not accepts(LDAPS_PORT, address)
        ):
            return address
    raise ServerDidNotStart("no free loopback address in 100 tries")


def _state(pid: int) -> str:
    """The process's state as the kernel's letter; "" once it is gone. Source: proc(5)."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


__all__ = [
    "AUDIT",
    "BASE",
    "DOMAIN",
    "NEEDS",
    "REALM",
    "DomainController",
    "free_address",
    "service_password",
]
