"""Remote wipe: both kinds, and every doubt about an acknowledgement."""

import pytest

from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.remote_wipe import (
    WipeAcknowledgement,
    WipeKind,
    acknowledgement,
    directive,
    find_acknowledgement,
    find_directive,
)
from handfast.protocols.errors import MalformedMessage


def provision(*children: Element) -> Element:
    return Element("Provision", "Provision", children)


@pytest.mark.parametrize("kind", WipeKind)
def test_directives_and_acknowledgements(kind):
    assert directive(kind) == Element("Provision", kind.value)
    assert find_directive(provision(leaf("Provision", "Status", 1), directive(kind))) is kind
    for status, succeeded in [(1, True), (2, False), (0, False), (255, False)]:
        answer = WipeAcknowledgement(kind, status)
        assert answer.succeeded is succeeded
        assert find_acknowledgement(provision(acknowledgement(answer))) == answer


def test_none():
    assert find_directive(provision(leaf("Provision", "Status", 1))) is None
    assert find_acknowledgement(provision()) is None


def test_a_namesake_of_another_page_is_none():
    assert find_acknowledgement(provision(Element("AirSync", "RemoteWipe"))) is None


@pytest.mark.parametrize("kind", WipeKind)
def test_an_acknowledgement_without_status_is_never_taken_for_one(kind):
    for content in ((), (Element("Provision", "Status"),)):
        with pytest.raises(MalformedMessage, match=f"activesync {kind.value}: without Status"):
            find_acknowledgement(provision(Element("Provision", kind.value, content)))
    for status in ("done", "-1", "65536"):
        with pytest.raises(MalformedMessage, match="Status: not a number"):
            find_acknowledgement(
                provision(Element("Provision", kind.value, (leaf("Provision", "Status", status),)))
            )


@pytest.mark.parametrize("kinds", [(WipeKind.FULL, WipeKind.ACCOUNT_ONLY), (WipeKind.FULL, WipeKind.FULL)])
def test_two_at_once_are_refused(kinds):
    with pytest.raises(MalformedMessage, match="RemoteWipe: given more than once"):
        find_directive(provision(*map(directive, kinds)))
    both = provision(*(acknowledgement(WipeAcknowledgement(kind, 1)) for kind in kinds))
    with pytest.raises(MalformedMessage, match="given more than once"):
        find_acknowledgement(both)
