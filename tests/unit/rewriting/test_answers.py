from __future__ import annotations

from handfast.decision.reasons import Reason
from handfast.rewriting.answers import (
    AnswerRewriter,
    InspectedRequest,
    PrincipalNames,
    RefusedRequest,
    RequestInspector,
    WholeAnswer,
    Withheld,
)
from handfast.rewriting.autodiscover.address_rules import AutodiscoverInspector
from handfast.rewriting.autodiscover.published_names import PublishedNames
from handfast.rewriting.autodiscover.rewriter import AutodiscoverRewriter


def test_bodies_stay_out_of_logs():
    request = InspectedRequest(b"POST", "/x", "", b"text/xml", b"", b"secret body")
    assert "secret" not in repr(request)
    assert "secret" not in repr(WholeAnswer(200, b"", b"secret body"))


def test_autodiscover_fits_the_ports():
    rewriter: AnswerRewriter = AutodiscoverRewriter(PublishedNames("autodiscover.lab.test"))
    inspector: RequestInspector = AutodiscoverInspector()
    assert rewriter.max_bytes >= 512 * 1024
    assert inspector.max_bytes >= 64 * 1024


def test_an_account_has_no_names_until_it_is_given_some():
    assert PrincipalNames() == PrincipalNames(frozenset(), frozenset())


def test_outcomes_say_why():
    assert Withheld("names the inside").host == ""
    assert RefusedRequest(Reason.COMMAND_REFUSED, "x").reason is Reason.COMMAND_REFUSED
