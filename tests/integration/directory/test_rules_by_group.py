"""What a rule says beside yes and no: device policy and words, networks, credentials and listeners, each by group, for a real
domain's people; and that such rules are changed by a reload as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.installation import HOST, Installation, installation
from tests.integration.directory.test_account_state import SOON
from tests.lab_server import lab_server
from tests.scenarios.client import Answer, Client, Door
from tests.servers.activesync_client import ActiveSyncClient
from tests.servers.processes import wait_until
from tests.servers.samba import NEEDS, DomainController
from tests.servers.samba_domain import PASSWORD

pytestmark = [NEEDS, pytest.mark.needs("xml2wbxml", "wbxml2xml")]

GROUPS = ("Field", "Office", "Few", "Typed", "Networked", "Doors")
MEMBERS = {
    "Field": ("fay", "finn"),
    "Office": ("olga",),
    "Few": ("fred",),
    "Typed": ("tess",),
    "Networked": ("nora",),
    "Doors": ("dirk",),
}
RULES = """
[[policy]]
name = "field"
mode = "approval"
quarantine_message = "Call the field desk at 100."

[[policy]]
name = "office"
mode = "approval"
quarantine_message = "Call the office at 200."

[[policy]]
name = "one"
mode = "first-use"
device_limit = 1
phone_refusals = "http"

[[policy]]
name = "no-simulators"
mode = "first-use"
deny_types = ["Sim*"]
phone_refusals = "http"

[[access]]
name = "field"
publications = ["mail"]
groups = ["CONTOSO\\\\Field"]
policy = "field"

[[access]]
name = "office"
publications = ["mail"]
groups = ["CONTOSO\\\\Office"]
policy = "office"

[[access]]
name = "few"
publications = ["mail"]
groups = ["CONTOSO\\\\Few"]
policy = "one"

[[access]]
name = "typed"
publications = ["mail"]
groups = ["CONTOSO\\\\Typed"]
policy = "no-simulators"

[[access]]
name = "networked"
publications = ["mail"]
groups = ["CONTOSO\\\\Networked"]
networks = ["127.0.0.8/29"]

[[access]]
name = "doors-inside"
publications = ["mail"]
groups = ["CONTOSO\\\\Doors"]
listeners = ["inside"]
credentials = ["domain-password"]

