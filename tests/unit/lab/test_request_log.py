"""What is written down of a request, and what never is."""

import json

from handfast.lab.http_message import Headers
from handfast.lab.request_log import RequestLog

HEADERS = Headers(
    (
        ("Host", "x"),
        ("Authorization", "Basic YWxpY2U6c2VjcmV0"),
        ("Cookie", "session=1"),
        ("X-Remote-User", "alice"),
    )
)


def write(path, **more):
    log = RequestLog(path)
    log.request(method="POST", target="/a?b", headers=HEADERS, peer="127.0.0.1:1", body_bytes=2, **more)
    text = path.read_text() if path else ""
    log.close()
    return text


def test_one_line_at_once_without_secrets(tmp_path):
    text = write(tmp_path / "log", status=None, user="alice", command="Ping")
    line = json.loads(text)
    assert text.endswith("\n")
    assert (line["status"], line["hanging"], line["user"], line["command"]) == (None, True, "alice", "Ping")
    assert (line["authorization_scheme"], line["claimed_user"]) == ("Basic", "alice")
    assert line["headers"] == {"Host": "x"}
    assert line["header_names"] == ["Authorization", "Cookie", "Host", "X-Remote-User"]
    assert not any(secret in text for secret in ("c2Vj", "YWxp", "secret", "session=1"))


def test_a_line_is_added_to_what_is_there(tmp_path):
    write(tmp_path / "log", status=200)
    assert len(write(tmp_path / "log", status=400, problem="odd\nframing").splitlines()) == 2


def test_no_path_writes_nothing():
    assert write(None, status=200) == ""
