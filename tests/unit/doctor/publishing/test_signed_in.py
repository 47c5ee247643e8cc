"""What each answer after sign-in means for a client."""

import pytest

from handfast.decision.reasons import Reason
from handfast.doctor.publishing import signed_in
from handfast.doctor.publishing.questions import (
    ask_autodiscover,
    ask_ews,
    ask_options,
)
from handfast.doctor.publishing.steps import Explained
from handfast.doctor.publishing.visit import Seen
from handfast.protocols.autodiscover.schemas import PoxSchema
from tests.unit.doctor.publishing.scripted import (
    FINDER,
    HOST,
    LOGIN,
    finding,
    place,
)

HERE = place()
SIGNED = ask_autodiscover(FINDER, LOGIN.address, PoxSchema.OUTLOOK, LOGIN)


def unexplained(_request_id):
    return None


def test_options():
    asked = ask_options(HOST, LOGIN)
    well = Seen(200, {"ms-asprotocolversions": "2.5,14.1,16.1"})
    step = signed_in.read_options(HERE, asked, well, unexplained)
    assert (step.answer, finding(step)) == ("200, versions to 16.1", None)
    assert finding(signed_in.read_options(HERE, asked, Seen(200), unexplained)) == "sign-in"
    assert finding(signed_in.read_options(HERE, asked, Seen(502), unexplained)) == "sign-in"


def test_ews():
    asked = ask_ews(HOST, LOGIN)
    assert (
        finding(signed_in.read_ews(HERE, asked, Seen(200, {}, b"<GetFolderResponse>"), unexplained)) is None
    )
    assert finding(signed_in.read_ews(HERE, asked, Seen(200, {}, b"<Fault>"), unexplained)) == "sign-in"


@pytest.mark.parametrize(
    ("body", "answer", "found"),
    [
        (b"<Url>https://mail.example.com/x</Url>", "200, mail.example.com", None),
        (
            b'<a xmlns="http://schemas.microsoft.com/x"><b>https://MAIL.example.com:443/</b>',
            "200, mail.example.com",
            None,
        ),
        (b"<Url>https://ex01.corp.internal/x</Url>", "200", "foreign-host"),
        (b"<Url>https://[x</Url>", "200", "foreign-host"),
        (b"<Error><ErrorCode>500</ErrorCode>", "200, error 500", "autodiscover"),
        (b"<x:Error><x:Status> 1 </x:Status>", "200, error 1", "autodiscover"),
        (b"", "200 without a server", "autodiscover"),
    ],
)
def test_autodiscover(body, answer, found):
    step = signed_in.read_autodiscover(HERE, "Outlook", SIGNED, Seen(200, {}, body), unexplained)
    assert (step.answer, finding(step)) == (answer, found)


def refused(status, reason=None, asked=SIGNED, detail="", request_id="abc"):
    seen = Seen(status, {"x-request-id": request_id} if request_id else {})
    why = Explained(reason, detail, "do this") if reason else None
    return signed_in.read_autodiscover(
        HERE, "Outlook", asked, seen, lambda one: why if one == "abc" else None
    )


def test_a_refusal_is_explained():
    step = refused(401, Reason.CREDENTIAL_WRONG, detail="Basic")
    assert (step.answer, step.effect) == ("401, credential-wrong", "asks for the password again")
    assert finding(step) == "sign-in"
    assert step.finding.what.endswith("is answered 401, credential-wrong (Basic)")
    assert step.finding.remedy == "do this"
    assert refused(403, Reason.DEVICE_BLOCKED).effect == "says that it can't connect"


def test_an_answer_that_was_withheld():
    step = refused(502, Reason.ANSWER_WITHHELD, detail="it names ex01")
    assert finding(step) == "foreign-host"
    assert "it names ex01" in step.finding.what
    assert "mapping" in step.finding.remedy


def test_an_address_that_may_not_be_asked_for():
    assert finding(refused(403, Reason.COMMAND_REFUSED)) == "autodiscover"
    seen = Seen(403, {"x-request-id": "abc"})
    why = Explained(Reason.COMMAND_REFUSED, "", "do this")
    assert finding(signed_in.read_ews(HERE, ask_ews(HOST, LOGIN), seen, lambda _: why)) == "sign-in"


def test_a_refusal_that_nobody_can_explain_here():
    assert "`handfast explain xyz` on identity's machine" in refused(403, request_id="xyz").finding.remedy
    assert "withheld" not in refused(403, request_id="xyz").finding.remedy
    assert "if the answer was withheld, map it" in refused(502, request_id="xyz").finding.remedy
    assert refused(500, request_id="").finding.remedy == "look at that server's own log"


def test_a_password_that_was_not_sent_is_no_finding():
    step = signed_in.read_refusal(HERE, "phone", SIGNED, Seen(distrust="Hostname mismatch"), unexplained)
    assert (step.answer, finding(step)) == ("not asked: Hostname mismatch", None)
