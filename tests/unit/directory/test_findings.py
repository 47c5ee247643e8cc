from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handfast.directory.domain_facts import DomainFacts, Policy, RootFacts
from handfast.directory.findings import Seen, Step, judge
from handfast.directory.scope import Scope

NOW = datetime(2026, 11, 21, tzinfo=UTC)
EXPECTED = Scope("OU=Staff", "(mail=*)")


def domain(sid: str = "S-1-5-21-1-2-3", threshold: int = 5, dns_name: str = "contoso.lab") -> DomainFacts:
    root = RootFacts("DC=x", "CN=Configuration,DC=x", "CN=DC1", 1, "dc1", NOW)
    return DomainFacts(root, "", sid, "CONTOSO", dns_name, Policy(threshold, timedelta(0), None, None))


def seen(**changes: object) -> Seen:
    return Seen(**{"name": "dc1", "failed_at": Step.DONE, "domain": domain(), **changes})


def test_a_healthy_domain_has_no_findings():
    healthy = seen(certificate_ends=NOW + timedelta(days=90), skew=timedelta(seconds=-3))
    assert judge([healthy, healthy], EXPECTED, NOW) == []


@pytest.mark.parametrize(
    ("step", "problem", "remedy"),
    [
        (Step.CONNECT, "can't be reached", "TCP 636"),
        (Step.CONNECT, "dc1: dc1.contoso.lab has no address here", "as `address`"),
        (Step.BIND, "refused", "`bind_user`"),
        (Step.READ, "rootDSE", "a domain controller of Active Directory"),
        (
            Step.CERTIFICATE,
            "Hostname mismatch, certificate is not valid for 'dc1'",
            "the name that is in its certificate",
        ),
        (Step.CERTIFICATE, "certificate has expired", "renew the controller's certificate"),
        (Step.CERTIFICATE, "unable to get local issuer certificate", "`ca_file`"),
    ],
)
def test_each_failure_has_its_remedy(step, problem, remedy):
    (finding,) = judge([Seen("dc1", step, problem)], EXPECTED, NOW)
    assert (finding.severity, finding.controller, finding.what) == ("error", "dc1", problem)
    assert remedy in finding.remedy


@pytest.mark.parametrize(
    ("changes", "severity", "what"),
    [
        ({"certificate_ends": NOW + timedelta(days=13)}, "warning", "its certificate ends 2026-12-04"),
        ({"skew": timedelta(seconds=-60)}, "warning", "its clock differs from ours by 60 s"),
        ({"skew": timedelta(hours=1)}, "error", "its clock differs from ours by 3600 s"),
        ({"has_base": False, "has_accounts": False}, "error", "there is no OU=Staff, or we may not see it"),
        ({"has_accounts": False}, "error", "no account fits (mail=*)"),
    ],
)
def test_what_else_is_found(changes, severity, what):
    (finding,) = judge([seen(**changes)], EXPECTED, NOW)
    assert (finding.severity, finding.what) == (severity, what)
    assert finding.remedy


def test_no_account_anywhere():
    (finding,) = judge([seen(has_accounts=False)], Scope(), NOW)
    assert finding.what == "no account fits there"


def test_controllers_of_two_domains():
    other = seen(name="dc2", domain=domain(sid="S-1-5-21-9-9-9", dns_name="other.lab"))
    (finding,) = judge([seen(), other], EXPECTED, NOW)
    assert finding.what == "the controllers are of different domains: contoso.lab, other.lab"
