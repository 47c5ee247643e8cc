"""What a stage says, what the pipeline decides, and what a gateway may keep of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from handfast.decision.reasons import Reason
from handfast.identity.policies import PhoneRefusals
from handfast.identity.records import (
    AccountId,
    AppPasswordId,
    Revocation,
    RevocationScope,
    StageTrace,
    WipeKind,
)


@dataclass(frozen=True, slots=True)
class Pass:
    """The stage has nothing against the request; `rule` and `detail` are for `explain`."""

    rule: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Deny:
    """The stage refuses; nothing after it is asked."""

    reason: Reason
    rule: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The stage wants a (further) credential."""

    reason: Reason
    rule: str = ""
    detail: str = ""


StageResult = Pass | Deny | Challenge


class Outcome(StrEnum):
    """The three ends of a decision."""

    ALLOW = "allow"
    DENY = "deny"
    CHALLENGE = "challenge"


MAX_GRANT_SECONDS = 300.0
"""No grant lives longer; after that identity is asked anew."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Identity's word: this credential, account and device may use this publication for `lifetime_seconds`.

    The lifetime is relative, because the clocks of gateway and identity may differ. `epoch` is the revocation epoch
    the decision saw: a gateway that has already seen a later revocation which matches throws the grant away.
    """

    grant_id: str
    publication: str
    account_id: AccountId
    principal: str
    epoch: int
    lifetime_seconds: float
    device_id: str | None = None
    app_password_id: AppPasswordId | None = None
    node: str = ""
    session: bytes = field(default=b"", repr=False)
    """Sealed session for a `ConnectionCredential`; only after NTLM or a ticket."""

    @property
    def origin(self) -> str:
        """The identity process that made it, "" where that is not said. It alone signs anybody in behind for this grant: of
        several that share a database each remembers its own.
        """
        name, mark, _ = self.grant_id.partition(".")
        return name if mark else ""

    def made_by(self, process: str) -> Grant:
        """The same grant with `origin` set. `process` holds no dot."""
        return replace(self, grant_id=f"{process}.{self.grant_id}")

    def is_hit_by(self, revocation: Revocation) -> bool:
        """True where the revocation is later than the decision and matches what was granted."""
        if revocation.epoch <= self.epoch:
            return False
        match revocation.scope:
            case RevocationScope.EVERYTHING:
                return True
            case RevocationScope.ACCOUNT:
                return revocation.account_id == self.account_id
            case RevocationScope.PARTNERSHIP:
                return revocation.account_id == self.account_id and revocation.device_id == self.device_id
            case RevocationScope.DEVICE:
                return revocation.device_id == self.device_id
            case RevocationScope.APP_PASSWORD:
                return revocation.app_password_id == self.app_password_id
            case RevocationScope.STORED_SECRET:
                return revocation.account_id == self.account_id and revocation.publication == self.publication
            case RevocationScope.NODE:
                return revocation.node == self.node
            case _:
                # A scope that nobody taught us must not let a grant live on.
                assert_never(revocation.scope)


@dataclass(frozen=True, slots=True)
class BackendAuthorization:
    """What to add to requests that a grant's back-end connection carries; `headers` replace the client's own.

    `version` changes with the secret: a gateway tries a version it has not yet seen accepted one request at a time.
    With `is_single_use` it is good for one request, on a connection with the binding it was asked for; `handle` then
    names what waits for the server's own proof (`BackendSignIn.confirm`).
    """

    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    version: str = ""
    handle: str = ""
    is_single_use: bool = False


@dataclass(frozen=True, slots=True)
class WipeOrder:
    """Identity's word that this very request may be told to erase its device. It opens nothing else.

    `note` is sealed by identity and comes back with every report on the wipe.
    """

    kind: WipeKind
    note: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PhoneWords:
    """How a refused phone is told, where an access rule brought another policy than the publication's."""

    refusals: PhoneRefusals
    quarantine_message: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of a request, with every stage that spoke. `grant` is there exactly when the outcome is ALLOW.

    `retry_after_seconds` is set for our own troubles; `delay_seconds` is what a failed guess must wait (never a
    success). `authorization` spares the gateway a second call where identity has it at hand; None says nothing: then
    the gateway asks `BackendSignIn`. `wipe` comes with a denial alone, where the device proved its id and is to be
    erased. `telling` comes with the refusal of a device that has to wait, where the request may say what it is: a note
    sealed by identity, to come back with a report of that. `is_repeat` says that the same credential was wrong just
    before: the log has a line for that already. `answer_token` proves us to a client that came with a ticket: it goes
    into the answer of this very request.
    """

    outcome: Outcome
    reason: Reason
    grant: Grant | None = None
    stages: tuple[StageTrace, ...] = field(default=())
    retry_after_seconds: int | None = None
    delay_seconds: float = 0.0
    login: str = ""
    authorization: BackendAuthorization | None = None
    wipe: WipeOrder | None = None
    telling: bytes = field(default=b"", repr=False)
    is_repeat: bool = False
    answer_token: bytes = field(default=b"", repr=False)
    phone_words: PhoneWords | None = None
    """With a denial alone; None: the words of the publication's policy."""
