"""A site of Apache with mod_auth_gssapi: who signed in by Kerberos stands in the answer's X-Remote-User.

with kerberos_site(dc.keytab("fe")) as site:
    site.get(token)           # (status, X-Remote-User, the token of WWW-Authenticate)
with kerberos_door(dc.keytab("fe"), sogo.url) as door:
    door.url, door.users()    # a server behind it that believes `x-webobjects-remote-user`
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.apache import apache
from tests.servers.processes import LOOPBACK, free_port, server_directory, whole_lines

MODULES = ("authn_core", "authz_core", "authz_user", "auth_gssapi", "headers", "dir")

_SITE = """
Listen {address}:{port}
DocumentRoot {folder}
<Directory {folder}>
  Require all granted
</Directory>
<Location />
  AuthType GSSAPI
  AuthName "fe"
  GssapiCredStore keytab:{folder}/../keytab
  GssapiAllowedMech krb5
  GssapiLocalName Off
  GssapiConnectionBound {bound}
  Require valid-user
  Header always set X-Remote-User "expr=%{{REMOTE_USER}}"
</Location>
"""


@dataclass(frozen=True)
class KerberosSite:
    """Where it listens."""

    address: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    def get(self, token: bytes) -> tuple[int, str, bytes]:
        """One request with that token: status, account, the service's own token."""
        connection = http.client.HTTPConnection(self.address, self.port, timeout=10)
        with contextlib.closing(connection):
            value = f"Negotiate {base64.b64encode(token).decode()}"
            connection.request("GET", "/", headers={"Authorization": value})
            answer = connection.getresponse()
            proof = (answer.headers.get("WWW-Authenticate") or "").partition(" ")[2]
            return answer.status, answer.headers.get("X-Remote-User") or "", base64.b64decode(proof)


_DOOR = """
Listen {address}:{port}
<Location />
  AuthType GSSAPI
  AuthName "fe"
  GssapiCredStore keytab:{keytab}
  GssapiAllowedMech krb5
  GssapiLocalName Off
  GssapiConnectionBound Off
  Require valid-user
  RequestHeader set x-webobjects-remote-user "expr=%{{REMOTE_USER}}"
  RequestHeader edit x-webobjects-remote-user "@.*$" ""
  RequestHeader set x-webobjects-auth-type "GSSAPI"
  RequestHeader unset Authorization
  ProxyPass {behind}/ timeout=120
</Location>
"""


@dataclass(frozen=True)
class KerberosDoor:
    """Where it listens, and what it logs."""

    url: str
    directory: Path

    def users(self) -> list[str]:
        """Who each request was by, as Apache had it from the ticket; "-" where there was none. Without health checks."""
        lines = whole_lines(self.directory / "access.log")
        return [line.split()[2] for line in lines if '"OPTIONS * ' not in line]


@contextlib.contextmanager
def kerberos_door(keytab: Path, behind: str, *, address: str = LOOPBACK) -> Iterator[KerberosDoor]:
    """Takes a ticket with each request, and passes on who it was without the realm."""
    with server_directory("kerberos-door") as directory:
        copied, port = _keytab_for_apache(keytab, directory), free_port()
        body = _DOOR.format(address=address, port=port, keytab=copied, behind=behind)
        with apache(body, port=port, modules=(*MODULES, "proxy", "proxy_http")) as server:
            yield KerberosDoor(f"http://{address}:{port}", server.directory)


def _keytab_for_apache(keytab: Path, folder: Path) -> Path:
    copied = Path(shutil.copy(keytab, folder / "keytab"))
    copied.chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(copied, "www-data")
    return copied


@contextlib.contextmanager
def kerberos_site(
    keytab: Path, *, address: str = LOOPBACK, is_connection_bound: bool = False
) -> Iterator[KerberosSite]:
    """Takes tickets for the keys of `keytab`. With `is_connection_bound` a connection stays signed in, as Exchange has it."""
    with server_directory("kerberos-site") as directory:
        folder = directory / "htdocs"
        folder.mkdir()
        (folder / "index.html").write_text("in\n")
        _keytab_for_apache(keytab, directory)
        port = free_port()
        bound = "On" if is_connection_bound else "Off"
        with apache(
            _SITE.format(address=address, port=port, folder=folder, bound=bound), port=port, modules=MODULES
        ):
            yield KerberosSite(address, port)
