"""What the load generator sends and reads."""

from benchmarks.load import BODY, Task, build_request, find_challenge


def test_only_authorization_differs_between_subjects():
    task = Task("requests", 1, "mail.example.test", "/path?Cmd=FolderSync", 1)
    plain, signed = build_request(task), build_request(task, "Basic eDp5")
    assert signed.replace(b"Authorization: Basic eDp5\r\n", b"") == plain
    head, _, body = plain.partition(b"\r\n\r\n")
    assert body == BODY
    assert f"Content-Length: {len(BODY)}".encode() in head.split(b"\r\n")


def test_the_challenge_is_found_among_others():
    head = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"\r\nwww-authenticate: NTLM TlRMTQ==\r\nX: y'
    assert find_challenge(head) == b"NTLM"
    assert find_challenge(b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nX: y") == b""
