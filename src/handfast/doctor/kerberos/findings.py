"""The closed list of what the check can find, and one finding with the commands that mend it."""

from __future__ import annotations

from dataclasses import dataclass

from handfast.doctor.findings import Severity
from handfast.protocols.meanings import MeaningEnum


class KerberosFindingId(MeaningEnum):
    """Every finding there is. The value is stable; `docs/kerberos-check.md` lists them."""

    # Identity's own account and keytab.
    KEYTAB_UNUSABLE = "keytab-unusable", "the keytab is not there, can't be read, or is open to others"
    KEYTAB_PRINCIPAL = "keytab-principal", "the keytab has no key of the service account"
    KEYTAB_VERSION = "keytab-version", "the keytab's newest key is not the one the account has now"
    KEYTAB_ENCRYPTION = (
        "keytab-encryption",
        "the keytab lacks the AES keys that the directory gives tickets for",
    )
    ACCOUNT_MISSING = "service-account-missing", "the directory has no account of that principal"
    ACCOUNT_UNUSABLE = (
        "service-account-unusable",
        "the service account is disabled, locked or expired, or its password is",
    )
    ACCOUNT_RESTRICTED = (
        "service-account-restricted",
        "the service account may sign in at some hours, with a smart card or with DES only",
    )
    ACCOUNT_ENCRYPTION = "service-account-encryption", "the service account is not marked for AES"
    ACCOUNT_WITHOUT_PAC = (
        "service-account-without-pac",
        "tickets for the service account have no PAC, which alone says whose they are",
    )
    ACCOUNT_WITHOUT_SPN = (
        "service-account-without-spn",
        "the service account holds no SPN: nobody gets a ticket for it",
    )
    ACCOUNT_NOT_FORWARDED = (
        "service-account-sensitive",
        "the service account itself is marked as sensitive, or is in Protected Users",
    )
    CLOCK_SKEW = "clock-skew", "our clock and the domain controller's are a minute or more apart"

    # What it may do.
    TRANSITION_MISSING = (
        "protocol-transition-missing",
        "it may not sign people in who came without Kerberos",
    )
    DELEGATION_MISSING = "delegation-missing", "a back end's SPN is not on its delegation list"
    DELEGATION_EXCESS = "delegation-excess", "its delegation list has more than the publications need"
    UNCONSTRAINED = "delegation-unconstrained", "it may act as anybody towards any service"

    # The services behind, and ours in front.
    SPN_MISSING = "spn-missing", "no account holds the SPN"
    SPN_DUPLICATED = "spn-duplicated", "more than one account holds the SPN"
    SPN_OTHER_ACCOUNT = "spn-other-account", "our own SPN is held by another account than ours"
    SPN_ONE_MACHINE = (
        "spn-one-machine",
        "one machine of the pool holds the SPN; the others can't read its tickets",
    )
    SPN_HOLDER_UNUSABLE = (
        "spn-holder-unusable",
        "the account that holds the SPN is disabled, locked or expired",
    )
    SPN_HOLDER_ENCRYPTION = "spn-holder-encryption", "the account that holds the SPN is not marked for AES"
    SPN_HOLDER_WITHOUT_PAC = (
        "spn-holder-without-pac",
        "tickets for the account that holds the SPN have no PAC",
    )
    NAME_IS_ALIAS = "name-is-alias", "the SPN's host is a CNAME: clients may ask for a ticket of another name"
    NAME_ELSEWHERE = "name-elsewhere", "the SPN's host has no address, or none of a back end"

    # A trial for one account.
    PERSON_UNKNOWN = "person-unknown", "the directory has no account of that name"
    PERSON_NOT_DELEGABLE = "person-not-delegable", "nobody may be signed in for this account"
    PERSON_UNUSABLE = "person-unusable", "the account is disabled, locked or expired, or its password is"
    TICKET_REFUSED = "ticket-refused", "the KDC gives no ticket for the account and the service"
    BACKEND_REFUSES_TICKET = "backend-refuses-ticket", "a back end does not take the ticket"
    BACKEND_UNREACHABLE = "backend-unreachable", "a back end gave no answer to the trial"


@dataclass(frozen=True, slots=True)
class Commands:
    """What the domain's administrator types: on Windows, and the same for a Samba domain. Either may be empty.

    Both are where a name holds what can't be seen: a line break would begin a command of its own, a mark of writing direction
    show another command than is run.
    """

    powershell: tuple[str, ...] = ()
    samba: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all(map(str.isprintable, (*self.powershell, *self.samba))):
            object.__setattr__(self, "powershell", ())
            object.__setattr__(self, "samba", ())


@dataclass(frozen=True, slots=True)
class KerberosFinding:
    """`what` names the thing concerned; `remedy` is what to do, `commands` how."""

    id: KerberosFindingId
    severity: Severity
    what: str
    remedy: str
    commands: Commands = Commands()