[[access]]
name = "doors-outside"
publications = ["mail"]
groups = ["CONTOSO\\\\Doors"]
listeners = ["outside"]
credentials = ["app-password"]
"""


@dataclass
class Office:
    """The installation with its two doors."""

    site: Installation
    dc: DomainController

    def ask(self, user: str, password: str, device: str = "PHONE1", **where: Any) -> Answer:
        """One request of a phone, from `source` and at the listener `at`."""
        site = self.site.indoors if where.get("at") == "inside" else self.site
        door = Door(site.address, site.port, HOST, site.ca_file, source=where.get("source", ""))
        with Client(door) as client:
            return client.ask(f"CONTOSO\\{user}", password, device)

    def checked(self, user: str, listener: str = "outside", *more: str) -> dict[str, Any]:
        """What `policy check` says for the listener."""
        told = self.site.cli("policy", "check", user, "--listener", listener, *more)
        (row,) = told["publications"]
        return dict(row)

    def phone(self, user: str) -> ActiveSyncClient:
        """A phone with a fresh app password."""
        return ActiveSyncClient(
            url=f"{self.site.url}/Microsoft-Server-ActiveSync",
            user=f"CONTOSO\\{user}",
            password=self.site.issue(user),
            device_id=f"PHONE{user}",
            tls=self.site.context(),
            host=HOST,
        )

    def explained(self, refused: Answer) -> dict[str, Any]:
        """What `explain` says of a refusal."""
        told: dict[str, Any] = self.site.cli("explain", refused.headers["X-Request-Id"])
        return told


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with DomainController() as dc, lab_server() as server:
        everybody = [user for users in MEMBERS.values() for user in users]
        dc.add_users(*everybody)
        for group, users in MEMBERS.items():
            dc.samba_tool("group", "add", group)
            dc.samba_tool("group", "addmembers", group, ",".join(users))
        with installation(
            backend=server.url,
            inside="",
            workers=1,
            publication='domain_password_listeners = ["inside"]',
            more=dc.settings() + RULES,
        ) as site:
            site.wait_for_account(everybody[-1])
            yield Office(site, dc)


def what_it_reads(phone: ActiveSyncClient) -> str:
    """All the text in the inbox of a phone, as libwbxml has it."""
    inbox = phone.find_inbox()
    key, _ = phone.sync(inbox)
    answer = phone.command(
        "Sync",
        '<Sync xmlns="AirSync:"><Collections><Collection>'
        f"<SyncKey>{key}</SyncKey><CollectionId>{inbox}</CollectionId><GetChanges>1</GetChanges>"
        "</Collection></Collections></Sync>",
    )
    assert answer is not None
    return " ".join(answer.itertext())


def test_each_group_s_phones_read_their_own_words(office: Office) -> None:
    fay, olga = office.phone("fay"), office.phone("olga")
    assert "Call the field desk at 100." in what_it_reads(fay)
    assert "Call the office at 200." in what_it_reads(olga)
    for user, rule in (("fay", "field"), ("olga", "office")):
        row = office.checked(user)
        assert (row["outcome"], row["rule"], row["policy"]["mode"]) == ("allow", rule, "approval")
        assert row["policy"]["quarantine_message"].startswith("Call the ")
        listed = office.site.cli("device", "list", user)
        assert [(one["device_id"], one["state"]) for one in listed] == [(f"PHONE{user}".upper(), "pending")]


def test_who_changes_groups_reads_the_words_of_the_new_one_within_a_poll(office: Office) -> None:
    finn = office.phone("finn")
    assert "field desk" in what_it_reads(finn)
    office.dc.samba_tool("group", "addmembers", "Office", "finn")
    office.dc.samba_tool("group", "removemembers", "Field", "finn")
    wait_until(lambda: "Call the office at 200." in what_it_reads(finn), "the other group's words", SOON)
    assert office.checked("finn")["rule"] == "office"


def test_a_device_limit_of_a_group(office: Office) -> None:
    first, second = office.site.issue("fred"), office.site.issue("fred")
    assert office.ask("fred", first, "PHONE1").status == 200
    refused = office.ask("fred", second, "PHONE2")
    assert refused.status == 403
    assert office.explained(refused)["reason"] == "device-limit"
    row = office.checked("fred")
    assert (row["rule"], row["devices"], row["policy"]["device_limit"]) == ("few", 1, 1)


def test_device_types_of_a_group(office: Office) -> None:
    refused = office.ask("tess", office.site.issue("tess"))
    assert refused.status == 403
    assert office.explained(refused)["reason"] == "device-type-refused"
    row = office.checked("tess")
    assert (row["rule"], row["policy"]["deny_types"]) == ("typed", ["Sim*"])


def test_networks_of_a_group(office: Office) -> None:
    password = office.site.issue("nora")
    for source, status, outcome, rule in (
        ("127.0.0.9", 200, "allow", "networked"),
        ("127.0.0.1", 403, "deny", "no rule fits"),
    ):
        assert office.ask("nora", password, source=source).status == status
        row = office.checked("nora", "outside", "--source", source)
        assert (row["outcome"], row["rule"], row["asks_for_source"]) == (outcome, rule, False)
    assert office.checked("nora")["asks_for_source"]


def test_credentials_of_a_group_inside_and_outside(office: Office) -> None:
    password = office.site.issue("dirk")
    assert office.ask("dirk", password).status == 200
    assert office.ask("dirk", PASSWORD).status == 401, "outside a domain password is never tried"
    assert office.ask("dirk", PASSWORD, at="inside").status == 200
    refused = office.ask("dirk", password, at="inside")
    assert refused.status == 403
    told = office.explained(refused)
    assert (told["reason"], told["stages"][-1]["rule"]) == ("credential-kind-refused", "doors-inside")
    outside, inside = office.checked("dirk"), office.checked("dirk", "inside")
    assert (outside["rule"], outside["credentials"]) == ("doors-outside", ["app-password"])
    assert (inside["rule"], inside["credentials"]) == ("doors-inside", ["domain-password"])


def test_settings_whose_directory_can_not_be_opened_change_no_rule(office: Office) -> None:
    """New rules, and a password file that is empty: neither counts, and everybody who asks is told why."""
    site, dc = office.site, office.dc
    password = site.issue("fred")
    site.cli("device", "remove", "fred", "PHONE1")
    assert office.ask("fred", password).status == 200
    before, reloads = site.values["more"], len(site.log_lines("-reloaded"))
    empty = site.folder / "empty.password"
    empty.touch(0o600)
    nobody = '[[access]]\nname = "nobody"\nallow = false\npublications = ["mail"]\n'
    changed = before.replace(str(dc.password_file()), str(empty)).replace(
        "[[access]]", f"{nobody}\n[[access]]", 1
    )
    try:
        site.write_settings(more=changed)
        site.reload()
        (said,) = site.wait_for_log_line("reload-refused")
        assert "bind_password_file" in said
        assert "remedy=" in said
        checked = site.run("settings", "check")
        assert checked.returncode == 1
        assert "bind_password_file" in checked.stdout
        assert office.ask("fred", password).status == 200
        assert office.checked("fred")["rule"] == "few"
        assert len(site.log_lines("-reloaded")) == reloads
        empty.write_text(dc.password_file().read_text())
        site.reload()
        site.wait_for_log_line("-reloaded", count=reloads + 2)
        assert office.ask("fred", password).status == 403
        assert office.checked("fred")["rule"] == "nobody"
    finally:
        site.write_settings(more=before)
        site.reload()
    site.wait_for_log_line("-reloaded", count=reloads + 4)
    assert office.ask("fred", password).status == 200
