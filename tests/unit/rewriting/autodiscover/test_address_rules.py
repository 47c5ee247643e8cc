from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.decision.reasons import Reason
from handfast.protocols.autodiscover.pox_request import PoxRequest, encode_pox_request, parse_pox_request
from handfast.protocols.autodiscover.schemas import AUTODISCOVER, EWS_TYPES, SOAP_11, PoxSchema
from handfast.rewriting.answers import InspectedRequest, PrincipalNames, RefusedRequest
from handfast.rewriting.autodiscover.address_rules import AutodiscoverInspector, OtherMailboxes
from handfast.rewriting.autodiscover.requested import POX_PATH, SOAP_PATH

ALICE = PrincipalNames(
    logins=frozenset({"alice", "LAB\\alice", "Alice@corp.lab"}),
    addresses=frozenset({"Alice.Adams@Lab.test", "alice@alias.test"}),
)
INSPECTOR = AutodiscoverInspector()
STRICT = AutodiscoverInspector(OtherMailboxes.NONE, frozenset({"extra.test"}))


def pox(address: str, legacy_dn: str = "") -> InspectedRequest:
    body = encode_pox_request(PoxRequest(PoxSchema.OUTLOOK, PoxSchema.OUTLOOK, address, legacy_dn))
    return InspectedRequest(
        b"POST", POX_PATH, "", b"text/xml", b"", body.replace(b"<Request>", b"<!-- x --><Request>")
    )


def soap(*addresses: str, header: str = "", operation: str = "User") -> InspectedRequest:
    if operation == "User":
        subjects = "".join(f"<User><Mailbox>{a}</Mailbox></User>" for a in addresses)
    else:
        subjects = "".join(f"<Domain>{a}</Domain>" for a in addresses)
    name = f"Get{operation}SettingsRequestMessage"
    body = (
        f'<s:Envelope xmlns:s="{SOAP_11}" xmlns:t="{EWS_TYPES}"><s:Header>{header}</s:Header><s:Body>'
        f'<{name} xmlns="{AUTODISCOVER}"><Request><{operation}s>{subjects}</{operation}s>'
        f"<RequestedSettings/></Request></{name}></s:Body></s:Envelope>"
    )
    return InspectedRequest(b"POST", SOAP_PATH, "", b"text/xml", b"", body.encode())


OWN = ["alice.adams@lab.test", "ALICE@ALIAS.TEST", "alice@corp.lab"]


@pytest.mark.parametrize("address", OWN)
@pytest.mark.parametrize("inspector", [INSPECTOR, STRICT])
@pytest.mark.parametrize("build", [pox, soap])
def test_an_account_asks_about_itself(inspector, build, address):
    assert isinstance(inspector.inspect(build(address), ALICE), InspectedRequest)


@pytest.mark.parametrize("build", [pox, soap])
def test_shared_mailboxes_are_in_the_account_s_domains(build):
    request = build("sales@lab.test")
    assert isinstance(INSPECTOR.inspect(request, ALICE), InspectedRequest)
    refused = STRICT.inspect(request, ALICE)
    assert isinstance(refused, RefusedRequest)
    assert (refused.reason, "own address" in refused.detail) == (Reason.COMMAND_REFUSED, True)


@pytest.mark.parametrize("build", [pox, soap])
@pytest.mark.parametrize(
    "address", ["bob@other.test", "alice.adams@sub.lab.test", "alice.adams@lab.test.other.test"]
)
def test_a_foreign_domain_is_refused(build, address):
    refused = INSPECTOR.inspect(build(address), ALICE)
    assert isinstance(refused, RefusedRequest)
    assert refused.reason is Reason.COMMAND_REFUSED
    assert address in refused.detail


def test_one_foreign_address_among_own_ones_is_enough():
    assert isinstance(INSPECTOR.inspect(soap(OWN[0], "bob@other.test"), ALICE), RefusedRequest)


def test_domains_of_the_settings_count_as_own():
    inspector = AutodiscoverInspector(mail_domains=frozenset({"other.test"}))
    assert isinstance(inspector.inspect(pox("bob@other.test"), ALICE), InspectedRequest)
    assert isinstance(inspector.inspect(pox("bob@other.test"), PrincipalNames()), InspectedRequest)


def test_an_account_without_any_address_learns_the_remedy():
    refused = INSPECTOR.inspect(pox("alice@lab.test"), PrincipalNames(logins=frozenset({"alice"})))
    assert isinstance(refused, RefusedRequest)
    assert "mail_domains" in refused.detail


