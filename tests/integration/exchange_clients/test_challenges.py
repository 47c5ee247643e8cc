"""What a client without a credential is offered: Outlook all that the publication takes, a phone Basic alone."""

from __future__ import annotations

import http.client
import ssl

import pytest

from tests.installation import HOST


def offered(way, method: str, path: str, content_type: str) -> list[str]:
    """The schemes of a 401's challenges, in their order."""
    context = ssl.create_default_context(cafile=str(way.ca_file))
    context.check_hostname = False
    connection = http.client.HTTPSConnection("127.0.0.1", way.port, context=context, timeout=20)
    try:
        connection.request(method, path, headers={"Host": HOST, "Content-Type": content_type})
        answer = connection.getresponse()
        assert answer.status == 401
        return [value.split()[0] for value in answer.headers.get_all("WWW-Authenticate", [])]
    finally:
        connection.close()


@pytest.mark.parametrize("way", ["ntlm"], indirect=True)
def test_phones_are_offered_basic_alone(way):
    assert offered(way, "POST", "/EWS/Exchange.asmx", "text/xml") == ["Basic", "NTLM"]
    assert offered(way, "POST", "/autodiscover/autodiscover.xml", "text/xml") == ["Basic", "NTLM"]
    assert offered(way, "OPTIONS", "/Microsoft-Server-ActiveSync", "text/plain") == ["Basic"]
