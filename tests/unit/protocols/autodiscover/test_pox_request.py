from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.protocols.autodiscover import schemas
from handfast.protocols.autodiscover.pox_request import PoxRequest, encode_pox_request, parse_pox_request
from handfast.protocols.autodiscover.schemas import PoxSchema
from handfast.protocols.errors import MalformedMessage

DN = "/o=Lab/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=alice"


def request(
    *fields: str, namespace: str = schemas.OUTLOOK_REQUEST, root: str = "Autodiscover", inner: str = "Request"
) -> bytes:
    return f'<{root} xmlns="{namespace}"><{inner}>{"".join(fields)}</{inner}></{root}>'.encode()


ADDRESS = "<EMailAddress>alice@lab.test</EMailAddress>"
OUTLOOK = f"<AcceptableResponseSchema>{schemas.OUTLOOK_RESPONSE}</AcceptableResponseSchema>"
MOBILESYNC = f"<AcceptableResponseSchema>{schemas.MOBILESYNC_RESPONSE}</AcceptableResponseSchema>"


def test_outlook_asks_by_address():
    found = parse_pox_request(request(ADDRESS, OUTLOOK), b"text/xml; charset=utf-8")
    assert found == PoxRequest(PoxSchema.OUTLOOK, PoxSchema.OUTLOOK, "alice@lab.test")


def test_a_phone_asks_in_its_own_schema():
    found = parse_pox_request(request(ADDRESS, MOBILESYNC, namespace=schemas.MOBILESYNC_REQUEST))
    assert (found.asked_in, found.acceptable) == (PoxSchema.MOBILESYNC, PoxSchema.MOBILESYNC)


def test_the_wanted_schema_may_be_another_than_the_request_s():
    assert parse_pox_request(request(ADDRESS, MOBILESYNC)).acceptable is PoxSchema.MOBILESYNC


def test_without_a_wanted_schema_it_is_the_request_s():
    assert parse_pox_request(request(ADDRESS)).acceptable is PoxSchema.OUTLOOK


def test_a_legacy_dn_may_stand_alone_or_beside():
    assert parse_pox_request(request(f"<LegacyDN>{DN}</LegacyDN>", OUTLOOK)).address == ""
    assert parse_pox_request(request(ADDRESS, f"<LegacyDN>{DN}</LegacyDN>", OUTLOOK)).legacy_dn == DN


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (request(ADDRESS, ADDRESS, OUTLOOK), "twice"),
        (request(ADDRESS, "<EMailAddress/>", OUTLOOK), "twice"),
        (request(ADDRESS, "<Password>x</Password>"), "unknown element"),
        (request(ADDRESS, '<x:EMailAddress xmlns:x="u">b@lab.test</x:EMailAddress>'), "unknown element"),
        (request("<EMailAddress>a<b/>@lab.test</EMailAddress>"), "elements where text"),
        (request(OUTLOOK), "missing"),
        (request("<EMailAddress> </EMailAddress>", OUTLOOK), "missing"),
        (request("<EMailAddress>alice</EMailAddress>"), "not one mail address"),
        (request("<LegacyDN>alice</LegacyDN>"), "not a legacy"),
        (request(f"<LegacyDN>/{'x' * 2048}</LegacyDN>"), "not a legacy"),
        (request(ADDRESS, "<AcceptableResponseSchema>urn:x</AcceptableResponseSchema>"), "unknown"),
        (request(ADDRESS, namespace="urn:x"), "not an Autodiscover request"),
        (request(ADDRESS, root="Discover"), "not an Autodiscover request"),
        (request(ADDRESS, inner="Response"), "unknown element"),
        (f'<Autodiscover xmlns="{schemas.OUTLOOK_REQUEST}"/>'.encode(), "Request: missing"),
        (b"<!DOCTYPE x>" + request(ADDRESS), "document type"),
        (request(ADDRESS + " " * 70_000), "longer than"),
        (b"", "no document element"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(data, problem):
    with pytest.raises(MalformedMessage, match=problem):
        parse_pox_request(data)


requests = st.builds(
    PoxRequest,
    st.sampled_from(PoxSchema),
    st.sampled_from(PoxSchema),
    st.from_regex(r"[a-z'&]{1,9}(\.[a-z]{1,5})?@[a-z]{1,9}\.test", fullmatch=True),
    st.sampled_from(["", DN, "/o=<&>"]),
)


@settings(deadline=None)
@given(requests)
def test_what_is_written_is_read(value):
    assert parse_pox_request(encode_pox_request(value), b"text/xml; charset=utf-8") == value


def test_a_request_without_an_address_is_written_without_one():
    value = PoxRequest(PoxSchema.OUTLOOK, PoxSchema.OUTLOOK, "", DN)
    assert b"EMailAddress" not in encode_pox_request(value)
    assert parse_pox_request(encode_pox_request(value)) == value


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_request_or_a_malformed_message(data):
    with pytest.raises(MalformedMessage):
        parse_pox_request(data)
