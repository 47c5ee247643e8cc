"""The HTML page: what it shows, and that nothing in it is read as markup."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from lxml import html

from handfast.doctor.kerberos.facts import AnswerTrial, Service, Setup, TicketTrial, Trial
from handfast.doctor.kerberos.findings import KerberosFindingId
from handfast.doctor.kerberos.judging import judge
from handfast.doctor.kerberos.report import render_report
from handfast.identity.directory.domain_account import WITHOUT_PAC, DomainAccount

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EMPTY = Setup("CONTOSO.LAB", "svc-gw", "/etc/handfast/handfast.keytab", None)
EVIL = "<script>alert(1)</script>"


def test_a_page_says_what_was_looked_at_and_what_was_found():
    setup = replace(
        EMPTY,
        services=(Service("mail", "HTTP/mail.contoso.lab", ("ex1",)),),
        accepts=("HTTP/gw.contoso.lab",),
        trial=Trial(
            EVIL, None, (TicketTrial("HTTP/x", EVIL), TicketTrial("HTTP/y")), (AnswerTrial("m", "u", 200),)
        ),
    )
    page = html.fromstring(render_report(setup, judge(setup, NOW), NOW))
    assert page.findtext(".//h1") == "Kerberos check of CONTOSO.LAB"
    assert "4 error(s), 0 warning(s)" in page.text_content()
    assert "HTTP/mail.contoso.lab, back ends ex1" in page.text_content()
    assert "setspn -S 'HTTP/mail.contoso.lab' 'SERVERS-ACCOUNT'" in page.text_content()
    assert "ticket obtained" in page.text_content()
    assert "HTTP 200" in page.text_content()
    assert page.findall(".//script") == []
    assert EVIL in page.text_content()


def test_commands_stand_on_the_page_as_they_are_typed():
    own = DomainAccount("CN=svc-gw,DC=contoso,DC=lab", "svc-gw", 0x200 | WITHOUT_PAC, encryption_types=24)
    setup = replace(EMPTY, account=own)
    findings = [one for one in judge(setup, NOW) if one.id is KerberosFindingId.ACCOUNT_WITHOUT_PAC]
    page = html.fromstring(render_report(setup, findings, NOW))
    (article,) = page.findall(".//article")
    assert (
        article.findtext("h3")
        == "Tickets for the service account have no PAC, which alone says whose they are"
    )
    assert [pre.text for pre in article.findall("pre")] == [
        *findings[0].commands.powershell,
        *findings[0].commands.samba,
    ]
    assert article.findall("small")[-1].text == "service-account-without-pac"


def test_what_can_not_be_seen_is_shown_by_its_number_and_begins_no_line():
    odd = "a\x1b[2J\0\nPS> calc\u202e"
    person = DomainAccount(f"CN={odd}", odd, 0x2)
    setup = replace(
        EMPTY,
        account=person,
        services=(Service(odd, f"HTTP/{odd}", (odd,)),),
        holders={f"HTTP/{odd}".lower(): (person, replace(person, name="b"))},
        trial=Trial(odd, person, (TicketTrial(odd, odd),), (AnswerTrial("m", odd, None, odd),)),
    )
    page = html.fromstring(render_report(setup, judge(setup, NOW), NOW))
    text = page.text_content()
    assert r"a\x1b[2J\x00\nPS> calc\u202e" in text
    assert not any(line.lstrip().startswith("PS> calc") for line in text.splitlines())
    assert not set("\x1b\0\u202e") & set(text)


def test_a_page_without_findings_says_so():
    page = html.fromstring(render_report(EMPTY, [], NOW))
    assert "Nothing is wrong." in page.text_content()
    assert [one.text for one in page.findall(".//p")][-1] == "None."
