"""GetAttachment: the answer is written while it is sent, so that a gigabyte needs no memory. Source: MS-OXWSATT 3.1.4.3."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence

from handfast.lab.documents import Node, children, find, local_name
from handfast.lab.ews.access import Access
from handfast.lab.ews.answers import EwsError, envelope, failure, m, response, success, t
from handfast.lab.ews.folders import read_id
from handfast.lab.ews.messages import attachment_element
from handfast.lab.mailbox import Attachment
from handfast.lab.reply import XML_TYPE, StreamedReply, xml_bytes

_PLACE = "*content*"
"""Where an attachment's content goes; no id, name or type can hold it, as they hold no asterisk."""


def get_attachment(access: Access, request: Node) -> StreamedReply:
    """One message for each attachment asked about."""
    found: list[Attachment] = []

    def one(node: Node) -> Node:
        try:
            owner, server_id, position = _read(str(node.get("Id", "")))
            message = access.find(owner, server_id)
            attachment = message.attachments[position]
        except EwsError as error:
            return failure("GetAttachment", error)
        except IndexError:
            return failure("GetAttachment", EwsError("ErrorItemNotFound", "There is no such attachment."))
        found.append(attachment)
        element = attachment_element(owner, message, position, attachment)
        element.append(t("Content", _PLACE))
        return success("GetAttachment", m("Attachments", element))

    asked = [node for node in children(find(request, "AttachmentIds")) if local_name(node) == "AttachmentId"]
    document = envelope(response("GetAttachment", *map(one, asked)))
    parts = xml_bytes(document).split(f">{_PLACE}<".encode())
    return StreamedReply(_chunks(parts, found), XML_TYPE)


async def _chunks(parts: Sequence[bytes], attachments: Sequence[Attachment]) -> AsyncIterator[bytes]:
    yield parts[0]
    for attachment, part in zip(attachments, parts[1:], strict=True):
        yield b">"
        for piece in attachment.pieces():
            yield base64.b64encode(piece)
        yield b"<" + part


def _read(identifier: str) -> tuple[str, str, int]:
    """Owner, message and position. Raises: EwsError."""
    owner, name = read_id(identifier, "attachment")
    server_id, _, position = name.rpartition("/")
    if not position.isdigit():
        raise EwsError("ErrorInvalidIdMalformed", "Id is malformed.")
    return owner, server_id, int(position)
