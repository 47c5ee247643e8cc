"""One connection to one domain controller, and all that blocks. A session is used by one thread at a time."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from handfast.directory import bind_answer
from handfast.directory.entries import Entry, build_entry
from handfast.directory.library import LDAPException, ldap3
from handfast.directory.tls import VerifiedTls, whole_seconds
from handfast.identity.directory.ports import PasswordVerdict
from handfast.identity.ports import Unavailable

T = TypeVar("T")

PAGE_SIZE = 500
"""Objects in one answer; controllers refuse more than 1,000 (MaxPageSize). Source: MS-ADTS 3.1.1.3.4.6."""

EXTENDED_DN: tuple[str, bool, bytes] = ("1.2.840.113556.1.4.529", True, b"\x30\x03\x02\x01\x01")
"""Distinguished names with GUID and SID, as text. Source: MS-ADTS 3.1.1.3.4.1.5."""
SHOW_DELETED: tuple[str, bool, bytes | None] = ("1.2.840.113556.1.4.417", True, None)
"""Tombstones too. Source: MS-ADTS 3.1.1.3.4.1.14."""

_SUCCESS, _SIZE_LIMIT, _REFERRAL, _NO_SUCH_OBJECT, _INVALID_CREDENTIALS = 0, 4, 10, 32, 49  # RFC 4511 4.1.9

Controls = Sequence[tuple[str, bool, bytes | None]]


class ControllerFailed(Unavailable):
    """A domain controller did not answer, or not as it must; another may."""


class CertificateRefused(ControllerFailed):
    """Whoever answers there has not proved to be the controller: the chain, the name or the time is wrong."""


class BindRefused(ControllerFailed):
    """The controller refuses Handfast's own account; it would refuse it everywhere, and count it."""


class AccountShut(BindRefused):
    """It refuses the account as locked, disabled or expired: its password was not found wrong, and nothing is counted."""


class NoSuchObject(ControllerFailed):
    """The base of a search is not there."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a controller is, and who it must prove to be."""

    name: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a search's answer; with a `cookie` there is more."""

    entries: tuple[Entry, ...]
    cookie: bytes = b""


@dataclass(frozen=True, slots=True)
class BindAnswer:
    """What a controller says of a name and a password. `message` is its diagnostic text."""

    is_accepted: bool
    message: str = ""


