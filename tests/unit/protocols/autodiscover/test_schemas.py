from __future__ import annotations

from handfast.protocols.autodiscover import schemas


def test_the_wire_has_http_where_documentation_prints_https():
    assert all(uri.startswith("http://") for uri in schemas.OF_ANSWERS)


def test_a_request_s_namespace_is_none_of_an_answer():
    assert not {schemas.OUTLOOK_REQUEST, schemas.MOBILESYNC_REQUEST} & schemas.OF_ANSWERS


def test_actions_are_those_of_the_service_s_namespace():
    assert schemas.ACTION_PREFIX == "http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/"
