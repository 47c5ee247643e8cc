"""SIGHUP: new settings and certificates take effect, nothing in flight is lost, bad settings change nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from handfast.keys.pki import issue_demo_certificate
from tests.installation import HOST, installation
from tests.lab_server import lab_server
from tests.scenarios.site import Person, Site
from tests.servers.processes import wait_until

WORKERS = 2
OLD_TYPE = "OldPhone"


@pytest.fixture(scope="module")
def site():
    with lab_server() as exchange, installation(backend=exchange.url, workers=WORKERS) as one:
        yield Site(one, one, exchange)


def reload(site: Site, **changes: object) -> None:
    """New settings, and SIGHUP; returns when every process serves by them."""
    before = reloads(site)
    site.gateway.write_settings(**changes)
    site.gateway.reload()
    wait_until(lambda: reloads(site) >= before + WORKERS + 1, "every process has reloaded")


def reloads(site: Site) -> int:
    return len(site.gateway.log_lines("gateway-reloaded")) + len(site.gateway.log_lines("identity-reloaded"))


class Load:
    """Requests without a pause, from threads; what did not succeed is kept."""

    def __init__(self, site: Site, people: list[Person]) -> None:
        self._site = site
        self._stop = threading.Event()
        self.done = dict.fromkeys(("kept", "new"), 0)
        self.failures: list[str] = []
        kinds: list[Callable[[Person], None]] = [self._kept, self._new, self._kept, self._new]
        self._threads = [
            threading.Thread(target=self._guarded, args=(kind, person))
            for kind, person in zip(kinds, people, strict=True)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _guarded(self, kind: Callable[[Person], None], person: Person) -> None:
        try:
            kind(person)
        except Exception as error:
            self.failures.append(f"{kind.__name__}: {error!r}")

    def _kept(self, person: Person) -> None:
        with self._site.client() as client:
            while not self._stop.is_set():
                self._count("kept", client.ask(person.login, person.password, "PHONE1").status)

    def _new(self, person: Person) -> None:
        while not self._stop.is_set():
            self._count("new", self._site.ask(person, "PHONE1").status)

    def _count(self, kind: str, status: int) -> None:
        self.done[kind] += 1
        if status != 200:
            self.failures.append(f"{kind} request {self.done[kind]}: {status}")


def trust_two_certificates(site: Site) -> tuple[Site, dict[str, object]]:
    """A site whose clients trust the running certificate and one that is to come; the latter's settings."""
    folder = site.gateway.folder / "next"
    ca_file, made = issue_demo_certificate(folder, [HOST, "127.0.0.1"], now=datetime.now(UTC))
    both = folder / "both.pem"
    both.write_bytes(site.gateway.ca_file.read_bytes() + ca_file.read_bytes())
    trusting = replace(site.gateway, ca_file=both)
    return replace(site, gateway=trusting), {"certificate": made.certificate, "key": made.key}


def test_reloads_under_load_drop_nothing(site):
    """Kept connections, new ones and a long poll through five reloads, a new policy and a new certificate among them."""
    original = {name: site.gateway.values[name] for name in ("certificate", "key")}
    patient, old_certificate = site.enrol(), site.client()
    two, new_certificate = trust_two_certificates(site)
    people = [site.enrol() for _ in range(4)]
    assert site.ask(patient, "PHONE1").status == 200
    try:
        with old_certificate, Load(two, people) as load:

            def reload_often() -> None:
                changes = (
                    {"policy": f'deny_types = ["{OLD_TYPE}"]'},
                    new_certificate,
                    {},
                    {"policy": ""},
                    {},
                )
                for change in changes:
                    done = dict(load.done)
                    reload(site, **change)
                    wait_until(
                        lambda done=done: (
                            load.failures or all(load.done[kind] > done[kind] + 3 for kind in done)
                        ),
                        "the load goes on",
                    )
                site.exchange.deliver(patient.user, "Still there")

            assert site.while_hanging(patient, "PHONE1", reload_often).status == 200
            assert old_certificate.ask(patient.login, patient.password, "PHONE1").status == 200
            with two.client() as fresh:
                assert fresh.certificate != old_certificate.certificate
        assert load.failures == []
        assert min(load.done.values()) >= 5 * 4, "after each reload it went on"
    finally:
        reload(site, policy="", **original)


