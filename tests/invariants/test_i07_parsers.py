"""I7: any parser: any bytes give a value or `MalformedMessage`, in bounded time and memory.

Every reader of a peer's bytes stands in PARSERS; one that does not fails `test_every_parser_is_in_the_list`. Time is counted
in executed lines, memory in bytes allocated: neither may grow faster than the message.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
import signal
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handfast.identity.checkpoints import parse_checkpoint
from handfast.identity_api import codec, revocation_codec, sign_in_calls, wire
from handfast.identity_api.fields import parse_object
from handfast.protocols.activesync import (
    base64_form,
    device_id,
    device_information,
    plain_form,
    provision_answer,
    provision_request,
    settings_answer,
    status_answer,
    sync_keys,
    text_value,
    wbxml,
)
from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.query import parse_query
from handfast.protocols.autodiscover import (
    json_query,
    mail_address,
    pox_answer,
    pox_request,
    soap_answer,
    soap_request,
)
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1 import chunked, content_coding, fields, framing, head, proxy_v2, query, target
from handfast.protocols.http_auth.authorization import parse_authorization
from handfast.protocols.http_auth.basic import parse_basic
from handfast.protocols.http_auth.login_name import parse_login
from handfast.protocols.http_auth.server_token import find_server_token
from handfast.protocols.kerberos import client_token, keytab, pac, principal
from handfast.protocols.ntlm import av_pairs, messages, ntlmv2_response
from handfast.protocols.ntlm import fields as ntlm_fields
from handfast.protocols.soap import content_type
from handfast.protocols.soap.prefix_reader import SoapPrefixReader
from handfast.protocols.spnego import der, tokens
from handfast.protocols.xml import charset, document
from tests.invariants.directory_parsers import DIRECTORY_PARSERS, MORE_OF_DIRECTORY

SOURCE = Path(__file__).parents[2] / "src" / "handfast"
Parser = Callable[[bytes], object]


def feed(decoder) -> Parser:
    return lambda data: decoder().feed(data)


def next_messages(data: bytes) -> list[object]:
    reader = wire.MessageReader()
    reader.feed(data)
    found = []
    while (message := reader.next_message()) is not None:
        found.append(message)
    return found


def read_lines(data: bytes) -> list[bytes]:
    with contextlib.suppress(EOFError):  # how it says that the peer ended its stream
        return wire.LineReader().feed(data)
    return []


class Everything:
    """Holds any name: each operation is read to its end."""

    def __contains__(self, name: object) -> bool:
        return True


def read_soap_prefix(data: bytes) -> object:
    with contextlib.suppress(MalformedMessage):
        SoapPrefixReader().feed(data)
    return SoapPrefixReader(reads_whole=Everything()).feed(data)


def by_json(decode: Callable[[object], object]) -> Parser:
    return lambda data: decode(parse_object(data))


def response_framing(data: bytes) -> object:
    return framing.response_body_framing(head.parse_response_head(data), b"GET")


PARSERS: dict[str, Parser] = {
    **DIRECTORY_PARSERS,
    "protocols.activesync.base64_form.decode_base64": lambda data: (
        base64_form.has_base64_shape(data) and base64_form.decode_base64(data)
    ),
    "protocols.activesync.plain_form.decode_plain": plain_form.decode_plain,
    "protocols.activesync.query.parse_query": lambda data: parse_query(data, method="POST"),
    "protocols.activesync.text_value.decode_text": lambda data: text_value.decode_text("User", data),
    "protocols.activesync.wbxml.decode": wbxml.decode,
    "protocols.activesync.device_information.parse_device_information": (
        device_information.parse_device_information
    ),
    "protocols.activesync.provision_answer.parse_provision_answer": provision_answer.parse_provision_answer,
    "protocols.activesync.provision_request.parse_provision_request": (
        provision_request.parse_provision_request
    ),
    "protocols.activesync.settings_answer.parse_settings_answer": settings_answer.parse_settings_answer,
    "protocols.activesync.status_answer.parse_status_answer": lambda data: status_answer.parse_status_answer(
        Command.SYNC, data
    ),
    "protocols.activesync.sync_keys.parse_folder_sync_key": sync_keys.parse_folder_sync_key,
    "protocols.activesync.sync_keys.parse_sync_collections": sync_keys.parse_sync_collections,
    "protocols.autodiscover.json_query.parse_json_query": lambda data: json_query.parse_json_query(
        "/autodiscover/autodiscover.json", data.decode("latin-1")
    ),
    "protocols.autodiscover.mail_address.parse_mail_address": lambda data: mail_address.parse_mail_address(
        data.decode("latin-1")
    ),
    "protocols.autodiscover.pox_answer.parse_pox_answer": pox_answer.parse_pox_answer,
    "protocols.autodiscover.pox_request.parse_pox_request": pox_request.parse_pox_request,
    "protocols.autodiscover.soap_answer.parse_soap_answer": soap_answer.parse_soap_answer,
    "protocols.autodiscover.soap_request.parse_soap_request": soap_request.parse_soap_request,
    "protocols.http1.content_coding.decode_content": lambda data: content_coding.decode_content(
        data, [b"deflate"], 1 << 20
    ),
    "protocols.http1.query.parse_pairs": query.parse_pairs,
    "protocols.soap.prefix_reader.SoapPrefixReader": read_soap_prefix,
    "protocols.xml.charset.decode_document": charset.decode_document,
    "protocols.xml.document.parse_xml": document.parse_xml,
    "protocols.http1.chunked.ChunkedDecoder": feed(chunked.ChunkedDecoder),
    "protocols.http1.head.parse_request_head": head.parse_request_head,
    "protocols.http1.head.parse_response_head": head.parse_response_head,
    "protocols.http1.proxy_v2.parse_fixed": proxy_v2.parse_fixed,
    "protocols.http1.proxy_v2.parse_variable": lambda data: proxy_v2.parse_variable(data[:16], data[16:]),
    "protocols.http1.target.parse_target": lambda data: target.parse_target(data, b"mail.example.org"),
    "protocols.http_auth.authorization.parse_authorization": parse_authorization,
    "protocols.http_auth.basic.parse_basic": parse_basic,
    "protocols.http_auth.login_name.parse_login": lambda data: parse_login(data.decode("latin-1")),
    "protocols.ntlm.av_pairs.parse_av_pairs": av_pairs.parse_av_pairs,
    "protocols.ntlm.fields.decode_name": lambda data: ntlm_fields.decode_name(data, "user", is_unicode=True),
    "protocols.ntlm.fields.read_field": lambda data: ntlm_fields.read_field(
        data.ljust(32, b"\0"), 12, "user", 32
    ),
    "protocols.ntlm.messages.parse_authenticate": messages.parse_authenticate,
    "protocols.ntlm.messages.parse_challenge": messages.parse_challenge,
    "protocols.ntlm.messages.parse_negotiate": messages.parse_negotiate,
    "protocols.ntlm.ntlmv2_response.parse_ntlmv2_response": ntlmv2_response.parse_ntlmv2_response,
    "protocols.spnego.der.DerReader": lambda data: der.DerReader(data, "token").read(0x60),
    "protocols.spnego.der.parse_oid": lambda data: der.parse_oid(data, "oid"),
    "protocols.spnego.der.read_only": lambda data: der.read_only(data, 0x30, "token"),
    "protocols.spnego.tokens.unwrap": tokens.unwrap,
    "identity.checkpoints.parse_checkpoint": parse_checkpoint,
    "protocols.kerberos.client_token.parse_client_token": client_token.parse_client_token,
    "protocols.kerberos.client_token.parse_mutual_proof": client_token.parse_mutual_proof,
    "protocols.kerberos.keytab.parse_keytab": keytab.parse_keytab,
    "protocols.kerberos.pac.parse_logon_sid": pac.parse_logon_sid,
    "protocols.kerberos.principal.parse_principal": lambda data: principal.parse_principal(
        data.decode("latin-1")
    ),
    "identity_api.codec.decode_access_request": by_json(codec.decode_access_request),
    "identity_api.codec.decode_authorization": by_json(codec.decode_authorization),
    "identity_api.codec.decode_challenge": by_json(codec.decode_challenge),
    "identity_api.codec.decode_credential": by_json(codec.decode_credential),
    "identity_api.codec.decode_decision": by_json(codec.decode_decision),
    "identity_api.codec.decode_event": by_json(codec.decode_event),
    "identity_api.codec.decode_grant": by_json(codec.decode_grant),
    "identity_api.codec.decode_wipe_report": by_json(codec.decode_wipe_report),
    "identity_api.fields.parse_object": parse_object,
    "identity_api.revocation_codec.decode_batch": by_json(revocation_codec.decode_batch),
    "identity_api.revocation_codec.decode_revocation": by_json(revocation_codec.decode_revocation),
    "identity_api.sign_in_calls.decode_authorize_call": by_json(sign_in_calls.decode_authorize_call),
    "identity_api.sign_in_calls.decode_confirm_call": by_json(sign_in_calls.decode_confirm_call),
    "identity_api.wire.LineReader": read_lines,
    "identity_api.wire.MessageReader": next_messages,
    "identity_api.wire.parse_request_line": wire.parse_request_line,
    "identity_api.wire.parse_status_line": wire.parse_status_line,
}
MORE: dict[str, Parser] = {
    **MORE_OF_DIRECTORY,
    "the options of Connection": lambda data: fields.connection_options([data]),
    "a head begun": head.check_partial_head,
    "an answer's framing": response_framing,
    "a device id": device_id.canonical_device_id,
    "a device type": device_id.checked_device_type,
    "a gzipped body": lambda data: content_coding.decode_content(data, [b"gzip"], 1 << 20),
    "a SOAP message's type": content_type.check_content_type,
    "a server's proof": lambda data: find_server_token([b"Negotiate " + data]),
    "an OPTIONS query": lambda data: parse_query(data, method="OPTIONS"),
}
ALL = {**PARSERS, **MORE}
_FUNCTION = re.compile(r"(parse|decode|unwrap|read)(_|$)")
_CLASS = re.compile(r"[A-Z]\w*(Decoder|Reader)$")


def parsers_in(root: Path) -> set[str]:
    """Every public function and class of the wire's modules that reads a peer's bytes, by its name."""
    found = set()
    for path in root.rglob("*.py"):
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        if not module.startswith(("protocols.", "identity_api.", "identity.checkpoints", "directory.")):
            continue
        for node in ast.parse(path.read_text()).body:
            is_reader = isinstance(node, ast.FunctionDef) and _FUNCTION.match(node.name)
            if is_reader or (isinstance(node, ast.ClassDef) and _CLASS.match(node.name)):
                found.add(f"{module}.{node.name}")
    return found


def test_every_parser_is_in_the_list():
    assert parsers_in(SOURCE) == PARSERS.keys()


def test_a_parser_that_is_not_in_the_list_would_be_seen(tmp_path):
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols" / "sip.py").write_text(
        "def parse_via(data): ...\nclass SipReader: ...\ndef _parse_own(): ...\n"
    )
    assert parsers_in(tmp_path) == {"protocols.sip.parse_via", "protocols.sip.SipReader"}


SAMPLES = [
    b"POST /Microsoft-Server-ActiveSync?Cmd=Sync HTTP/1.1\r\nHost: mail.example.org\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
    b"Cmd=Sync&User=alice&DeviceId=ABC123&DeviceType=iPhone",
    b"jAkHBBBGMEUwMkFCMUY2NzdEMkUyAAdpUGhvbmU=",
    b"Basic YWxpY2U6YXBwbGU=",
    b"Negotiate TlRMTVNTUAABAAAAl4II4gAAAAAAAAAAAAAAAAAAAAAKAKt4AAAADw==",
    b"NTLMSSP\0\1\0\0\0\x97\x82\x08\xe2" + bytes(24),
    b"NTLMSSP\0\3\0\0\0" + bytes(80),
    bytes.fromhex("03016a00455c4f5003436f6e746163747300014b0332000152033200014e0331000156033100010101"),
    bytes.fromhex("602806062b0601050502a01e301ca01a3018060a2b06010401823702021e060a2b06010401823702020a"),
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12),
    b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
    json.dumps({"kind": "basic", "login": "a", "secret": "b"}).encode(),
    (
        b'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
        b'<t:A xmlns:t="urn:t" b="c">d</t:A></s:Header><s:Body/></s:Envelope>'
    ),
    (
        b'<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>'
        b"<EMailAddress>a@b.example</EMailAddress></Request></Autodiscover>"
    ),
    bytes.fromhex("1f8b0800000000000003cb48cdc9c907000ca29b5905000000").ljust(30, b"\0"),
    bytes.fromhex("05020000002c0002000152000161000162000000016b01179b2c00110010") + bytes(20),
    bytes.fromhex("600d06092a864886f712010202") + bytes.fromhex("01006e06300430020500"),
    bytes.fromhex("01100800cccccccc3c01000000000000000002") + bytes(301),
    b"text/xml; charset=utf-8",
    b'{"chain": "c", "sequence": 1, "mac": "00", "at": "2026-01-01T00:00:00+00:00", "signature": "00"}',
]


@st.composite
def mutated(draw) -> bytes:
    """A sample with some of its bytes replaced, cut out or doubled."""
    data = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from("icd"))
        if kind == "i":
            data[at:at] = draw(st.binary(max_size=6))
        elif kind == "c":
            del data[at : at + draw(st.integers(1, 8))]
        else:
            data[at:at] = data[max(0, at - 20) : at]
    return bytes(data)


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Ends what hangs, a regular expression that tries everything included: it looks for signals on its way."""

    def on_alarm(*_) -> None:
        raise TimeoutError(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def check(parser: Parser, data: bytes, seconds: float = 10.0) -> None:
    """Raises AssertionError for any end but a value and MalformedMessage, and for none."""
    try:
        with deadline(seconds):
            parser(data)
    except MalformedMessage as fault:
        if len(str(fault)) > 400:
            raise AssertionError("a fault quotes no more than a short piece") from fault
    except BaseException as error:
        raise AssertionError(f"{type(error).__name__} for {data[:60]!r}") from error


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=300) | mutated())
def test_any_bytes_give_a_value_or_a_malformed_message(name, data):
    check(ALL[name], data)