def test_a_domain_s_settings_are_the_account_s_own_domain_s():
    assert isinstance(STRICT.inspect(soap("lab.test", operation="Domain"), ALICE), InspectedRequest)
    refused = INSPECTOR.inspect(soap("lab.test", "other.test", operation="Domain"), ALICE)
    assert isinstance(refused, RefusedRequest)
    assert "other.test" in refused.detail


def test_a_legacy_dn_alone_passes():
    assert isinstance(INSPECTOR.inspect(pox("", "/o=Lab/cn=Recipients/cn=x"), ALICE), InspectedRequest)


def test_a_pox_request_is_written_anew():
    passed = INSPECTOR.inspect(pox(OWN[0]), ALICE)
    assert isinstance(passed, InspectedRequest)
    assert b"<!--" not in passed.body
    assert passed.content_type == b"text/xml; charset=utf-8"
    assert parse_pox_request(passed.body, passed.content_type).address == OWN[0]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (replace(pox(OWN[0]), method=b"GET"), Reason.METHOD_REFUSED),
        (replace(pox(OWN[0]), method=b"PUT", body=b""), Reason.METHOD_REFUSED),
        (replace(soap(OWN[0]), method=b"GET", body=b""), Reason.METHOD_REFUSED),
        (replace(pox(OWN[0]), query="x=y"), Reason.UNKNOWN_PATH),
        (replace(pox(OWN[0]), method=b"HEAD", body=b"", query="x=y"), Reason.UNKNOWN_PATH),
        (replace(pox(OWN[0]), path="/autodiscover/other.xml"), Reason.UNKNOWN_PATH),
        (replace(pox(OWN[0]), body=b"<!DOCTYPE a><a/>"), Reason.MALFORMED_REQUEST),
        (replace(pox(OWN[0]), body=b""), Reason.MALFORMED_REQUEST),
        (replace(pox(OWN[0]), content_type=b"text/xml; charset=utf-7"), Reason.MALFORMED_REQUEST),
        (replace(soap(OWN[0]), soap_action=b'"urn:x"'), Reason.MALFORMED_REQUEST),
        (soap(OWN[0], header="<t:ExchangeImpersonation/>"), Reason.MALFORMED_REQUEST),
        (soap(OWN[0], header="<t:SerializedSecurityContext/>"), Reason.MALFORMED_REQUEST),
    ],
)
def test_what_has_no_known_form_is_refused(request_, reason):
    refused = INSPECTOR.inspect(request_, ALICE)
    assert isinstance(refused, RefusedRequest)
    assert refused.reason is reason
    assert refused.allow == ((b"POST",) if reason is Reason.METHOD_REFUSED else ())


@pytest.mark.parametrize(("method", "build"), [(b"GET", pox), (b"HEAD", pox), (b"HEAD", soap)])
def test_whoever_looks_whether_it_is_there_may(method, build):
    """A browser, a monitor, exchangelib behind a redirect: what it is answered names nobody."""
    request = replace(build(OWN[0]), method=method, body=b"")
    assert STRICT.inspect(request, PrincipalNames()) is request


def test_a_soap_request_is_written_anew():
    request = soap(OWN[0], header="<!-- x -->")
    passed = INSPECTOR.inspect(replace(request, content_type=b"text/xml"), ALICE)
    assert isinstance(passed, InspectedRequest)
    assert b"<!--" not in passed.body
    assert passed.content_type == b"text/xml; charset=utf-8"
    assert INSPECTOR.inspect(passed, ALICE) == passed


DN = "/o=Lab/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=bob"


def test_a_distinguished_name_is_no_way_round_the_rule_for_one_s_own_address():
    """It names any mailbox of the organisation, and nothing here can tell whose."""
    alone = STRICT.inspect(pox("", DN), ALICE)
    assert isinstance(alone, RefusedRequest)
    assert alone.reason is Reason.COMMAND_REFUSED
    beside = STRICT.inspect(pox("alice@corp.lab", DN), ALICE)
    assert isinstance(beside, InspectedRequest)
    assert parse_pox_request(beside.body) == PoxRequest(
        PoxSchema.OUTLOOK, PoxSchema.OUTLOOK, "alice@corp.lab"
    )
    assert isinstance(INSPECTOR.inspect(pox("", DN), ALICE), InspectedRequest)
