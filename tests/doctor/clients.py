"""Cases: what phones and Outlook meet at a published Exchange."""

from __future__ import annotations

import contextlib
import json
import shutil
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from handfast.doctor.findings import FindingId
from handfast.keys.certificates import IssuedCertificate, host_names, sign_ca, sign_leaf
from tests.doctor.backends import BackEnd
from tests.doctor.case import World, case
from tests.door import ask
from tests.fakes import doctor_world
from tests.fakes.doctor_world import key_pem, pem
from tests.installation import HOST, Installation, prepare
from tests.lab_server import LabServer, lab_server
from tests.servers.processes import find_program, free_port, server_directory, wait_until

F = FindingId
FINDER = "autodiscover.contoso.lab"
PUBLISHED = 'kind = "exchange"\nlisteners = ["outside"]\nredirect_listeners = ["port80"]\n'
PORT_80 = '[[listener]]\nname = "port80"\naddress = "127.0.0.1:{port}"\n'
EVERY_DOOR = [
    word for one in ("activesync", "autodiscover", "ews", "mapi", "oab") for word in ("--channel", one)
]
STOPPED = frozenset({F.IDENTITY_UNREACHABLE})
PROCESSES = 2
"""That tell when they have reloaded: identity and one worker."""


class Authority:
    """A CA of the administrator's own; `file` is what devices were given."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        began = datetime.now(UTC) - timedelta(days=100)
        self._certificate = sign_ca("Contoso CA", self._key, now=began, days=3000)
        self.file = folder / "contoso-ca.crt"
        self.file.write_bytes(pem(self._certificate))

    def issue(self, name: str, *, hosts=(HOST, FINDER), key=None, days=30, now=None) -> IssuedCertificate:
        """Certificate and key for servers; all is well unless said otherwise."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName(host_names(hosts))
        made = sign_leaf(
            hosts[0], key, names, ExtendedKeyUsageOID.SERVER_AUTH, self._certificate, self._key,
            now=now or datetime.now(UTC), days=days,
        )  # fmt: skip
        return write_pair(self._folder, name, pem(made, self._certificate), key)


def write_pair(folder: Path, name: str, chain: bytes, key: Any) -> IssuedCertificate:
    """Puts chain and key into files."""
    files = folder / f"{name}.crt", folder / f"{name}.key"
    files[0].write_bytes(chain)
    files[1].write_bytes(key_pem(key))
    return IssuedCertificate(*files, "", datetime.now(UTC))


class Front:
    """A running installation that publishes Exchange, and Alice, whose password opens every door."""

    ADDRESS = "alice@contoso.lab"

    def __init__(self, site: Installation, lab: LabServer) -> None:
        self.site, self.lab, self._values = site, lab, dict(site.values)
        site.add_account("alice")
        self.password = site.issue("alice", *EVERY_DOOR)
        # Services without a device id are open beside a phone alone.
        assert ask(site, "alice", self.password, user="alice").status == 200

    def apply(self, **changes: Any) -> None:
        """New settings, and a reload; returns when every process serves by them."""
        before = self._reloads()
        self.site.write_settings(**changes)
        self.site.reload()
        wait_until(lambda: self._reloads() >= before + PROCESSES, "every process has reloaded")

    def restore(self) -> None:
        """As it was."""
        self.site.words = ()
        self.apply(**self._values)

    def _reloads(self) -> int:
        return len(self.site.log_lines("gateway-reloaded")) + len(self.site.log_lines("identity-reloaded"))


@contextlib.contextmanager
def published() -> Iterator[Front]:
    """Runs one."""
    with lab_server() as lab, server_directory("front") as folder:
        site = prepare(
            folder,
            backend=lab.url,
            workers=1,
            more_hosts=[FINDER],
            auth='["basic"]',
            # Refusals need not look alike in time here, and each look meets several.
            gateway="denial_quantum_ms = 0",
            publication=PUBLISHED,
            backend_options='auth_header_value = "upn"',
            more=PORT_80.format(port=free_port()),
        )
        try:
            site.start()
            yield Front(site, lab)
        finally:
            site.stop()


def visit(world: World, *words: str, ca_file: Path | None = None) -> Front:
    """The front, to be seen as a client who was given its CA; it is put back afterwards."""
    front = world.make_front()
    world.looks[:] = ["--as-client", "--ca-file", str(ca_file or front.site.ca_file), *words]
    world.stack.callback(front.restore)
    return front


def sign_in(world: World) -> Front:
    """The same, with Alice's password."""
    front, file = world.make_front(), world.folder / "password"
    file.write_text(front.password)
    return visit(world, "--login", front.ADDRESS, "--password-file", str(file))


