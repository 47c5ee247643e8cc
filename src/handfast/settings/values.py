"""The kinds of text a settings file holds (addresses, networks, names, URLs), each with its rule and its remedy.

A refused value raises `PydanticCustomError` whose context carries the remedy; `load.py` shows both.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_HOST_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PIN = re.compile(r"[0-9a-f]{64}")

RESERVED_HEADERS = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "www-authenticate",
    }
)
"""Headers that frame, route or authenticate a message (RFC 9110, RFC 9112): never an account's name."""


def refuse(problem: str, remedy: str) -> NoReturn:
    """Raises: PydanticCustomError, which `load` shows with its remedy."""
    # Braces would be taken for a template by PydanticCustomError.
    raise PydanticCustomError("handfast", "{problem}", {"problem": problem, "remedy": remedy})


def split_address(text: str) -> tuple[str, int]:
    """(IP address without brackets, port 0-65535). Raises: ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65535:
        raise ValueError("no port")
    if host.startswith("[") and host.endswith("]"):
        return str(ip_address(host[1:-1])), int(port)
    if ":" in host:
        raise ValueError("an IPv6 address stands in brackets")
    return str(ip_address(host)), int(port)


def check_address(text: str) -> str:
    """The text, where it is `IP:port`."""
    try:
        split_address(text)
    except ValueError:
        refuse("not an address of the form IP:port", 'write e.g. "0.0.0.0:443" or "[::]:443"')
    return text


def check_optional_address(text: str) -> str:
    """As `check_address`; the empty text switches off."""
    return check_address(text) if text else text


def check_network(text: str) -> str:
    """The text, where it is a network or a single address."""
    try:
        ip_network(text)
    except ValueError as error:
        problem = "has bits set behind its prefix" if "host bits" in str(error) else "not an IP network"
        refuse(problem, 'write e.g. "10.0.0.0/8", "2001:db8::/32" or one address')
    return text


def is_dns_name(text: str) -> bool:
    """True for a lower-case DNS name (RFC 1123 2.1); an IP address is none."""
    labels = text.split(".")
    return len(text) <= 253 and all(_HOST_LABEL.fullmatch(one) for one in labels) and not labels[-1].isdigit()


def check_host(text: str) -> str:
    """The text, where it is a lower-case DNS name."""
    if not is_dns_name(text):
        if is_dns_name(text.lower()):
            refuse("host names are written in lower case", f'write "{text.lower()}"')
        refuse(
            "not a DNS name", 'write the bare published name, e.g. "mail.example.com" (no scheme, no port)'
        )
    return text


def check_optional_host(text: str) -> str:
    """As `check_host`; empty means a default."""
    return check_host(text) if text else text


def check_called_name(text: str) -> str:
    """The text, where it is an IP address or a lower-case DNS name."""
    try:
        return str(ip_address(text))
    except ValueError:
        return check_host(text)


def check_backend_url(text: str) -> str:
    """The text, where it is `http(s)://host[:port]` without user, path, query or fragment."""
    example = 'write "https://exchange.example.lan" (a path goes into `path`)'
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        refuse("not a URL", example)
    if parts.scheme not in {"http", "https"} or not host:
        refuse("not an http or https URL", example)
    if parts.username is not None or parts.password is not None:
        refuse("a back-end URL carries no user or password", 'use auth = "stored" for signing in behind')
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        refuse("a back-end URL carries no path, query or fragment", example)
    if port == 0 or not _is_host(host):
        refuse("the URL's host or port is not valid", example)
    return text


def _is_host(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return is_dns_name(host)
    return True


def check_service_url(text: str) -> str:
    """The text, where it is `https://host:port`."""
    example = 'write "https://identity.example.lan:7443"'
    check_backend_url(text)
    if not text.startswith("https://"):
        refuse("identity is reached by https alone", example)
    return text


def check_pin(text: str) -> str:
    """The SHA-256 fingerprint, lower case and without colons."""
    plain = text.replace(":", "").lower()
    if not _PIN.fullmatch(plain):
        refuse(
            "not a SHA-256 fingerprint (64 hex digits)",
            "take it from `openssl x509 -in server.pem -noout -fingerprint -sha256`",
        )
    return plain


def check_header_name(text: str) -> str:
    """The text, where it is a header name a back end may be given an account by."""
    if not _TOKEN.fullmatch(text):
        refuse("not a header name (RFC 9110 5.1)", 'write e.g. "X-Remote-User"')
    if text.lower() in RESERVED_HEADERS:
        refuse("that header has a meaning of its own in HTTP", 'write e.g. "X-Remote-User"')
    if "_" in text:
        # Many servers fold `_` and `-` into one name, so such a header could be smuggled past us.
        refuse("a header name with _ is ambiguous behind", "write it with -")
    return text


def check_path(path: Path) -> Path:
    """The path, where it is absolute: services start in /, people elsewhere."""
    if not path.is_absolute():
        refuse("not an absolute path", "write the whole path, beginning with /")
    return path


def check_database(text: str) -> str:
    """The text, where it is a URL of a database we know, without a password in it."""
    example = 'write "sqlite:////var/lib/handfast/handfast.db" or "postgresql://user@host/name"'
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises for a port that is no number
    except ValueError:
        refuse("not a database URL", example)
    if parts.password is not None:
        refuse(
            "a password stands in the URL",
            "take it out; put it into a file and name that in `database_password_file`",
        )
    if parts.scheme == "sqlite":
        if parts.netloc or not parts.path.startswith("//") or len(parts.path) < 3:
            refuse("the path of an SQLite database must be absolute (four slashes)", example)
    elif parts.scheme.partition("+")[0] != "postgresql":
        refuse("an unknown kind of database", example)
    return text


def check_published_path(text: str) -> str:
    """The text, where it is empty or an absolute path in visible ASCII."""
    if text and not re.fullmatch(r"/[!-\"$->@-~]*", text):
        refuse("not a path", 'write e.g. "/Microsoft-Server-ActiveSync" (no query, no space)')
    return text


def check_mapped_path(text: str) -> str:
    """The text, where it is a path of plain segments, without an end slash."""
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", text):
        refuse("not a path that can be mapped", 'write e.g. "/ews": letters, digits, . _ ~ - between slashes')
    return text


def check_element_name(text: str) -> str:
    """The text, where it is the name of an element as EWS spells them, without a prefix."""
    if not re.fullmatch(r"[A-Z][A-Za-z]{0,63}", text):
        refuse(
            "not the name of an element of EWS",
            'write it as the message does, without a prefix, e.g. "GetFolder"',
        )
    return text


def check_printable(text: str) -> str:
    r"""The text, where it fits into a quoted string of a header: visible ASCII without `"` and `\`."""
    if not re.fullmatch(r"[ !#-\[\]-~]*", text):
        refuse("holds characters that do not fit into a header", "use plain ASCII without quotes")
    return text


def check_spn(text: str) -> str:
    """The text, where it is empty or a service principal name `class/host[:port]` (MS-KILE 3.1.5.11)."""
    if text and not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*/[A-Za-z0-9.-]+(:[0-9]{1,5})?", text):
        refuse(
            "not a service principal name",
            'write e.g. "HTTP/mail.contoso.lab" (also for https, no port for 443)',
        )
    return text


def check_principal(text: str) -> str:
    """The text, where it is empty or an account's principal `name@REALM`; Active Directory's realms are upper case
    (MS-KILE 3.1.5.1), and to Kerberos `contoso.lab` is another realm than `CONTOSO.LAB`.
    """
    if text and not re.fullmatch(r"[^@\s]+@[A-Z0-9][A-Z0-9.-]*", text):
        refuse("not name@REALM", 'write e.g. "svc-handfast@CONTOSO.LAB": the domain\'s DNS name in capitals')
    return text


Address = Annotated[str, AfterValidator(check_address)]
OptionalAddress = Annotated[str, AfterValidator(check_optional_address)]
Network = Annotated[str, AfterValidator(check_network)]
HostName = Annotated[str, AfterValidator(check_host)]
CalledName = Annotated[str, AfterValidator(check_called_name)]
OptionalHostName = Annotated[str, AfterValidator(check_optional_host)]
BackendUrl = Annotated[str, AfterValidator(check_backend_url)]
ServiceUrl = Annotated[str, AfterValidator(check_service_url)]
Fingerprint = Annotated[str, AfterValidator(check_pin)]
HeaderName = Annotated[str, AfterValidator(check_header_name)]
AbsolutePath = Annotated[Path, AfterValidator(check_path)]
DatabaseUrl = Annotated[str, AfterValidator(check_database)]
PublishedPath = Annotated[str, AfterValidator(check_published_path)]
MappedPath = Annotated[str, AfterValidator(check_mapped_path)]
ElementName = Annotated[str, AfterValidator(check_element_name)]
AccountPrincipal = Annotated[str, AfterValidator(check_principal)]
ServicePrincipal = Annotated[str, AfterValidator(check_spn)]
HeaderText = Annotated[str, AfterValidator(check_printable)]