def test_a_new_device_policy_holds_for_the_next_request_and_for_what_is_in_flight(site):
    person = site.enrol()
    assert site.ask(person, "PHONE1", device_type=OLD_TYPE).status == 200
    with site.client() as connection:
        assert connection.ask(person.login, person.password, "PHONE1", device_type=OLD_TYPE).status == 200
        try:
            cut = site.while_hanging(
                person,
                "PHONE1",
                lambda: reload(site, policy=f'deny_types = ["{OLD_TYPE}"]'),
                device_type=OLD_TYPE,
            )
            assert cut.status == 403
            assert connection.ask(person.login, person.password, "PHONE1", device_type=OLD_TYPE).status == 403
        finally:
            reload(site, policy="")
    assert site.ask(person, "PHONE1", device_type=OLD_TYPE).status == 200


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        ({"mode": "first-usr"}, ("policy[0].mode", "first-usr", "first-use")),
        ({"policy": "devise_limit = 3"}, ("devise_limit", "device_limit")),
        ({"more": "[["}, ("line",)),
        ({"backend_auth": "stored-secret"}, ("publication[0].backend.auth", "stored")),
        (
            {"certificate": "/nonexistent/outside.pem"},
            ("listener[0].certificate", "/nonexistent/outside.pem"),
        ),
        ({"port": 1}, ("listener", "restart")),
    ],
    ids=["mode", "unknown-key", "no-toml", "value", "no-certificate", "address"],
)
def test_bad_settings_are_refused_whole_with_a_remedy(site, break_it, words):
    person = site.enrol()
    assert site.ask(person, "PHONE1").status == 200
    good = {name: site.gateway.values[name] for name in break_it}
    refused, reloaded = len(site.gateway.log_lines("reload-refused")), reloads(site)
    site.gateway.write_settings(**break_it)
    try:
        site.gateway.reload()
        said = site.gateway.wait_for_log_line("reload-refused", count=refused + 1)[-1]
    finally:
        site.gateway.write_settings(**good)
    assert all(word in said for word in words), said
    assert "remedy=" in said
    reload(site)
    assert reloads(site) == reloaded + WORKERS + 1, "only the good settings after them reached anybody"
    assert site.ask(person, "PHONE1").status == 200
    assert site.gateway.is_healthy()


def test_a_certificate_that_can_not_be_used_leaves_the_old_one_in_force(site):
    """The file is there, but what stands in it is no certificate, or its key is another's."""
    with site.client() as before:
        shown = before.certificate
    key = site.gateway.values["key"]
    other_folder = site.gateway.folder / "other"
    _, other = issue_demo_certificate(other_folder, [HOST], now=datetime.now(UTC))
    failed, reloaded = len(site.gateway.log_lines("reload-")), reloads(site)
    site.gateway.write_settings(key=other.key)
    try:
        site.gateway.reload()
        wait_until(
            lambda: any("key" in line.lower() for line in site.gateway.log_lines("reload-")[failed:]),
            "it is said",
        )
    finally:
        site.gateway.write_settings(key=key)
    with site.client() as after:
        assert after.certificate == shown
    reload(site)
    assert reloads(site) == reloaded + WORKERS + 1, "only the good settings after them reached anybody"
    assert site.gateway.is_healthy()


def test_what_waits_for_a_restart_is_named_before_the_reload_and_at_it(site: Site) -> None:
    gateway = site.gateway
    assert "restart:" not in gateway.run("settings", "check").stdout
    more = gateway.values["more"]
    try:
        gateway.write_settings(more=f'{more}\n[kerberos]\nkdcs = ["10.0.0.5"]\n')
        assert "restart: kerberos.kdcs changed" in gateway.run("settings", "check").stdout
        assert not gateway.log_lines("reload-partial")
        reload(site)
        (said,) = gateway.log_lines("reload-partial")
        assert "kerberos.kdcs" in said
        assert "restart the service" in said
    finally:
        reload(site, more=more)
    assert len(gateway.log_lines("reload-partial")) == 1
    assert "restart:" not in gateway.run("settings", "check").stdout
