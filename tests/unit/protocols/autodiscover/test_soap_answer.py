from __future__ import annotations

from pathlib import Path

import pytest

from handfast.protocols.autodiscover.soap_answer import SubjectSettings, parse_soap_answer
from handfast.protocols.errors import MalformedMessage

BEFORE = Path(__file__).resolve().parents[3] / "golden" / "autodiscover" / "before"


def sample(name: str) -> tuple[SubjectSettings, ...]:
    return parse_soap_answer((BEFORE / f"{name}.xml").read_bytes(), b"text/xml; charset=utf-8")


def test_settings_are_found_by_name():
    (user,) = sample("soap-user-settings")
    assert user.error == "NoError"
    assert user.first("ExternalEwsUrl") == "https://webmail.lab.test/EWS/Exchange.asmx"
    assert user.first("Missing") == ""
    assert ("InternalWebClientUrls", "") in user.settings


def test_a_redirect_has_a_target():
    (user,) = sample("soap-redirect-url")
    assert (user.error, user.target) == (
        "RedirectUrl",
        "https://ex02.corp.lab.internal/autodiscover/autodiscover.svc",
    )


def test_domains_are_answered_alike():
    (domain,) = sample("soap-domain-settings")
    assert domain.first("ExternalEwsVersion") == "15.01.2507.000"


def test_a_fault_is_about_nobody():
    assert sample("soap-fault") == ()


def test_plain_xml_is_no_soap():
    with pytest.raises(MalformedMessage, match=r"not SOAP 1\.1"):
        sample("outlook-2016")