@pytest.mark.parametrize(
    "fault", [lambda d: d[10**6], lambda d: d.decode("utf-16"), lambda _d: (_ for _ in ()).throw(MemoryError)]
)
def test_a_parser_that_ends_otherwise_would_be_seen(fault):
    with pytest.raises(AssertionError):
        check(lambda data: list(fault(data)), b"\xff")


SOAP_HEADER = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
REPEATED = {
    "letters": (b"", b"a", b""),
    "spaces": (b"X:", b" ", b"\r\n\r\n"),
    "commas": (b"", b",", b"x"),
    "escapes": (b"/", b"%41", b""),
    "segments": (b"", b"/a", b""),
    "dots": (b"/", b".", b""),
    "pairs": (b"Cmd=Sync", b"&ItemId=1", b""),
    "fields": (b"POST / HTTP/1.1\r\n", b"X: y\r\n", b"\r\n"),
    "answer fields": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", b"\r\n"),
    "chunks": (b"", b"1\r\nx\r\n", b"0\r\n\r\n"),
    "a chunk extension": (b"1;", b"a", b"\r\nx\r\n0\r\n\r\n"),
    "nested arrays": (b'{"a":', b"[", b""),
    "nested objects": (b"", b'{"a":', b""),
    "digits": (b'{"a":', b"9", b"}"),
    "constructed DER": (b"\x60", b"\x30\x80", b""),
    "continued DER digits": (b"", b"\xff", b""),
    "open WBXML tags": (b"\x03\x01\x6a\x00", b"\x45", b""),
    "empty WBXML tags": (b"\x03\x01\x6a\x00\x45", b"\x05", b"\x01"),
    "code pages": (b"\x03\x01\x6a\x00\x45", b"\x00\x07", b"\x01"),
    "AV pairs": (b"", b"\x01\x00\x02\x00a\x00", b"\x00\x00\x00\x00"),
    "open XML tags": (b"", b"<a>", b""),
    "XML elements": (b"<a>", b"<b/>", b"</a>"),
    "XML attributes": (b"<a", b" b=''", b"/>"),
    "XML comments": (b"", b"<!---->", b"<a/>"),
    "XML namespaces": (b"<a>", b"<b xmlns='c'/>", b"</a>"),
    "XML text": (b"<a>", b"&lt;b", b"</a>"),
    "XML text between tags": (b"<a>", b"b<c/>", b"</a>"),
    "SOAP header elements": (SOAP_HEADER, b"<a/>", b"</s:Header><s:Body/></s:Envelope>"),
    "SOAP header text": (SOAP_HEADER, b"a&amp;", b"</s:Header><s:Body/></s:Envelope>"),
    "parameters": (b"text/xml", b";a=b", b""),
    "zeros": (b"NTLMSSP\0\3\0\0\0", b"\0", b""),
    "base64": (b"Negotiate ", b"AAAA", b""),
    "keytab holes": (b"\x05\x02", b"\xff\xff\xff\xff\x00", b""),
    "keytab entries": (b"\x05\x02", b"\x00\x00\x00\x13\x00\x01" + bytes(17), b""),
    "PAC zeros": (bytes.fromhex("01100800cccccccc0008000000000000000002"), b"\0", b""),
    "backslashes": (b"", b"\\", b""),
    "at signs": (b"a", b"@", b"b"),
}
SMALL, LARGE = 4_000, 16_000
"""Bytes: within every limit of a listener outside, and far enough apart to tell linear growth (4) from quadratic (16)."""


