"""The answers are as long as they should be, and full of what must not leave."""

import pytest

from benchmarks.autodiscover_answers import KIB, REQUEST, SITE, build_answer, inside_names
from handfast.protocols.autodiscover.pox_request import parse_pox_request
from handfast.protocols.xml.document import parse_xml
from handfast.protocols.xml.tree import local_name


@pytest.mark.parametrize(("kib", "mailboxes"), [(5, 0), (500, 1000)])
def test_an_answer_is_as_long_as_it_should_be(kib, mailboxes):
    answer = build_answer(kib * KIB)
    assert 0.99 * kib * KIB < len(answer) <= kib * KIB
    names = [local_name(element)[1] for element in parse_xml(answer).iter()]
    assert names.count("AlternativeMailbox") >= mailboxes
    assert build_answer(kib * KIB) == answer


def test_every_inside_name_is_found():
    answer = build_answer(100 * KIB)
    names = inside_names(answer)
    assert {SITE.server, SITE.domain_controller} < set(names)
    assert len(names) == len(set(names)) == 9
    for name in names:
        answer = answer.replace(name.encode(), b"")
    assert SITE.inside_domain.encode() not in answer


def test_the_request_is_one_that_passes():
    assert parse_pox_request(REQUEST.encode()).address == "bench@example.test"
