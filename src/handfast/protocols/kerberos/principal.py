"""Principals' names in the form that people and libraries write: `component/component@REALM`, with backslash escapes.

A name can hold the very characters that divide it, so two different principals may look alike unless each is escaped.
Source: RFC 4120 5.2.2, 6.2; MIT krb5 `krb5_parse_name`.
"""

from __future__ import annotations

from dataclasses import dataclass

from handfast.protocols.errors import MalformedMessage

MAX_NAME_CHARACTERS = 1024
"""Far more than Active Directory's names have (256 for a sAMAccountName, 255 for a DNS name)."""

_ESCAPED = {"\\": "\\\\", "/": "\\/", "@": "\\@", "\n": "\\n", "\t": "\\t", "\b": "\\b", "\0": "\\0"}
_UNESCAPED = {"n": "\n", "t": "\t", "b": "\b", "0": "\0"}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who: a user has one component, a service has its class and its host. `realm` is upper case by custom."""

    components: tuple[str, ...]
    realm: str

    def __str__(self) -> str:
        return f"{'/'.join(map(_escape, self.components))}@{_escape(self.realm)}"


def parse_principal(text: str) -> Principal:
    """The components and the realm, unescaped. A name without a realm is refused: it would get the local default.

    Raises: MalformedMessage.
    """
    if len(text) > MAX_NAME_CHARACTERS:
        raise _malformed(f"{len(text)} characters, more than {MAX_NAME_CHARACTERS}")
    names: list[list[str]] = [[]]
    realm: list[str] | None = None
    characters = iter(text)
    for character in characters:
        part = names[-1] if realm is None else realm
        if character == "\\":
            following = next(characters, None)
            if following is None:
                raise _malformed("ends within an escape")
            part.append(_UNESCAPED.get(following, following))
        elif character == "/" and realm is None:
            names.append([])
        elif character == "@":
            if realm is not None:
                raise _malformed("has two realms")
            realm = []
        else:
            part.append(character)
    components = tuple("".join(name) for name in names)
    if not realm or not all(components):
        raise _malformed("lacks its realm" if not realm else "has an empty component")
    return Principal(components, "".join(realm))


def _escape(part: str) -> str:
    return "".join(_ESCAPED.get(character, character) for character in part)


def _malformed(problem: str) -> MalformedMessage:
    return MalformedMessage("kerberos", "principal", problem, "RFC 4120 6.2")