def message(form: str, size: int) -> bytes:
    before, unit, after = REPEATED[form]
    return before + unit * (size // len(unit)) + after


def lines_run(parser: Parser, data: bytes) -> int:
    """Lines of Python that reading `data` takes."""
    count = 0

    def on_line(frame, event, arg):
        nonlocal count
        count += event == "line"
        return on_line

    before = sys.gettrace()
    sys.settrace(on_line)
    try:
        check(parser, data)
    finally:
        sys.settrace(before)
    return count


def check_growth(parser: Parser, form: str) -> None:
    small, large = (lines_run(parser, message(form, size)) for size in (SMALL, LARGE))
    assert large <= 5 * small + 500, f"{form}: {small} lines for {SMALL} bytes, {large} for {LARGE}"


def check_memory(parser: Parser, form: str) -> None:
    data = message(form, LARGE)
    tracemalloc.start()
    try:
        check(parser, data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200 * LARGE, f"{form}: {peak} bytes for a message of {LARGE}"


@pytest.mark.parametrize("name", ALL)
def test_work_and_memory_grow_no_faster_than_the_message(name):
    for form in REPEATED:
        check_growth(ALL[name], form)
        check_memory(ALL[name], form)


def read_quadratically(data: bytes) -> int:
    seen = 0
    while data:
        for _ in range(0, len(data), 64):
            seen += 1
        data = data[64:]
    return seen


def test_a_quadratic_parser_would_be_seen():
    with pytest.raises(AssertionError, match="lines for"):
        check_growth(read_quadratically, "letters")


SPOILERS = [b";", b"\x00", b"\xff", b" ", b"%", b"\r", b'"']


@pytest.mark.parametrize("name", ALL)
def test_no_expression_tries_a_long_message_in_every_way(name):
    """A long run, spoilt at its end, is what makes a careless regular expression take for ever."""
    for before, unit, _ in REPEATED.values():
        for spoiler in SPOILERS:
            check(ALL[name], before + unit * 40 + spoiler, 2.0)


def test_a_careless_expression_would_be_seen():
    careless = re.compile(rb"(?:[a-z]+,?)*")
    with pytest.raises(AssertionError, match="TimeoutError"):
        check(careless.fullmatch, b"a" * 40 + b";", 0.3)


def test_a_greedy_parser_would_be_seen():
    with pytest.raises(AssertionError, match="bytes for a message"):
        check_memory(lambda data: data * 1000, "letters")
