"""A phone's request, as far as HTTP says what it is."""

from handfast.lab.activesync_requests import COMMANDS, VERSIONS, ActiveSync
from handfast.lab.exchange_commands import ExchangeCommands
from handfast.lab.http_message import Headers
from handfast.lab.reply import Reply

COMMAND = "Cmd=FolderSync&User=alice&DeviceId=PHONE1&DeviceType=iPhone"


def active_sync():
    return ActiveSync(
        ExchangeCommands(min_heartbeat=1, max_heartbeat=2, require_policy=False, domain="contoso.lab")
    )


def test_options_tells_versions_and_commands():
    server = active_sync()
    query, problem = server.read("OPTIONS", "")
    told = dict(server.answer(query, "alice", Headers(), b"").headers)
    assert (problem, told["MS-ASProtocolVersions"], told["MS-ASProtocolCommands"]) == ("", VERSIONS, COMMANDS)


def test_a_command_reaches_its_mailbox():
    server = active_sync()
    query, _ = server.read("POST", COMMAND)
    assert (query.command, query.device_id) == ("FolderSync", "PHONE1")
    headers = Headers((("MS-ASProtocolVersion", "99.9"), ("X-MS-PolicyKey", "much too long a key")))
    answer = server.answer(query, "alice", headers, b"")
    assert isinstance(answer, Reply)
    assert answer.status == 200


def test_what_cannot_be_read():
    server = active_sync()
    query, problem = server.read("POST", "Cmd=FolderSync&DeviceId=A&DeviceId=B")
    assert query is None
    assert problem
    assert server.answer(query, "alice", Headers(), b"").status == 400
