"""Envelopes tell when they were written, however they are cut and whatever stands between them."""

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.notifications import REQUEST, encode_notification, take_notifications
from handfast.protocols.soap.prefix_reader import SoapPrefixReader
from handfast.protocols.xml.document import parse_xml


def test_an_envelope_is_xml_of_one_length():
    short, long = encode_notification(1), encode_notification(10**19)
    assert len(short) == len(long)
    assert 550 <= len(short) <= 650
    assert parse_xml(short).tag.endswith("Envelope")


@given(st.lists(st.integers(0, 10**20 - 1)), st.integers(1, 700))
def test_envelopes_are_found_however_they_are_cut(times, size):
    envelopes = map(encode_notification, times)
    sent = b"HTTP/1.1 200 OK\r\n\r\n" + b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in envelopes)
    buffer, found = bytearray(), []
    for at in range(0, len(sent), size):
        buffer += sent[at : at + size]
        found += take_notifications(buffer)
    assert found == times
    assert len(buffer) < 700


def test_the_request_passes_as_one_of_exchange_web_services():
    reader = SoapPrefixReader(b"utf-8")
    reader.feed(REQUEST.encode())
    reader.close()
    assert reader.is_done
