"""Which questions are asked, and where the answers go."""

from __future__ import annotations

import pytest

from handfast.doctor.kerberos.facts import KeytabKey, ResolvedName, Service
from handfast.doctor.kerberos.gathering import Tools, gather, resolve
from handfast.doctor.kerberos.trial import NoTicket
from handfast.identity.directory.domain_account import DomainAccount
from handfast.settings.model import Settings

SPN = "HTTP/Mail.contoso.lab"
OWN = DomainAccount("CN=svc-gw", "svc-gw", 0x200)
EX = DomainAccount("CN=svc-ex", "svc-ex", 0x200, spns=(SPN,))
ALICE = DomainAccount("CN=alice", "alice", 0x200)
KEY = KeytabKey("svc-gw@CONTOSO.LAB", 1, 18)


class Domain:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.held = {SPN: (EX,)}

    async def find(self, name: str) -> DomainAccount | None:
        return {"svc-gw": OWN, "alice": ALICE}.get(name)

    async def holders(self, spn: str) -> tuple[DomainAccount, ...]:
        self.asked.append(spn)
        return self.held.get(spn, ())

    async def clock_offset_seconds(self) -> float:
        return 1.5


def publication(name: str, auth: str, **backend) -> dict:
    urls = backend.pop("urls", ["http://127.0.0.1:1"])
    return {
        "name": name,
        "hosts": [f"{name}.example.com"],
        "backend": {"urls": urls, "auth": auth, **backend},
    }


@pytest.fixture
def settings() -> Settings:
    kerberos = {"keytab": "/k", "principal": "svc-gw@CONTOSO.LAB", "accept": ["HTTP/gw.contoso.lab"]}
    urls = ["https://ex1.contoso.lab", "https://ex1.contoso.lab:8443", "https://ex2.contoso.lab"]
    return Settings.model_validate(
        {
            "kerberos": kerberos,
            "publication": [publication("mail", "kerberos", spn=SPN, urls=urls), publication("old", "none")],
        }
    )


def publication_of(settings: Settings, spn: str):
    first = settings.publications[0]
    return first.model_copy(update={"backend": first.backend.model_copy(update={"spn": spn})})


def refuse(person: DomainAccount, spn: str, binding: bytes) -> bytes:
    raise NoTicket(f"{person.name} gets none for {spn}{binding!r}")


def tools(keytab: tuple[KeytabKey, ...] | str = (KEY,)) -> Tools:
    return Tools(Domain(), lambda: keytab, refuse, lambda name: ResolvedName("", frozenset({name})))


async def test_the_facts_come_from_settings_and_tools(settings):
    asked = tools()
    setup = await gather(settings, asked, servers_account="svc-ex")
    assert (setup.realm, setup.principal, setup.keytab_path) == ("CONTOSO.LAB", "svc-gw", "/k")
    assert setup.account is OWN
    assert setup.keytab == (KEY,)
    assert setup.keytab_problem == ""
    assert setup.services == (Service("mail", SPN, ("ex1.contoso.lab", "ex2.contoso.lab")),)
    assert asked.domain.asked == [SPN, "HTTP/gw.contoso.lab"]
    assert setup.holders_of("http/MAIL.contoso.lab") == (EX,)
    assert set(setup.names) == {
        "Mail.contoso.lab",
        "ex1.contoso.lab",
        "ex2.contoso.lab",
        "gw.contoso.lab",
    }
    assert setup.clock_offset_seconds == 1.5
    assert setup.servers_account == "svc-ex"
    assert setup.trial is None


async def test_an_spn_of_http_is_held_by_whoever_holds_the_hosts(settings):
    asked = tools()
    asked.domain.held = {"HOST/Mail.contoso.lab": (EX,)}
    setup = await gather(settings, asked)
    assert setup.holders_of(SPN) == (EX,)
    assert setup.holders_of("HTTP/gw.contoso.lab") == (), "our own names are ours by themselves alone"
    asked.domain.asked.clear()
    other = settings.model_copy(
        update={"publications": (publication_of(settings, "imap/mail.contoso.lab"), settings.publications[1])}
    )
    setup = await gather(other, asked)
    assert setup.holders_of("imap/mail.contoso.lab") == ()
    assert not [spn for spn in asked.domain.asked if spn.startswith("HOST/")]


async def test_a_keytab_that_cannot_be_read_is_a_problem_and_no_end(settings):
    setup = await gather(settings, tools("not there"))
    assert (setup.keytab, setup.keytab_problem) == ((), "not there")


async def test_a_trial_asks_no_back_end_without_a_ticket(settings):
    trial = (await gather(settings, tools(), login="alice")).trial
    assert trial.person is ALICE
    assert [one.problem for one in trial.tickets] == [f"alice gets none for {SPN}b''"]
    assert trial.answers == ()


async def test_a_trial_for_nobody(settings):
    setup = await gather(settings, tools(), login="mallory")
    assert setup.trial.person is None


def test_names_are_resolved_by_this_machine():
    assert resolve("localhost").addresses & {"127.0.0.1", "::1"}
    assert resolve("127.0.0.9") == ResolvedName("", frozenset({"127.0.0.9"}))
    assert resolve("no-such-name.invalid") == ResolvedName()
    assert resolve("x" * 300) == ResolvedName()
