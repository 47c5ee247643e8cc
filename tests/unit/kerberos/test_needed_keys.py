"""Which key tables are taken, and which of their keys take tickets."""

from __future__ import annotations

import pytest

from handfast.kerberos.needed_keys import NeededKeys
from handfast.kerberos.setup_error import KerberosSetupError
from handfast.protocols.kerberos.keytab import KeytabEntry
from handfast.protocols.kerberos.principal import parse_principal

OWN, MAIL, EWS = "svc-gw@CONTOSO.LAB", "HTTP/mail.contoso.lab@CONTOSO.LAB", "HTTP/ews.contoso.lab@CONTOSO.LAB"
PARTNERS, OWN_THERE = "HTTP/mail.contoso.lab@PARTNER.LAB", "svc-gw@PARTNER.LAB"


def keys(*principals: str) -> tuple[KeytabEntry, ...]:
    return tuple(KeytabEntry(parse_principal(one), 1, 18, bytes(32)) for one in principals)


def needed(principal: str | None, *accept: str) -> NeededKeys:
    return NeededKeys(None if principal is None else parse_principal(principal), accept)


@pytest.mark.parametrize(
    ("wanted", "there", "taking"),
    [
        (needed(OWN), [OWN, MAIL], [OWN, MAIL]),
        (needed(OWN.lower()), [OWN], [OWN]),
        (needed(OWN, "HTTP/MAIL.contoso.lab"), [OWN, MAIL, EWS], [MAIL, OWN]),
        (needed(OWN, "HTTP/mail.contoso.lab"), [OWN], [OWN]),
        (needed(OWN, "HTTP/mail.contoso.lab", "HTTP/ews.contoso.lab"), [OWN, MAIL], [MAIL, OWN]),
        (needed(OWN, "HTTP/mail.contoso.lab"), [OWN, MAIL, PARTNERS, OWN_THERE], [MAIL, OWN]),
        (needed(OWN, "HTTP/ews.contoso.lab"), [OWN, PARTNERS, OWN_THERE], [OWN]),
        (needed(None), [MAIL, EWS], [MAIL, EWS]),
        (needed(None, "HTTP/mail.contoso.lab"), [MAIL, EWS], [MAIL]),
        (needed(None, "HTTP/ews.contoso.lab"), [PARTNERS, EWS], [EWS]),
    ],
)
def test_tickets_are_taken_with_keys_of_our_own_realm_and_the_names_that_are_wanted(wanted, there, taking):
    wanted.check(keys(*there))
    assert [str(one.principal) for one in wanted.accepting(keys(*there))] == taking


@pytest.mark.parametrize(
    ("wanted", "there", "problem", "remedy"),
    [
        (needed(OWN), [MAIL, OWN_THERE], f"no key of {OWN}", "own name as well"),
        (
            needed(None, "HTTP/mail.contoso.lab"),
            [EWS],
            "no key for HTTP/mail.contoso.lab",
            "with these names",
        ),
        (needed(None), [MAIL, PARTNERS], r"several realms \(CONTOSO.LAB, PARTNER.LAB\)", "without the keys"),
        (needed(None, "HTTP/mail.contoso.lab"), [MAIL, PARTNERS], "several realms", "`kerberos.principal`"),
        (needed(OWN), [OWN, PARTNERS], "several realms", "`kerberos.accept`"),
        (
            needed("svc-gw@CHILD.CONTOSO.LAB", "HTTP/mail.contoso.lab"),
            ["svc-gw@CHILD.CONTOSO.LAB", MAIL],
            "has HTTP/mail.contoso.lab in CONTOSO.LAB, and the service account is svc-gw@CHILD.CONTOSO.LAB",
            "move the SPN to svc-gw@CHILD.CONTOSO.LAB",
        ),
    ],
)
def test_a_key_table_that_is_not_taken_says_what_to_do(wanted, there, problem, remedy):
    with pytest.raises(KerberosSetupError, match=problem) as refused:
        wanted.check(keys(*there))
    assert remedy in refused.value.remedy


def test_an_account_of_a_child_domain_serves_both_sides():
    """Clients of the parent domain are sent to the child's KDC, so the key is the child's as well."""
    child = "svc-gw@CHILD.CONTOSO.LAB"
    both = keys(child, "HTTP/mail.contoso.lab@CHILD.CONTOSO.LAB")
    wanted = needed(child, "HTTP/mail.contoso.lab")
    wanted.check(both)
    assert wanted.accepting(both) == [*both[1:], both[0]]
