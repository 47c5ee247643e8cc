from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.decision.rules.path_rule import QueryShape
from handfast.decision.rules.query_shapes import encode_query, match_query
from handfast.protocols.errors import MalformedMessage

GUID = "94a5c596-90a8-4985-91fd-57629ee06561"
OWN = [shape for shape in QueryShape if shape is not QueryShape.ACTIVESYNC]


@pytest.mark.parametrize(
    ("shape", "raw", "sent"),
    [
        (QueryShape.NONE, "", ""),
        (QueryShape.MAILBOX, "", ""),
        (QueryShape.MAILBOX, f"mailboxid={GUID}%40contoso.com", f"MailboxId={GUID}@contoso.com"),
        (QueryShape.MAILBOX, "USEMAILBOXOFAUTHENTICATEDUSER=true", "useMailboxOfAuthenticatedUser=true"),
        (QueryShape.USER_PHOTO, "size=hr96X96&email=a@b.c", "email=a@b.c&size=hr96X96"),
        (QueryShape.USER_PHOTO, "email=o'neil+x@b.c", "email=o%27neil%2Bx@b.c"),
        (
            QueryShape.AUTODISCOVER_JSON,
            "RedirectCount=1&Protocol=ews&Email=a%40b.c",
            "Email=a@b.c&Protocol=ews&RedirectCount=1",
        ),
        (
            QueryShape.AUTODISCOVER_JSON_IN_PATH,
            "redirectcount=3&Protocol=EWS",
            "Protocol=EWS&RedirectCount=3",
        ),
    ],
)
def test_a_query_is_sent_in_the_shapes_order_and_spelling(shape, raw, sent):
    parameters = match_query(shape, raw.encode())
    assert parameters is not None
    assert encode_query(parameters) == sent.encode()
    assert match_query(shape, encode_query(parameters)) == parameters


@pytest.mark.parametrize(
    ("shape", "raw"),
    [
        (QueryShape.NONE, "a=b"),
        (QueryShape.MAILBOX, f"MailboxId={GUID}"),
        (QueryShape.MAILBOX, f"MailboxId={GUID}@contoso.com&useMailboxOfAuthenticatedUser=true"),
        (QueryShape.MAILBOX, "useMailboxOfAuthenticatedUser=false"),
        (QueryShape.MAILBOX, "SmtpAddress=victim@contoso.com"),
        (QueryShape.MAILBOX, f"MailboxId={GUID}@contoso.com&showdebug=yes"),
        (QueryShape.MAILBOX, "MailboxId=alice@contoso.com"),
        (QueryShape.MAILBOX, f"MailboxId={GUID}@a..b"),
        (QueryShape.USER_PHOTO, ""),
        (QueryShape.USER_PHOTO, "size=HR96x96"),
        (QueryShape.USER_PHOTO, "email=a@b.c&size=HR96x96x"),
        (QueryShape.USER_PHOTO, "email=a/../b@c.d"),
        (QueryShape.AUTODISCOVER_JSON, "Email=a@b.c"),
        (QueryShape.AUTODISCOVER_JSON, "Protocol=ews"),
        (QueryShape.AUTODISCOVER_JSON, "Email=a@b.c&Protocol=ews&FooProtocol=x"),
        (QueryShape.AUTODISCOVER_JSON, "Email=autodiscover/autodiscover.json@b.c&Protocol=ews"),
        (QueryShape.AUTODISCOVER_JSON_IN_PATH, "Email=a@b.c&Protocol=ews"),
    ],
)
def test_another_shape_is_none(shape, raw):
    assert match_query(shape, raw.encode()) is None


def test_activesync_has_its_own_reader():
    with pytest.raises(ValueError, match="elsewhere"):
        match_query(QueryShape.ACTIVESYNC, b"")


@given(st.sampled_from(OWN), st.binary(max_size=120))
def test_any_bytes_give_parameters_none_or_a_malformed_message(shape, raw):
    try:
        parameters = match_query(shape, raw)
    except MalformedMessage:
        return
    if parameters is not None:
        assert match_query(shape, encode_query(parameters)) == parameters
