"""SOGo as a real ActiveSync server, with all it needs: PostgreSQL, dovecot (IMAP) and memcached.

Users and passwords are rows of an SQL table, so a test changes a password behind the gateway's back with one statement.
Changes of a mailbox show in a hanging Ping or Sync within two seconds or so.
"""

from __future__ import annotations

import contextlib
import email.message
import email.utils
import imaplib
import re
import shutil
import signal
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers.postgresql import PostgresqlServer
from tests.servers.processes import (
    LOOPBACK,
    accepts,
    as_user,
    find_program,
    free_port,
    give,
    running,
    server_directory,
)

ACTIVESYNC_PATH = "/SOGo/Microsoft-Server-ActiveSync"
MAIL_DOMAIN = "contoso.com"
DATABASE = "sogo"
FIRST_MAIL = "Welcome"

# `... "POST /SOGo/Microsoft-Server-ActiveSync?Cmd=Ping&User=alice&DeviceId=... HTTP/1.1" 200 15/13 10.012 ...`
_ACCESS = re.compile(
    r'"(?P<method>[A-Z]+) (?P<target>/SOGo/Microsoft-Server-ActiveSync\S*) HTTP/[\d.]+" (?P<status>\d{3}) '
)
_WRONG_PASSWORD = re.compile(r"tried wrong password for user '([^']*)'")
_USER = re.compile(r"[?&]User=([^&]*)")

_DOVECOT = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap
listen = {host}
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{home}/mail/%n
first_valid_uid = 1
default_internal_user = dovecot
default_login_user = dovenull
default_vsz_limit = 1G
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={home}/mail/%n
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Drafts {{
    auto = subscribe
    special_use = \\Drafts
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
}}
"""

_SQL_USERS = (
    '({{type=sql; id=users; viewURL="{url}"; canAuthenticate=YES; isAddressBook=NO;'
    " userPasswordAlgorithm=none; displayName=Users; MailFieldNames=(mail);}})"
)


@dataclass(frozen=True)
class AccessLine:
    """One request SOGo answered; `user` is what its query claimed ("" without)."""

    method: str
    target: str
    user: str
    status: int


@dataclass(frozen=True)
class SogoServer:
    """A running SOGo. `log` is what sogod wrote; `requests()` and `failed_logins()` read it."""

    port: int
    imap_port: int
    database: PostgresqlServer
    memcached_socket: Path
    log: Path
    pid: int
    host: str = LOOPBACK

    @property
    def url(self) -> str:
        """Base URL, `http://host:port`; ActiveSync is at `ACTIVESYNC_PATH` below it."""
        return f"http://{self.host}:{self.port}"

    def add_user(self, user: str, password: str) -> None:
        """An account with one mail."""
        row = f"('{user}', '{user}', '{password}', '{user.title()}', '{user}@{MAIL_DOMAIN}')"
        self.database.execute(f"INSERT INTO users VALUES {row}", DATABASE)
        self.add_mailbox(user)

    def add_mailbox(self, user: str) -> None:
        """An inbox with one mail, for somebody whom the source of users knows; dovecot counts its changes.

        It doesn't until some client asks for CONDSTORE (RFC 7162 3.1), and SOGo doesn't ask: its sync key stays -1.
        """
        self.deliver(user, FIRST_MAIL)
        with self._imap(user) as imap:
            imap.enable("CONDSTORE")
            imap.select("INBOX")

    def set_password(self, user: str, password: str) -> None:
        """The new password holds at once: what SOGo remembers of sign-ins is thrown away."""
        self.database.execute(f"UPDATE users SET c_password = '{password}' WHERE c_uid = '{user}'", DATABASE)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.memcached_socket))
            connection.sendall(b"flush_all\r\n")
            assert connection.recv(16).startswith(b"OK")

    def deliver(self, user: str, subject: str, text: str = "Hello.") -> None:
        """Puts a mail into the user's inbox."""
        message = email.message.EmailMessage()
        message["From"] = f"bob@{MAIL_DOMAIN}"
        message["To"] = f"{user}@{MAIL_DOMAIN}"
        message["Subject"] = subject
        message["Date"] = email.utils.formatdate()
        message["Message-Id"] = email.utils.make_msgid(domain=MAIL_DOMAIN)
        message.set_content(text)
        with self._imap(user) as imap:
            kind, answer = imap.append("INBOX", "", "", message.as_bytes())
            assert kind == "OK", answer

    @contextlib.contextmanager
    def _imap(self, user: str) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4(self.host, self.imap_port) as imap:
            imap.login(user, "any will do")
            yield imap

    def requests(self) -> tuple[AccessLine, ...]:
        """The ActiveSync requests answered so far, in order. One still hanging isn't among them."""
        lines = _ACCESS.finditer(self.log.read_text(errors="replace"))
        return tuple(
            AccessLine(
                found["method"],
                found["target"],
                user[1] if (user := _USER.search(found["target"])) else "",
                int(found["status"]),
            )
            for found in lines
        )

    def failed_logins(self, user: str | None = None) -> int:
        """Sign-ins with a wrong password that SOGo saw so far: of this user, or of all."""
        failed = Counter(_WRONG_PASSWORD.findall(self.log.read_text(errors="replace")))
        return failed.total() if user is None else failed[user]


