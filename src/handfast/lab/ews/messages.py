"""Mail as Exchange Web Services show it: named properties, the MAPI ones that mail programs ask for, and MIME.

Source: MS-OXWSMSG 2.2.4, MS-OXPROPS (tags).
"""

from __future__ import annotations

import base64
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from handfast.lab.documents import Node
from handfast.lab.ews.answers import t
from handfast.lab.ews.folders import FOLDERS, EwsFolder, folder_id
from handfast.lab.ews.properties import Property, Record
from handfast.lab.mailbox import Attachment, Message

_DEFAULT = frozenset(
    {
        *("item:Subject", "item:Sensitivity", "item:Size", "item:DateTimeSent", "item:DateTimeCreated"),
        *("item:HasAttachments", "item:ItemClass", "item:Body", "item:Attachments"),
        *("message:From", "message:ToRecipients", "message:IsRead"),
    }
)


def item_id(owner: str, message: Message) -> str:
    """A message's id: opaque to clients, and good for this mailbox only."""
    return base64.b64encode(f"item/{owner}/{message.server_id}".encode()).decode()


def item_identity(owner: str, message: Message) -> Node:
    """The ItemId element; its change key follows the read mark."""
    return t(
        "ItemId", Id=item_id(owner, message), ChangeKey=f"CQAAABYAAAD{message.number:05}{int(message.read)}"
    )


def message_record(owner: str, message: Message) -> Record:
    """A mail as clients see it."""
    when = _time(message.received_at)
    folder = next(folder for folder in FOLDERS.values() if folder.key == message.folder)
    size = str(len(message.body) + 512 + sum(one.size for one in message.attachments))
    values: dict[str, Property] = {
        "item:MimeContent": lambda: _mime_content(message),
        "item:ParentFolderId": lambda: _parent(owner, folder),
        "item:ItemClass": lambda: "IPM.Note",
        "item:Subject": lambda: message.subject,
        "item:Sensitivity": lambda: "Normal",
        "item:Body": lambda: t("Body", message.body, BodyType="Text", IsTruncated="false"),
        "item:Attachments": lambda: _attachments(owner, message),
        "item:DateTimeReceived": lambda: when,
        "item:Size": lambda: size,
        "item:Importance": lambda: "Normal",
        "item:DateTimeSent": lambda: when,
        "item:DateTimeCreated": lambda: when,
        "item:DisplayTo": lambda: message.recipient,
        "item:HasAttachments": lambda: str(bool(message.attachments)).lower(),
        "item:LastModifiedTime": lambda: when,
        "item:TextBody": lambda: t("TextBody", message.body, BodyType="Text", IsTruncated="false"),
        "message:Sender": lambda: t("Sender", _mailbox(message.sender)),
        "message:ToRecipients": lambda: t("ToRecipients", _mailbox(message.recipient)),
        "message:From": lambda: t("From", _mailbox(message.sender)),
        "message:InternetMessageId": lambda: _message_id(message),
        "message:IsRead": lambda: str(message.read).lower(),
        "0x001A": lambda: "IPM.Note",  # PidTagMessageClass
        "0x0037": lambda: message.subject,  # PidTagSubject
        "0x007D": lambda: _headers(message),  # PidTagTransportMessageHeaders
        "0x0E06": lambda: when,  # PidTagMessageDeliveryTime
        "0x0E07": lambda: str(int(message.read)),  # PidTagMessageFlags
        "0x0E08": lambda: size,  # PidTagMessageSize
        "0x0E23": lambda: str(message.number),  # PidTagInternetArticleNumber, the IMAP UID
        "0x0FF9": lambda: base64.b64encode(message.server_id.encode()).decode(),  # PidTagRecordKey
        "0x3008": lambda: when,  # PidTagLastModificationTime
    }
    return Record("Message", lambda: item_identity(owner, message), values, default=_DEFAULT)


def mime(message: Message) -> EmailMessage:
    """The mail as it travelled."""
    built = EmailMessage(policy=SMTP)
    built["From"], built["To"], built["Subject"] = message.sender, message.recipient, message.subject
    built["Date"], built["Message-ID"] = format_datetime(message.received_at), _message_id(message)
    built.set_content(message.body)
    for one in message.attachments:
        main, _, kind = one.content_type.partition("/")
        built.add_attachment(one.content(), maintype=main, subtype=kind, filename=one.name)
    return built


def attachment_identity(owner: str, message: Message, position: int) -> str:
    """An attachment's id."""
    return base64.b64encode(f"attachment/{owner}/{message.server_id}/{position}".encode()).decode()


def attachment_element(owner: str, message: Message, position: int, attachment: Attachment) -> Node:
    """A FileAttachment without its content."""
    return t(
        "FileAttachment",
        t("AttachmentId", Id=attachment_identity(owner, message, position)),
        t("Name", attachment.name),
        t("ContentType", attachment.content_type),
        t("Size", str(attachment.size)),
        t("IsInline", "false"),
    )


def _mime_content(message: Message) -> Node:
    return t("MimeContent", base64.b64encode(mime(message).as_bytes()).decode(), CharacterSet="UTF-8")


def _headers(message: Message) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in mime(message).items())


def _attachments(owner: str, message: Message) -> Node:
    listed = enumerate(message.attachments)
    return t("Attachments", *(attachment_element(owner, message, number, one) for number, one in listed))


def _parent(owner: str, folder: EwsFolder) -> Node:
    return t("ParentFolderId", Id=folder_id(owner, folder))


def _mailbox(address: str) -> Node:
    name, plain = parseaddr(address)
    return t(
        "Mailbox",
        t("Name", name or plain),
        t("EmailAddress", plain),
        t("RoutingType", "SMTP"),
        t("MailboxType", "Mailbox"),
    )


def _message_id(message: Message) -> str:
    return f"<{message.number}.{message.received_at:%Y%m%d%H%M%S%f}@{message.recipient.partition('@')[2]}>"


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%S}Z"
