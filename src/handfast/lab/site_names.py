"""The names of a simulated organisation: its servers inside, what it publishes, and its people's identities.

They are chosen so that an inside name can't be mistaken for a published one.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

_ADMINISTRATIVE_GROUP = "Exchange Administrative Group (FYDIBOHF23SPDLT)"
_NAMESPACE = uuid.UUID("5ca1ab1e-0000-4000-8000-000000000000")


@dataclass(frozen=True, slots=True)
class SiteNames:
    """`server` is the machine's name inside, `published` the host name its external URLs carry ("" where nobody set
    any), `mail_domain` what stands behind the @ of its people.
    """

    server: str = "ex01.corp.internal"
    published: str = "mail.contoso.lab"
    mail_domain: str = "contoso.lab"

    @property
    def inside_domain(self) -> str:
        """The Active Directory domain."""
        return self.server.partition(".")[2]

    @property
    def machine(self) -> str:
        """The server's NetBIOS name."""
        return self.server.partition(".")[0].upper()

    @property
    def domain_controller(self) -> str:
        return f"dc01.{self.inside_domain}"

    @property
    def address_book_id(self) -> str:
        """The GUID of the offline address book."""
        return str(uuid.uuid5(_NAMESPACE, self.inside_domain))

    def inside_url(self, path: str) -> str:
        """A URL that works on the inside network only."""
        return f"https://{self.server}{path}"

    def published_url(self, path: str) -> str:
        """A URL for clients outside, "" where none is set."""
        return f"https://{self.published}{path}" if self.published else ""

    def configuration_dn(self, server: str) -> str:
        """A server's legacy distinguished name."""
        return f"/o=Contoso/ou={_ADMINISTRATIVE_GROUP}/cn=Configuration/cn=Servers/cn={server}"

    def person(self, mailbox: str) -> Person:
        """The owner of a mailbox, by its name."""
        return Person(mailbox, self.mail_domain)


@dataclass(frozen=True, slots=True)
class Person:
    """Who owns a mailbox, as the directory knows them."""

    mailbox: str
    mail_domain: str

    @property
    def address(self) -> str:
        return f"{self.mailbox}@{self.mail_domain}"

    @property
    def display_name(self) -> str:
        return self.mailbox.title()

    @property
    def mailbox_id(self) -> str:
        """`guid@domain`, the server name that clients since Outlook 2013 are given."""
        return f"{uuid.uuid5(_NAMESPACE, self.address)}@{self.mail_domain}"

    @property
    def legacy_dn(self) -> str:
        number = uuid.uuid5(_NAMESPACE, self.mailbox).hex
        return f"/o=Contoso/ou={_ADMINISTRATIVE_GROUP}/cn=Recipients/cn={number}-{self.mailbox}"
