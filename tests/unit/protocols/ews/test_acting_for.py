from __future__ import annotations

import pytest

from handfast.protocols.ews.acting_for import ACTING_FOR_HEADERS, find_acting_for


@pytest.mark.parametrize(
    "name",
    [
        "ExchangeImpersonation",
        "SerializedSecurityContext",
        "ManagementRole",
        "OpenAsAdminOrSystemService",
        "ProxySecurityContext",
        "ProxySuggesterSid",
        "ProxyPartnerToken",
        "SharingSecurity",
        "Security",
        "EXCHANGEIMPERSONATION",
    ],
)
def test_headers_that_ask_to_be_somebody_else_are_found(name):
    assert find_acting_for({"RequestServerVersion", name, "TimeZoneContext"}) == name


@pytest.mark.parametrize(
    "name",
    ["RequestServerVersion", "TimeZoneContext", "TimeZoneDefinition", "MailboxCulture", "DateTimePrecision"],
)
def test_what_clients_send_is_not(name):
    assert find_acting_for({name}) is None


def test_the_table_is_written_as_it_is_looked_up():
    assert all(name == name.lower() and why for name, why in ACTING_FOR_HEADERS.items())