def serve_with(front: Front, made: IssuedCertificate) -> None:
    """Clients are shown that certificate."""
    front.apply(certificate=made.certificate, key=made.key)


@case(F.CLIENT_UNREACHABLE, HOST, "refused", remedy="start the service", beside=STOPPED)
def nobody_serves(world):
    site = world.stopped()
    world.looks[:] = ["--as-client", "--ca-file", str(site.ca_file)]
    yield site
    world.stack.callback(site.stop)
    site.start()


@case(
    F.CLIENT_CERTIFICATE_NAME,
    HOST,
    FINDER,
    remedy="as a subject alternative name",
    beside=frozenset({F.CERTIFICATE_NAMES}),
)
def a_certificate_lacks_the_main_name(world):
    authority = Authority(world.folder)
    front = visit(world, ca_file=authority.file)
    serve_with(front, authority.issue("one-name", hosts=[FINDER]))
    yield front.site
    serve_with(front, authority.issue("both"))


@case(
    F.CLIENT_CERTIFICATE_DATES,
    "refuse it today",
    remedy="reload",
    beside=frozenset({F.CERTIFICATE_EXPIRED}),
)
def a_certificate_has_ended_and_clients_see_it(world):
    authority = Authority(world.folder)
    front = visit(world, ca_file=authority.file)
    serve_with(front, authority.issue("ended", now=datetime.now(UTC) - timedelta(days=60)))
    yield front.site
    serve_with(front, authority.issue("renewed"))


@case(F.CLIENT_CERTIFICATE_WEAK, "neither RSA nor ECDSA", remedy="for an RSA or P-256 key")
def a_key_is_too_modern(world):
    authority = Authority(world.folder)
    front = visit(world, ca_file=authority.file)
    serve_with(front, authority.issue("modern", key=ed25519.Ed25519PrivateKey.generate()))
    yield front.site
    serve_with(front, authority.issue("common"))


@case(F.CLIENT_CERTIFICATE_PURPOSE, "serverAuth", remedy="for server authentication")
def a_certificate_names_no_purpose(world):
    authority, good = doctor_world.Authority("Contoso CA"), Authority(world.folder)
    both = world.folder / "both-cas.crt"
    both.write_bytes(good.file.read_bytes() + pem(authority.certificate))
    front = visit(world, ca_file=both)
    made, key = authority.issue(HOST, FINDER, begins=datetime.now(UTC) - timedelta(days=1))
    serve_with(front, write_pair(world.folder, "plain", pem(made, authority.certificate), key))
    yield front.site
    serve_with(front, good.issue("for-servers"))


@case(F.CLIENT_CERTIFICATE_LIFE, "it lives 900 days", remedy="for a year or less")
def a_certificate_lives_too_long(world):
    authority = Authority(world.folder)
    front = visit(world, ca_file=authority.file)
    serve_with(front, authority.issue("long", days=900))
    yield front.site
    serve_with(front, authority.issue("short", days=365))


@case(F.CLIENT_CERTIFICATE_LIFE, "of a public CA", remedy="for 200 days or less", severity="warning")
def a_public_certificate_lives_too_long(world):
    authority = Authority(world.folder)
    front = visit(world)
    world.looks[:] = ["--as-client"]
    front.site.words = (find_program("env"), f"SSL_CERT_FILE={authority.file}")
    serve_with(front, authority.issue("long", days=365))
    yield front.site
    serve_with(front, authority.issue("short", days=199))


@case(F.CLIENT_CERTIFICATE_TRUST, "self-signed", remedy="--ca-file", severity="warning")
def a_ca_is_not_known_here(world):
    front = visit(world)
    given = world.looks[1:]
    world.looks[1:] = []
    yield front.site
    world.looks += given


@case(F.CLIENT_CERTIFICATE_OLD, "another certificate", remedy="reload the service", severity="warning")
def a_renewed_certificate_is_not_shown(world):
    authority = Authority(world.folder)
    front = visit(world, ca_file=authority.file)
    made = authority.issue("own")
    serve_with(front, made)
    renewed = authority.issue("renewed")
    shutil.copy(renewed.certificate, made.certificate)
    shutil.copy(renewed.key, made.key)
    yield front.site
    front.apply()


@case(F.CLIENT_AUTODISCOVER_HOST, HOST, remedy="to `hosts`", severity="warning")
def nobody_finds_autodiscover(world):
    front = visit(world)
    front.apply(hosts=json.dumps([HOST]))
    yield front.site
    front.apply(hosts=json.dumps([HOST, FINDER]))


