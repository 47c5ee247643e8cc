"""An attachment's content is written while it is sent."""

import base64

from handfast.lab.mailbox import Attachment
from tests.unit.lab.ews.conftest import Answered

GET = "<m:GetAttachment><m:AttachmentIds>{}</m:AttachmentIds></m:GetAttachment>"


def attachment(name, size):
    return Attachment(name, size, "text/plain")


async def fetched(client, *identifiers, user="alice"):
    ids = "".join(f'<t:AttachmentId Id="{one}"/>' for one in identifiers)
    reply = client.reply(GET.format(ids), user)
    pieces = [piece async for piece in reply.chunks]
    return Answered(b"".join(pieces)), pieces


async def test_two_files_in_pieces(client):
    files = (attachment("a.txt", 100_000), attachment("b.txt", 5))
    client.deliver(attachments=files)
    listed = client.ask(
        '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds></m:FindItem>'
    )
    ids = [node.get("Id") for node in listed.all("t:AttachmentId")]
    assert len(ids) == 2
    answer, pieces = await fetched(client, *ids)
    assert [base64.b64decode(node.text) for node in answer.all("t:Content")] == [
        one.content() for one in files
    ]
    assert max(map(len, pieces)) <= 65536
    assert (await fetched(client, *ids, user="bob"))[0].codes == ["ErrorAccessDenied"] * 2


async def test_what_is_not_there(client):
    client.deliver()
    wrong = [
        base64.b64encode(name.encode()).decode()
        for name in ("attachment/alice/1:1/0", "attachment/alice/1:1/x", "attachment/alice/9:9/0")
    ]
    assert (await fetched(client, *wrong))[0].codes == [
        "ErrorItemNotFound",
        "ErrorInvalidIdMalformed",
        "ErrorItemNotFound",
    ]


def test_the_pattern_has_its_size():
    for size in (0, 1, 49152, 49153, 200_000):
        assert len(attachment("x", size).content()) == size
