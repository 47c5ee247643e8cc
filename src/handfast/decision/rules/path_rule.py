"""One thing that may pass: a path, methods, the shape of its query."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from handfast.identity.channels import Channel


class QueryShape(StrEnum):
    """What the query of a path may look like; `query_shapes` says what each holds."""

    NONE = "none"
    ACTIVESYNC = "activesync"
    MAILBOX = "mailbox"
    USER_PHOTO = "user-photo"
    AUTODISCOVER_JSON = "autodiscover-json"
    AUTODISCOVER_JSON_IN_PATH = "autodiscover-json-in-path"


class OwnAnswer(StrEnum):
    """What the gateway answers by itself, from its settings: no credential is asked for and no server is reached."""

    AUTODISCOVER_JSON = "autodiscover-json"
    AUTODISCOVER_REDIRECT = "autodiscover-redirect"


@dataclass(frozen=True, slots=True)
class PathRule:
    """One thing that may pass. Paths are compared in lower case, as IIS does.

    `paths` are whole paths in lower case; `pattern` matches a whole lower-case path where a list can't. `spelled` are the
    beginnings of paths as servers spell them. `content_types` are the media types a body may have, lower case, empty
    where clients are known to differ. A rule with an `own_answer` never leads to a server.
    """

    name: str
    channel: Channel
    paths: frozenset[str]
    methods: frozenset[str]
    query: QueryShape = QueryShape.NONE
    pattern: re.Pattern[str] | None = None
    spelled: tuple[str, ...] = ()
    content_types: frozenset[str] = frozenset()
    own_answer: OwnAnswer | None = None

    def matches(self, path: str) -> bool:
        """True where the rule is about this path (decoded, lower case)."""
        return path in self.paths or (self.pattern is not None and self.pattern.fullmatch(path) is not None)

    def spell(self, path: str) -> str:
        """A path the rule matches, as servers spell it: Exchange's own logs and cookies name it so."""
        for beginning in self.spelled:
            if path.startswith(beginning.lower()):
                return beginning + path[len(beginning) :]
        return path
