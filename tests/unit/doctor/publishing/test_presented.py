"""What clients make of a certificate."""

import datetime as dt

from handfast.doctor.publishing import presented
from handfast.doctor.publishing.visit import Seen
from tests.fakes.doctor_world import NOW
from tests.unit.doctor.publishing.scripted import (
    CA,
    FINDER,
    HOST,
    OWN,
    finding,
    issue,
    place,
    shown,
)

HERE = place()


def certificate_findings(seen, **changes):
    return [finding(step) for step in presented.read_certificate(place(**changes), HOST, seen, NOW)]


def test_a_certificate_that_all_take():
    assert certificate_findings(shown()) == [None]
    assert certificate_findings(shown(), chains=((OWN, CA),)) == [None]
    [step] = presented.read_certificate(HERE, HOST, shown(), NOW)
    assert step.answer == "certificate until 2026-03-31"


def test_no_tls():
    [step] = presented.read_certificate(HERE, HOST, Seen(401), NOW)
    assert (step.answer, finding(step)) == ("no TLS here", None)


def test_a_certificate_that_phones_refuse():
    other = issue("other.example.com")
    [step] = presented.read_certificate(HERE, HOST, shown(other), NOW)
    assert (finding(step), step.effect) == ("certificate-name", "refuses to connect")


def test_a_chain_that_does_not_verify():
    [step] = presented.read_certificate(
        HERE, HOST, shown(distrust="unable to get local issuer certificate"), NOW
    )
    assert (finding(step), step.effect) == ("certificate-trust", "warns, or gives up")


def test_an_end_is_told_once():
    ended = issue(HOST, begins=NOW - dt.timedelta(days=60))
    seen = shown(ended, distrust="certificate has expired")
    assert certificate_findings(seen) == ["certificate-dates"]
    # It is the CA's certificate then.
    assert certificate_findings(shown(distrust="certificate has expired")) == ["certificate-trust"]


def test_a_certificate_of_another_file():
    renewed = issue(HOST, FINDER)
    assert certificate_findings(shown(), chains=((renewed, CA),)) == ["certificate-old"]
    assert certificate_findings(shown(), chains=((renewed, CA), (OWN, CA))) == [None]