@case(
    F.CLIENT_AUTODISCOVER_HOST, "autodiscover.fabrikam.lab", remedy="to the certificate", severity="warning"
)
def a_second_mail_domain_is_not_published(world):
    authority, hosts = Authority(world.folder), [HOST, FINDER, "autodiscover.fabrikam.lab"]
    front = visit(world, ca_file=authority.file)
    domains = 'autodiscover.mail_domains = ["contoso.lab", "fabrikam.lab"]\n'
    serve_with(front, authority.issue("both"))
    front.apply(publication=PUBLISHED + domains)
    yield front.site
    more = authority.issue("more", hosts=hosts)
    front.apply(hosts=json.dumps(hosts), certificate=more.certificate, key=more.key)


@case(F.CLIENT_REDIRECT, "answered 200", remedy="if something else holds the port")
def port_80_is_another_server_s(world):
    front = visit(world)
    other = BackEnd()
    world.stack.callback(other.close)
    own = front.site.values["more"]
    front.site.write_settings(more=PORT_80.format(port=other.url.rpartition(":")[2]))
    yield front.site
    front.site.write_settings(more=own)


@case(F.CLIENT_JSON, "eas.contoso.lab", remedy="reload the service")
def clients_are_told_a_name_that_was_taken_back(world):
    front = visit(world)
    told = (
        'autodiscover.activesync_host = "eas.contoso.lab"\nautodiscover.other_hosts = ["eas.contoso.lab"]\n'
    )
    front.apply(publication=PUBLISHED + told)
    front.site.write_settings(publication=PUBLISHED)
    yield front.site
    front.apply()


@case(F.CLIENT_DOOR, "401 without Basic", remedy='put "basic" into the publication\'s `activesync_auth`')
def phones_are_offered_nothing_they_know(world):
    front = visit(world)
    front.apply(auth='["ntlm", "basic"]', publication=PUBLISHED + 'activesync_auth = ["ntlm"]\n')
    yield front.site
    front.apply(publication=PUBLISHED + 'activesync_auth = ["basic"]\n')


@case(
    F.CLIENT_CLOSED_PATH,
    "/PowerShell",
    remedy="something else than Handfast",
    beside=STOPPED | {F.PORT_IN_USE},
)
def exchange_itself_answers_clients(world):
    authority, site = Authority(world.folder), world.stopped()
    world.looks[:] = ["--as-client", "--ca-file", str(authority.file)]
    made = authority.issue("exchange", hosts=[HOST])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.certificate, made.key)
    with lab_server(tls=tls, accept="basic") as exposed:
        site.write_settings(port=exposed.exchange.port, certificate=made.certificate, key=made.key)
        yield site
    world.stack.callback(site.stop)
    site.start()


@case(F.CLIENT_SIGN_IN, "credential-wrong", remedy="issue one", severity="warning")
def a_password_is_misspelt(world):
    front = sign_in(world)
    file = world.folder / "password"
    file.write_text("not the password")
    yield front.site
    file.write_text(front.password)


@case(F.CLIENT_SIGN_IN, "device-blocked", remedy="handfast device unblock", severity="warning")
def a_device_is_blocked(world):
    front = sign_in(world)
    front.site.cli("device", "block", "alice", "PHONE1")
    unblock = ("device", "unblock", "alice", "PHONE1")
    yield front.site
    front.site.cli(*unblock)


@case(F.CLIENT_AUTODISCOVER, "alice@fabrikam.lab", remedy="--mail", severity="warning")
def an_address_is_not_the_account_s(world):
    front = sign_in(world)
    world.looks += ["--mail", "alice@fabrikam.lab"]
    yield front.site
    world.looks[-1] = front.ADDRESS


@case(
    F.CLIENT_AUTODISCOVER,
    "knows no mailbox",
    remedy="primary address",
    severity="warning",
    beside=frozenset({F.CLIENT_AUTODISCOVER_HOST}),
)
def the_server_knows_no_such_address(world):
    front = sign_in(world)
    front.apply(publication=PUBLISHED + 'autodiscover.mail_domains = ["contoso.lab", "fabrikam.lab"]\n')
    world.looks += ["--mail", "alice@fabrikam.lab"]
    yield front.site
    world.looks[-1] = front.ADDRESS


@case(F.CLIENT_FOREIGN_HOST, "ex09.corp.internal", "withheld", remedy="`mapping`")
def the_server_sends_outlook_to_another_one(world):
    front = sign_in(world)
    target = "https://ex09.corp.internal/autodiscover/autodiscover.xml"
    world.stack.enter_context(front.lab.redirecting_autodiscover("redirectUrl", target))
    yield front.site
    front.apply(publication=PUBLISHED + f'autodiscover.mapping = {{ "ex09.corp.internal" = "{FINDER}" }}\n')
