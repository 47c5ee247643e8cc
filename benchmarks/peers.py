"""The proxies Handfast is measured against. Each has one process for connections, TLS in front, a plain back end kept
alive, and its access log on, as Handfast has.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.backend import Certificate
from benchmarks.subject import HOST, Credential, Subject
from tests.servers.apache import apache
from tests.servers.nginx import nginx
from tests.servers.processes import free_port, server_directory

NGINX = "nginx"
NGINX_AUTH_REQUEST = "nginx + auth_request"
NGINX_SUB_FILTER = "nginx + auth_request + sub_filter"
APACHE_BASIC = "Apache Basic"
APACHE_NTLM = "Apache mod_auth_gssapi + gss-ntlmssp"

_BASIC = Credential("basic", "bench", "correct-horse-battery")
_NTLM = Credential("ntlm", "bench", "correct-horse-battery", "BENCH")


@contextlib.contextmanager
def make_certificate() -> Iterator[Certificate]:
    """A fresh self-signed certificate in files that every server may read."""
    with server_directory("cert") as directory:
        made = Certificate(directory / "cert.pem", directory / "key.pem")
        command = [
            "openssl",
            "req",
            "-x509",
            "-nodes",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ]
        command += [
            "-keyout",
            str(made.key),
            "-out",
            str(made.certificate),
            "-days",
            "2",
            "-subj",
            f"/CN={HOST}",
        ]
        command += ["-addext", f"subjectAltName=DNS:{HOST},IP:127.0.0.1"]
        subprocess.run(command, check=True, capture_output=True)
        made.key.chmod(0o644)  # a key of two days that opens a loopback server
        yield made


@contextlib.contextmanager
def nginx_proxy(
    backend: int,
    tls: Certificate | None,
    *,
    backend_tls: bool = False,
    auth_service: int = 0,
    directives: str = "",
) -> Iterator[Subject]:
    """nginx in front of `backend`; with `auth_service`, asks that port's /noop before every request. `directives`: more of
    the location's.
    """
    port = free_port()
    scheme = "https" if backend_tls else "http"
    listen = f"listen 127.0.0.1:{port} backlog=4096"
    if tls:
        listen += f" ssl; ssl_certificate {tls.certificate}; ssl_certificate_key {tls.key}"
    ask = "auth_request /auth;" if auth_service else ""
    http = f"""
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 64; }}
  upstream auth {{ server 127.0.0.1:{auth_service or backend}; keepalive 64; }}
  server {{
    {listen};
    keepalive_timeout 600;
    client_max_body_size 0;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_read_timeout 3600;
    proxy_request_buffering off;
    proxy_max_temp_file_size 0;
    location / {{ {ask} proxy_pass {scheme}://backend; {directives} }}
    location = /auth {{
      internal;
      proxy_pass http://auth/noop;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Connection "";
    }}
  }}"""
    name = NGINX_AUTH_REQUEST if auth_service else NGINX
    with nginx(http, port=port, connections=20000) as server:
        yield Subject(name, server.pid, port, None, tls.certificate if tls else None)


@contextlib.contextmanager
def nginx_sub_filter(
    backend: int, tls: Certificate, *, auth_service: int, inside: Sequence[str]
) -> Iterator[Subject]:
    """nginx that replaces text, as an administrator might do instead: each inside name by the published one. What nobody
    listed passes, and so does what is written in another way.
    """
    rules = " ".join(f"sub_filter '{name}' '{HOST}';" for name in inside)
    directives = f"sub_filter_types text/xml; sub_filter_once off; {rules}"
    with nginx_proxy(backend, tls, auth_service=auth_service, directives=directives) as subject:
        yield replace(subject, name=NGINX_SUB_FILTER)


@contextlib.contextmanager
def apache_basic(backend: int, tls: Certificate) -> Iterator[Subject]:
    """Apache's Basic against a password file. SHA-1 is the cheapest hash it has: a costly one would flatter others."""
    with server_directory("htpasswd") as directory:
        digest = base64.b64encode(hashlib.sha1(_BASIC.password.encode()).digest()).decode()
        (directory / "passwords").write_text(f"{_BASIC.user}:{{SHA}}{digest}\n")
        auth = f"""
    AuthType Basic
    AuthName bench
    AuthBasicProvider file
    AuthUserFile {directory / "passwords"}
    Require valid-user"""
        modules = ("auth_basic", "authn_file")
        with _apache_proxy(APACHE_BASIC, auth, modules, backend, tls, _BASIC, {}) as subject:
            yield subject


@contextlib.contextmanager
def apache_ntlm(backend: int, tls: Certificate) -> Iterator[Subject]:
    """Apache as an NTLM server with a user file, one sign-in a connection."""
    with server_directory("ntlm") as directory:
        users = directory / "users"
        users.write_text(f"{_NTLM.domain}:{_NTLM.user}:{_NTLM.password}\n")
        auth = """
    AuthType GSSAPI
    AuthName bench
    GssapiAllowedMech ntlmssp
    GssapiConnectionBound On
    Require valid-user"""
        environment = {"NTLM_USER_FILE": str(users), "NETBIOS_COMPUTER_NAME": "GATEWAY"}
        with _apache_proxy(APACHE_NTLM, auth, ("auth_gssapi",), backend, tls, _NTLM, environment) as subject:
            yield subject


@contextlib.contextmanager
def _apache_proxy(
    name: str,
    auth: str,
    modules: tuple[str, ...],
    backend: int,
    tls: Certificate,
    credential: Credential,
    environment: dict[str, str],
) -> Iterator[Subject]:
    port = free_port()
    body = f"""
Listen 127.0.0.1:{port}
KeepAliveTimeout 600
<VirtualHost 127.0.0.1:{port}>
  SSLEngine on
  SSLCertificateFile {tls.certificate}
  SSLCertificateKeyFile {tls.key}
  ProxyPass / http://127.0.0.1:{backend}/
  <Location />{auth}
  </Location>
</VirtualHost>
"""
    common = ("authn_core", "authz_core", "authz_user", "socache_shmcb", "ssl", "proxy", "proxy_http")
    with apache(body, port=port, modules=(*common, *modules), environment=environment) as server:
        yield Subject(name, server.pid, port, credential, tls.certificate)


def find_versions() -> dict[str, str]:
    """What the peers call themselves."""
    questions = {
        "nginx": ["/usr/sbin/nginx", "-v"],
        "Apache": ["/usr/sbin/apache2", "-v"],
        "OpenSSL": ["openssl", "version"],
        "curl": ["curl", "--version"],
        "mod_auth_gssapi": ["dpkg-query", "-W", "-f=${Version}", "libapache2-mod-auth-gssapi"],
        "gss-ntlmssp": ["dpkg-query", "-W", "-f=${Version}", "gss-ntlmssp"],
        "Samba": ["dpkg-query", "-W", "-f=${Version}", "samba"],
        "libkrb5": ["dpkg-query", "-W", "-f=${Version}", "libkrb5-3"],
        "PostgreSQL": ["dpkg-query", "-W", "-f=${Version}", "postgresql"],
    }
    versions = {}
    for name, command in questions.items():
        if command[0].startswith("/") and not Path(command[0]).exists():
            continue
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = (done.stdout or done.stderr).strip().splitlines()
        if done.returncode == 0 and lines:
            words = lines[0].removeprefix("Server version: ").removeprefix("nginx version: ")
            versions[name] = (
                " ".join(words.split()[:2]).removeprefix(f"{name} ").removeprefix(f"{name.lower()} ")
            )
    return versions
