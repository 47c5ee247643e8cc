"""Forms that two readers could understand differently, each sent raw: none reaches the back end, none is left hanging.

Each form carries a valid sign-in, so that nothing but the rule under test stands between it and the recorder behind.
After each form comes a whole second request that must not be served either: nobody knows where the first one ended.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.gateway_peers import HOST, TARGET, Gateway, RawBackend, basic, request_bytes, until

AUTH = f"Authorization: {basic('alice')}"
SMUGGLED = request_bytes(target=TARGET.replace("Sync", "SMUGGLED"))


def raw(
    *lines: str, line: str = f"POST {TARGET} HTTP/1.1", host: str = f"Host: {HOST}", auth: str = AUTH
) -> bytes:
    fields = [line, *([host] if host else []), *([auth] if auth else []), *lines]
    return ("\r\n".join(fields) + "\r\n\r\n").encode("latin-1")


def path(target: str, method: str = "POST") -> bytes:
    return raw("Content-Length: 0", line=f"{method} {target} HTTP/1.1")


CL0 = "Content-Length: 0"
CHUNKED = "Transfer-Encoding: chunked"
EAS = "/Microsoft-Server-ActiveSync"
QUERY = TARGET.partition("?")[2]

FRAMING = {
    "CL and TE": (raw("Content-Length: 4", CHUNKED) + b"0\r\n\r\n", 400),
    "TE and CL": (raw(CHUNKED, "Content-Length: 4") + b"0\r\n\r\n", 400),
    "CL twice, the same": (raw("Content-Length: 1", "Content-Length: 1") + b"x", 400),
    "CL twice, different": (raw("Content-Length: 0", "Content-Length: 5") + b"hello", 400),
    "CL as a list": (raw("Content-Length: 5, 5") + b"hello", 400),
    "CL with plus": (raw("Content-Length: +5") + b"hello", 400),
    "CL negative": (raw("Content-Length: -1"), 400),
    "CL with leading zero": (raw("Content-Length: 05") + b"hello", 400),
    "CL hexadecimal": (raw("Content-Length: 0x5") + b"hello", 400),
    "CL with inner space": (raw("Content-Length: 1 0") + b"hello12345", 400),
    "CL with underscore digits": (raw("Content-Length: 1_0") + b"hello12345", 400),
    "CL empty": (raw("Content-Length:"), 400),
    "CL huge": (raw("Content-Length: 99999999999999999999"), 400),
    "CL decimal point": (raw("Content-Length: 5.0") + b"hello", 400),
    "CL in other digits": (raw("Content-Length: \xb2"), 400),
    "TE identity": (raw("Transfer-Encoding: identity"), 501),
    "TE gzip, chunked": (raw("Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n", 501),
    "TE chunked twice in one": (raw("Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n", 400),
    "TE twice": (raw(CHUNKED, CHUNKED) + b"0\r\n\r\n", 400),
    "TE chunked then identity": (raw("Transfer-Encoding: chunked, identity") + b"0\r\n\r\n", 400),
    "TE misspelled": (raw("Transfer-Encoding: xchunked") + b"0\r\n\r\n", 501),
    "TE quoted": (raw('Transfer-Encoding: "chunked"') + b"0\r\n\r\n", 400),
    "TE with parameter": (raw("Transfer-Encoding: chunked;q=1") + b"0\r\n\r\n", 400),
    "TE with vertical tab": (raw("Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n", 400),
    "TE after form feed": (raw("X: y", "Transfer-Encoding:\x0cchunked") + b"0\r\n\r\n", 400),
    "TE empty": (raw("Transfer-Encoding:"), 400),
    "TE on HTTP/1.0": (raw(CHUNKED, line=f"POST {TARGET} HTTP/1.0") + b"0\r\n\r\n", 400),
}
FIELDS = {
    "space before colon": (raw("Content-Length : 0"), 400),
    "tab before colon": (raw("Transfer-Encoding\t: chunked") + b"0\r\n\r\n", 400),
    "folded line": (raw("X: a\r\n b", CL0), 400),
    "folded TE": (raw("Transfer-Encoding:\r\n chunked") + b"0\r\n\r\n", 400),
    "space before the first field": (raw(CL0, line=f"POST {TARGET} HTTP/1.1\r\n X: y"), 400),
    "no colon": (raw("garbage", CL0), 400),
    "empty name": (raw(": x", CL0), 400),
    "name not ASCII": (raw("X-\xe9: x", CL0), 400),
    "name with bracket": (raw("X(y): z", CL0), 400),
    "NUL in a value": (raw("X: a\x00b", CL0), 400),
    "control byte in a value": (raw("X: a\x01b", CL0), 400),
    "DEL in a value": (raw("X: a\x7fb", CL0), 400),
    "bare LF between fields": (raw("X: a\nTransfer-Encoding: chunked", CL0), 400),
    "bare LF everywhere": (raw(CL0).replace(b"\r\n", b"\n"), 400),
    "bare CR in a value": (raw("X: a\rb", CL0), 400),
    "CR CR LF": (raw("X: a\r", CL0), 400),
    "Host missing": (raw(CL0, host=""), 400),
    "Host twice": (raw(f"Host: {HOST}", CL0), 400),
    "Host empty": (raw(CL0, host="Host:"), 400),
    "Host with userinfo": (raw(CL0, host=f"Host: user@{HOST}"), 400),
    "Host with path": (raw(CL0, host=f"Host: {HOST}/x"), 400),
    "Host with odd port": (raw(CL0, host=f"Host: {HOST}:99999"), 400),
    "Host with two ports": (raw(CL0, host=f"Host: {HOST}:80:80"), 400),
    "Host as a list": (raw(CL0, host=f"Host: {HOST}, other"), 400),
    "Authorization twice": (raw(f"Authorization: {basic('bob')}", CL0), 400),
    "fact twice": (raw("MS-ASProtocolVersion: 14.1", "MS-ASProtocolVersion: 2.5", CL0), 400),
    "Expect of something else": (raw("Expect: 200-ok", CL0), 417),
    "Upgrade": (raw("Upgrade: h2c", "Connection: Upgrade", CL0), 501),
    "Connection no list": (raw("Connection: close;x", CL0), 400),
    "too many fields": (raw(*(f"X-{number}: 1" for number in range(101)), CL0), 431),
    "head too large": (raw("X: " + "a" * 33000, CL0), 431),
    "head too large and endless": (raw("X: " + "a" * 33000)[:-4], 431),
}
LINES = {
    "HTTP/0.9": (f"POST {TARGET}\r\n\r\n".encode(), 400),
    "HTTP/2.0": (raw(CL0, line=f"POST {TARGET} HTTP/2.0"), 505),
    "HTTP/1.2": (raw(CL0, line=f"POST {TARGET} HTTP/1.2"), 505),
    "HTTP/1.10": (raw(CL0, line=f"POST {TARGET} HTTP/1.10"), 400),
    "http/1.1": (raw(CL0, line=f"POST {TARGET} http/1.1"), 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "lower-case method": (raw(CL0, line=f"post {TARGET} HTTP/1.1"), 501),
    "method with NUL": (b"PO\x00ST" + raw(CL0)[4:], 400),
    "TRACE": (raw(line=f"TRACE {TARGET} HTTP/1.1"), 501),
    "CONNECT": (raw(line=f"CONNECT {HOST}:443 HTTP/1.1"), 501),
    "two spaces": (raw(CL0, line=f"POST  {TARGET} HTTP/1.1"), 400),
    "tab between": (raw(CL0, line=f"POST\t{TARGET} HTTP/1.1"), 400),
    "space in the target": (raw(CL0, line=f"POST {EAS} x HTTP/1.1"), 400),
    "space at the end": (raw(CL0, line=f"POST {TARGET} HTTP/1.1 "), 400),
    "space before": (b" " + raw(CL0), 400),
    "two empty lines before": (b"\r\n\r\n" + raw(CL0), 400),
    "bare LF before": (b"\n" + raw(CL0), 400),
    "TLS where HTTP is spoken": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60), 400),
    "target not ASCII": (raw(CL0, line=f"POST {EAS}\xe9?{QUERY} HTTP/1.1"), 400),
    "target too long": (raw(CL0, line=f"POST {EAS}?{'a' * 9000} HTTP/1.1"), 414),
    "absolute-form of another host": (raw(CL0, line=f"POST http://other.example{TARGET} HTTP/1.1"), 400),
    "absolute-form with userinfo": (raw(CL0, line=f"POST http://x@{HOST}{TARGET} HTTP/1.1"), 400),
    "other scheme": (raw(CL0, line=f"POST file://{HOST}{TARGET} HTTP/1.1"), 400),
    "authority-form": (raw(CL0, line=f"POST {HOST} HTTP/1.1"), 400),
    "asterisk-form": (raw(line="OPTIONS * HTTP/1.1"), 400),
}
TARGETS = {
    "dot segment": (path(f"/x/..{TARGET}"), 400),
    "encoded dots": (path(f"/x/%2e%2e{TARGET}"), 400),
    "encoded slash": (path(f"/Microsoft-Server-ActiveSync%2f?{QUERY}"), 400),
    "double encoding": (path(f"/Microsoft-Server-ActiveSync%252f?{QUERY}"), 400),
    "backslash": (path(f"\\Microsoft-Server-ActiveSync?{QUERY}"), 400),
    "encoded backslash": (path(f"/x%5c..{TARGET}"), 400),
    "NUL encoded": (path(f"{EAS}%00?{QUERY}"), 400),
    "overlong UTF-8": (path(f"/%c0%ae{TARGET}"), 400),
    "empty segment": (path(f"/{TARGET}"), 400),
    "parameter": (path(f"{EAS};x=1?{QUERY}"), 400),
    "broken escape": (path(f"{EAS}%2?{QUERY}"), 400),
    "fragment": (path(f"{TARGET}#x"), 400),
    "second DeviceId": (path(f"{TARGET}&DeviceId=EVIL"), 400),
    "second DeviceId in another case": (path(f"{TARGET}&deviceid=EVIL"), 400),
    "DeviceId with an encoded name": (path(f"{TARGET}&Device%49d=EVIL"), 400),
    "body on GET": (raw("Content-Length: 5", line=f"GET {TARGET} HTTP/1.1") + b"hello", 400),
}
CHUNKS = {
    "size not hexadecimal": (b"g\r\n", 400),
    "size with 0x": (b"0x1\r\nx\r\n0\r\n\r\n", 400),
    "size negative": (b"-1\r\nx\r\n0\r\n\r\n", 400),
    "size empty": (b"\r\nx\r\n0\r\n\r\n", 400),
    "size of 17 digits": (b"00000000000000001\r\nx\r\n0\r\n\r\n", 400),
    "size before a bare LF": (b"1\nx\r\n0\r\n\r\n", 400),
    "space before the size": (b" 1\r\nx\r\n0\r\n\r\n", 400),
    "data longer than its size": (b"1\r\nxy\r\n0\r\n\r\n", 400),
    "data without its end": (b"1\r\nx0\r\n\r\n", 400),
    "endless extension": (b"1;" + b"a" * 2000, 400),
    "control byte in an extension": (b"1;a=\x01\r\nx\r\n0\r\n\r\n", 400),
    "bare CR in an extension": (b"1;a=\r\rx\r\n0\r\n\r\n", 400),
    "trailer that is no field": (b"0\r\ngarbage\r\n\r\n", 400),
    "trailers without end": (b"0\r\n" + b"X: y\r\n" * 2000, 400),
}
HEADS = {**FRAMING, **FIELDS, **LINES, **TARGETS}


def test_there_are_enough_forms_and_no_two_are_the_same():
    forms = [sent for sent, _ in HEADS.values()] + [sent for sent, _ in CHUNKS.values()]
    assert len(set(forms)) == len(forms) >= 60


@pytest.mark.parametrize("name", HEADS)
async def test_a_head_in_doubt_is_refused_and_closed(name):
    sent, status = HEADS[name]
    async with (
        RawBackend() as backend,
        Gateway(backend.url, listener={"head_timeout_seconds": 30.0}) as gateway,
    ):
        client = await gateway.client()
        await client.send(sent if name.endswith("endless") else sent + SMUGGLED)
        answer = await client.read_answer()
        assert answer.status == status, answer.head
        assert await client.is_closed()
        await asyncio.sleep(0.02)
        assert backend.seen == []
        assert len(gateway.identity.records) == 1


@pytest.mark.parametrize("name", CHUNKS)
async def test_a_chunked_body_in_doubt_is_never_ended_behind_us(name):
    sent, status = CHUNKS[name]

    async def record(peer):
        while data := await peer.reader.read(65536):
            peer.seen.extend(data)

    async with RawBackend(record) as backend, Gateway(backend.url) as gateway:
        warm = await gateway.client()
        await warm.send(request_bytes(body=None, extra="Transfer-Encoding: chunked\r\n") + b"2\r\nok\r\n")
        await until(lambda: bool(backend.seen))
        client = await gateway.client()
        await client.send(raw(CHUNKED))
        await until(lambda: len(backend.seen) == 2)
        await client.send(sent + SMUGGLED)
        answer = await client.read_answer()
        assert answer.status == status
        assert await client.is_closed()
        await until(lambda: backend.open == 1)
        for seen in backend.heads:
            assert seen.count(b"HTTP/1.1") == 1
            assert b"SMUGGLED" not in seen
            assert not seen.endswith(b"0\r\n\r\n")


async def test_one_empty_line_before_a_request_is_passed_over():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes(body=b"a") + b"\r\n" + request_bytes(body=b"b"))
        assert [(await client.read_answer()).body for _ in range(2)] == [b"alice:a", b"alice:b"]


async def test_absolute_form_of_the_same_host_is_served_as_origin_form():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        assert (await client.ask(target=f"https://{HOST}{TARGET}")).status == 200
        assert backend.heads[0].startswith(b"POST /Microsoft-Server-ActiveSync?")