class Session:
    """`open` comes first. What asks the controller blocks for at most the timeout (times a few round trips). Raises: ControllerFailed."""

    def __init__(self, address: Address, context: ssl.SSLContext, timeout_seconds: float) -> None:
        self._address = address
        self._connection: Any = None
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._is_ended = False
        self._tls = VerifiedTls(context, address.name, timeout_seconds)

    def open(self) -> None:
        """Connects; the controller has then proved who it is."""
        server = ldap3.Server(
            self._address.host,
            self._address.port,
            use_ssl=True,
            tls=self._tls,
            get_info=ldap3.NONE,
            connect_timeout=self._timeout_seconds,
        )
        self._connection = ldap3.Connection(
            server,
            client_strategy=ldap3.SYNC,
            auto_referrals=False,
            auto_range=False,
            check_names=False,
            receive_timeout=whole_seconds(self._timeout_seconds),
        )
        try:
            self._connection.open(read_server_info=False)
        except (LDAPException, OSError) as error:
            name, said = self._address.name, _shortened(str(error))
            if self._tls.refusal:
                said = f"{name}: its certificate is not to be trusted: {_shortened(self._tls.refusal)}"
                raise CertificateRefused(said) from None
            if "invalid server address" in said:
                raise ControllerFailed(f"{name}: {self._address.host} has no address here") from None
            raise ControllerFailed(f"{name}: can't be reached: {said}") from None

    def bind(self, user: str, password: str) -> BindAnswer:
        """A simple bind. An empty name or password would be an anonymous bind that succeeds, so neither is ever sent.

        Source: RFC 4513 5.1.2.
        """
        if not user or not password:
            return BindAnswer(is_accepted=False, message="an empty name or password is not sent")
        # As bytes, because ldap3 would normalize text (SASLprep), which Windows does not: another password would be tried.
        self._connection.user, self._connection.password = user, password.encode("utf-8")
        self._connection.authentication = ldap3.SIMPLE
        try:
            with self._failures():
                self._connection.bind(read_server_info=False)
                result = self._connection.result
        finally:
            self._connection.password = None
        code, message = result["result"], str(result.get("message") or "")
        if code not in (_SUCCESS, _INVALID_CREDENTIALS):
            raise ControllerFailed(f"{self._address.name}: bind: {_printable(result)}")
        return BindAnswer(code == _SUCCESS, message)

    def sign_in(self, user: str, password: str) -> None:
        """Binds as Handfast's own account. Raises: BindRefused, as AccountShut where it may be the right password."""
        answer = self.bind(user, password)
        if not answer.is_accepted:
            is_wrong = bind_answer.verdict(answer.message) is PasswordVerdict.WRONG
            said = f"{self._address.name} refuses {user}: {bind_answer.words(answer.message)}"
            raise BindRefused(said) if is_wrong else AccountShut(said)

    def search(
        self,
        base: str,
        query: str,
        attributes: Sequence[str],
        *,
        scope: str = ldap3.SUBTREE,
        controls: Controls = (),
        page_size: int = PAGE_SIZE,
        cookie: bytes = b"",
        patience: int = 1,
    ) -> Page:
        """One page of a search, for which we wait `patience` timeouts; referrals are not followed and not counted."""
        with self._failures():
            self._connection.socket.settimeout(self._timeout_seconds * patience)
            self._connection.search(
                base,
                query,
                scope,
                attributes=list(attributes),
                controls=list(controls) or None,
                paged_size=page_size if scope != ldap3.BASE else None,
                paged_cookie=cookie or None,
            )
            result, response = self._connection.result, self._connection.response
        code = result["result"]
        if code == _NO_SUCH_OBJECT:
            raise NoSuchObject(f"{self._address.name}: there is no {base}")
        # A referral in place of an answer: the base is somebody else's, and nobody else is asked.
        if code != _SUCCESS:
            raise ControllerFailed(f"{self._address.name}: search: {_printable(result)}")
        entries = tuple(_entry(one) for one in response or () if one["type"] == "searchResEntry")
        return Page(entries, _cookie(result))

    def peer_certificate(self) -> bytes:
        """The controller's certificate, DER."""
        return self._connection.socket.getpeercert(binary_form=True) or b""

    def is_usable(self) -> bool:
        """False once the controller has said something nobody asked for: that it closes the connection."""
        raw = self._connection.socket if self._connection is not None else None
        if raw is None or self._connection.closed:
            return False
        try:
            return not select.select([raw], [], [], 0)[0] and not raw.pending()
        except (OSError, ValueError):
            return False

    def abort(self) -> None:
        """Ends it from another thread: whoever waits for an answer gets an error at once."""
        raw = getattr(self._connection, "socket", None)
        if raw is not None:
            with contextlib.suppress(OSError):
                # Of the plain socket: OpenSSL's state belongs to the thread that waits in it.
                socket.socket.shutdown(raw, socket.SHUT_RDWR)

    def within(self, work: Callable[[], T]) -> T:
        """Does `work`, in whichever thread this is; closes the session if it was ended meanwhile."""
        try:
            with self._lock:
                return work()
        finally:
            if self._is_ended:
                self.end()

    def end(self) -> None:
        """Closes it, at once or as soon as the thread that works in it comes back; that is woken. Never fails, never waits."""
        self._is_ended = True
        if not self._lock.acquire(blocking=False):
            self.abort()
            return
        try:
            raw = getattr(self._connection, "socket", None)
            if raw is not None:
                with contextlib.suppress(LDAPException, OSError):
                    raw.setblocking(False)
                    self._connection.unbind()
                raw.close()
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (LDAPException, OSError) as error:
            self.abort()
            raise ControllerFailed(f"{self._address.name}: {_asking_failed(error)}") from None


def _cookie(result: Mapping[str, Any]) -> bytes:
    paged = (result.get("controls") or {}).get("1.2.840.113556.1.4.319") or {}
    return bytes((paged.get("value") or {}).get("cookie") or b"")


def _entry(found: Mapping[str, Any]) -> Entry:
    return build_entry(str(found["dn"]), found["raw_attributes"])


def _asking_failed(error: Exception) -> str:
    return f"no answer: {_shortened(str(error))}"


def _printable(result: Mapping[str, Any]) -> str:
    return _shortened(f"{result.get('description')}: {result.get('message') or ''}")


def _shortened(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:300]
