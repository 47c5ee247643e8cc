"""What the load generator sends and reads."""

import pytest

from benchmarks.load import BODY, Burst, Connection, Task, build_request, find_challenge


def test_only_authorization_differs_between_subjects():
    task = Task("requests", 1, "mail.example.test", "/path?Cmd=FolderSync", 1)
    plain, signed = build_request(task), build_request(task, "Basic eDp5")
    assert signed.replace(b"Authorization: Basic eDp5\r\n", b"") == plain
    head, _, body = plain.partition(b"\r\n\r\n")
    assert body == BODY
    assert f"Content-Length: {len(BODY)}".encode() in head.split(b"\r\n")


def test_a_document_is_sent_in_place_of_the_phones_bytes():
    task = Task("requests", 1, "mail.example.test", "/EWS/Exchange.asmx", 1, document="<ä/>")
    head, _, body = build_request(task).partition(b"\r\n\r\n")
    assert body == "<ä/>".encode()
    fields = head.split(b"\r\n")
    assert b"Content-Length: 5" in fields
    assert b"Content-Type: text/xml; charset=utf-8" in fields
    assert not any(field.startswith(b"MS-AS") for field in fields)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Length: 10", b"0\r\n\r\n" * 2),
        (b"Transfer-Encoding: chunked", b"3\r\nabc\r\n4\r\nwxyz\r\n0\r\n\r\n"),
    ],
)
async def test_an_answer_is_taken_when_it_is_whole(head, body):
    answer = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body
    for cut in range(len(answer)):
        connection, burst = Connection(), Burst(b"", 1)
        connection.burst = burst
        connection.data_received(answer[:cut])
        assert not burst.done.done()
        connection.data_received(answer[cut:])
        assert burst.done.done()


def test_the_challenge_is_found_among_others():
    head = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"\r\nwww-authenticate: NTLM TlRMTQ==\r\nX: y'
    assert find_challenge(head) == b"NTLM"
    assert find_challenge(b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nX: y") == b""