@dataclass(frozen=True)
class DirectoryUsers:
    """Users of an Active Directory, read over LDAPS with the account and password given."""

    url: str
    base: str
    bind_user: str
    bind_password: str
    ca_file: Path

    @property
    def source(self) -> str:
        """As SOGo has it in its settings."""
        return (
            "({type=ldap; id=ad; CNFieldName=displayName; IDFieldName=sAMAccountName; UIDFieldName=sAMAccountName;"
            f' baseDN="{self.base}"; bindDN="{self.bind_user}"; bindPassword="{self.bind_password}";'
            f' bindFields=(sAMAccountName); hostname="{self.url}"; filter="objectClass=person";'
            " canAuthenticate=YES; isAddressBook=NO; displayName=AD;})"
        )


@contextlib.contextmanager
def sogo(
    users: Mapping[str, str], *, trust_header: bool = False, directory_users: DirectoryUsers | None = None
) -> Iterator[SogoServer]:
    """Runs SOGo with these users (name -> password); about two seconds to start.

    With `trust_header` it believes `x-webobjects-remote-user` and asks for no password. With `directory_users` its users
    are those. Needs root: dovecot does.
    """
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(server_directory("sogo"))
        database = stack.enter_context(PostgresqlServer())
        database.create_database(DATABASE)
        database.execute(
            "CREATE TABLE users (c_uid text PRIMARY KEY, c_name text, c_password text, c_cn text, mail text)",
            DATABASE,
        )
        home = give(directory / "home", "sogo")
        imap_port = stack.enter_context(_dovecot(directory))
        memcached_socket = stack.enter_context(_memcached(home))
        port = free_port()
        environment = {"HOME": str(home)}
        source = _SQL_USERS.format(url=f"{_base(database)}/users")
        if directory_users is not None:
            source = directory_users.source
            environment["LDAPTLS_CACERT"] = shutil.copy(directory_users.ca_file, home / "ca.pem")
        options = _sogo_options(database, port, imap_port, memcached_socket, home, source)
        trust = ["-SOGoTrustProxyAuthentication", "YES" if trust_header else "NO"]
        command = [*as_user("sogo"), find_program("sogod"), *options, *trust]
        log = directory / "sogo.log"
        process = stack.enter_context(
            running(
                command,
                log=log,
                environment=environment,
                directory=home,
                ready=lambda: accepts(port),
                # It ignores SIGTERM while a worker holds a Ping; all it has is thrown away anyway.
                stop_signal=signal.SIGKILL,
            )
        )
        server = SogoServer(port, imap_port, database, memcached_socket, log, process.pid)
        for user, password in users.items():
            server.add_user(user, password)
        yield server


@contextlib.contextmanager
def _dovecot(directory: Path) -> Iterator[int]:
    """IMAP for any name with any password: SOGo has verified it. Yields the port."""
    home, port = directory / "dovecot", free_port()
    home.mkdir()
    give(home / "mail", "mail")
    settings = home / "dovecot.conf"
    settings.write_text(_DOVECOT.format(home=home, host=LOOPBACK, port=port))
    command = [find_program("dovecot"), "-F", "-c", str(settings)]
    with running(command, log=home / "out", ready=lambda: accepts(port)):
        yield port


@contextlib.contextmanager
def _memcached(home: Path) -> Iterator[Path]:
    """SOGo refuses to work without one. Yields its socket."""
    path = home / "memcached.sock"
    command = [find_program("memcached"), "-u", "sogo", "-s", str(path), "-a", "0777", "-m", "16"]
    with running(command, log=home / "memcached.log", ready=path.exists):
        yield path


def _base(database: PostgresqlServer) -> str:
    """Its URL parser wants a password; the server trusts anyone."""
    return f"postgresql://postgres:x@{database.host}:{database.port}/{DATABASE}"


def _sogo_options(
    database: PostgresqlServer,
    port: int,
    imap_port: int,
    memcached_socket: Path,
    home: Path,
    source: str,
) -> list[str]:
    """SOGo's settings as command line words; they stand before its configuration files."""
    base = _base(database)
    options = {
        "WOUseWatchDog": "YES",  # without it one process answers one request at a time
        "WONoDetach": "YES",
        "WOPort": f"{LOOPBACK}:{port}",
        "WOPidFile": str(home / "sogo.pid"),
        "WOLogFile": "-",
        "WOWorkersCount": "6",  # each hanging Ping keeps one busy
        "SOGoUserSources": source,
        "SOGoMemcachedHost": str(memcached_socket),
        "SOGoIMAPServer": f"imap://{LOOPBACK}:{imap_port}",
        "SOGoSMTPServer": f"smtp://{LOOPBACK}:1",  # nobody: tests send no mail
        "SOGoMailDomain": MAIL_DOMAIN,
        "SOGoSieveScriptsEnabled": "NO",
        "SOGoMaximumPingInterval": "60",
        "SOGoMaximumSyncInterval": "60",
        "SOGoInternalSyncInterval": "1",  # how often a hanging request looks for news, in seconds
    }
    tables = {
        "SOGoProfileURL": "user_profile",
        "OCSFolderInfoURL": "folder_info",
        "OCSSessionsFolderURL": "sessions_folder",
        "OCSEMailAlarmsFolderURL": "alarms_folder",
        "OCSStoreURL": "store",
        "OCSAclURL": "acl",
        "OCSCacheFolderURL": "cache_folder",
        "OCSAdminURL": "admin",
    }
    options |= {name: f"{base}/sogo_{table}" for name, table in tables.items()}
    return [word for name, value in options.items() for word in (f"-{name}", value)]
