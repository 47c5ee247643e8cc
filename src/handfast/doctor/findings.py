"""One thing that is wrong, or will be; and the closed list of what the doctor can find."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from handfast.protocols.meanings import MeaningEnum


class FindingId(MeaningEnum):
    """Every finding there is. The value is stable: scripts and monitoring use it. `docs/findings.md` lists them."""

    # Settings.
    SETTINGS = "settings", "the settings file breaks a rule; nothing else is looked at"
    SETTINGS_FILE = "settings-file", "a file that the settings name is not there or can't be read"
    SETTINGS_WARNING = "settings-warning", "a setting is allowed and looks like a mistake"

    # Keys, database and identity.
    KEY_FILE_MISSING = "key-file-missing", "there is no key file"
    KEY_FILE_MODE = "key-file-mode", "others than its owner may use the key file"
    KEY_FILE_UNUSABLE = "key-file-unusable", "the key file is broken"
    KEY_FILE_OTHER_DATABASE = "key-file-other-database", "key file and database belong to two installations"
    DATABASE_UNUSABLE = "database-unusable", "the database does not open"
    DATABASE_NOT_WRITABLE = (
        "database-not-writable",
        "the database or a file beside it can't be written by the service's user, or by whoever asks",
    )
    DISK_FULL = "disk-full", "less than 100 MiB are free where the database lies"
    DISK_LOW = "disk-low", "less than 1 GiB is free where the database lies"
    IDENTITY_UNREACHABLE = "identity-unreachable", "identity does not answer"
    ADMIN_GROUP = (
        "admin-group",
        "`identity.admin_group` is no group of this machine, the service's user is not in it, or its members can't read the settings",
    )

    # The directory and Kerberos.
    DIRECTORY_SETUP = (
        "directory-setup",
        "the directory can't be opened as it is set up: identity does not start",
    )
    DIRECTORY_CONTROLLER = (
        "directory-controller",
        "a domain controller is not reached or not to be trusted, or will soon be so",
    )
    DIRECTORY_BIND = "directory-bind", "a domain controller refuses the account that we read with"
    DIRECTORY_SCOPE = "directory-scope", "`base` and `account_filter` hold no account, as far as we may see"
    DIRECTORY_MIRROR = "directory-mirror", "identity has not read the directory for some time"
    DIRECTORY_UNREADABLE = (
        "directory-unreadable",
        "accounts of the directory are refused, because we may not read enough of them",
    )
    KERBEROS_SETUP = (
        "kerberos-setup",
        "the keytab or the Kerberos library can't be used: identity does not start",
    )

    # Domain passwords, where a listener takes them.
    DOMAIN_LOCKOUT_MARGIN = (
        "domain-lockout-margin",
        "the domain locks accounts so soon that no domain password may be tried",
    )
    DOMAIN_LOCKOUT_NEVER = "domain-lockout-never", "the domain locks nobody, however many passwords are tried"
    DOMAIN_LOCKOUT_UNKNOWN = (
        "domain-lockout-unknown",
        "how soon the domain locks accounts, or some of them, can't be read",
    )

    # The user the gateway workers run as.
    WORKER_USER_NOT_SET = "worker-user-not-set", "gateway workers run as a user that may read the keys"
    WORKER_USER = "worker-user", "`gateway.user` is root, or no user of this machine"
    WORKER_USER_READS_SECRETS = "worker-user-reads-secrets", "`gateway.user` can read key file or database"
    WORKER_USER_LACKS_CERTIFICATE = (
        "worker-user-lacks-certificate",
        "`gateway.user` can't read a certificate or key that it serves with",
    )

    # What rules name.
    ACCESS_GROUP = (
        "access-group",
        "an access rule or a role names a group that the directory does not have, or nobody is in",
    )
    ACCESS_ACCOUNT = "access-account", "an access rule or a role names an account that is not there"

    # Certificates of listeners.
    CERTIFICATE_UNREADABLE = (
        "certificate-unreadable",
        "a listener's file is not there or holds no certificate",
    )
    CERTIFICATE_EXPIRED = "certificate-expired", "a certificate of the chain has ended"
    CERTIFICATE_EXPIRES_SOON = "certificate-expires-soon", "a certificate of the chain ends within 21 days"
    CERTIFICATE_NOT_YET_VALID = "certificate-not-yet-valid", "a certificate of the chain has not begun"
    CERTIFICATE_CHAIN_ORDER = "certificate-chain-order", "a certificate is not signed by the one that follows"
    CERTIFICATE_CHAIN_INCOMPLETE = (
        "certificate-chain-incomplete",
        "the chain leads to no root that this machine trusts",
    )
    CERTIFICATE_SELF_SIGNED = "certificate-self-signed", "nobody but itself vouches for the certificate"
    CERTIFICATE_KEY_UNREADABLE = "certificate-key-unreadable", "the key is no PEM key, or has a passphrase"
    CERTIFICATE_KEY_MISMATCH = "certificate-key-mismatch", "the key belongs to another certificate"
    CERTIFICATE_NAMES = "certificate-names", "no certificate of the listener covers a published name"

    # The link between gateway nodes and identity on another machine.
    NODE_CERTIFICATE_UNREADABLE = (
        "node-certificate-unreadable",
        "a file of the link is not there or holds no certificate",
    )
    NODE_CERTIFICATE_EXPIRED = "node-certificate-expired", "a certificate of the link has ended"
    NODE_CERTIFICATE_EXPIRES_SOON = "node-certificate-expires-soon", "it ends within 21 days"
    NODE_CERTIFICATE_NOT_YET_VALID = "node-certificate-not-yet-valid", "it has not begun"
    NODE_CERTIFICATE_CHAIN = "node-certificate-chain", "it is not signed by the node CA in `ca_file`"
    NODE_CERTIFICATE_NAMES = (
        "node-certificate-names",
        "it is for another node, for other publications or for the other end",
    )
    NODE_KEY_UNREADABLE = "node-key-unreadable", "its key is no PEM key, or has a passphrase"
    NODE_KEY_MISMATCH = "node-key-mismatch", "its key belongs to another certificate"
    NODE_KEY_MODE = "node-key-mode", "others may use its key"
    NODE_REFUSED = "node-refused", "identity does not let this node in: it was revoked"
    IDENTITY_CERTIFICATE = "identity-certificate", "the certificate that identity shows does not verify here"

    # Around it.
    PORT_IN_USE = "port-in-use", "the address of a listener can't be listened on"
    CLOCK_OFF = "clock-off", "this clock and a back end's are a minute or more apart"
    DNS_NAME = "dns-name", "a published name has no address here"

    # Back ends.
    BACKEND_NAME = "backend-name", "the host of a back end's URL has no address"
    BACKEND_CONNECT = "backend-connect", "a back end takes no connection"
    BACKEND_TLS = "backend-tls", "a back end's certificate does not verify"
    BACKEND_PIN = "backend-pin", "a back end's certificate is not the pinned one"
    BACKEND_ANSWER = "backend-answer", "a back end does not answer in HTTP"
    BACKEND_STATUS = "backend-status", "a back end answers with an error of its own, or knows no such path"

    # What clients meet, seen with `--as-client`.
    CLIENT_UNREACHABLE = "client-unreachable", "nothing answers clients at a listener"
    CLIENT_CERTIFICATE_NAME = "client-certificate-name", "the certificate shown for a name does not have it"
    CLIENT_CERTIFICATE_DATES = (
        "client-certificate-dates",
        "the certificate shown to clients is not valid today",
    )
    CLIENT_CERTIFICATE_WEAK = (
        "client-certificate-weak",
        "a key or signature of its chain is one that phones refuse",
    )
    CLIENT_CERTIFICATE_PURPOSE = (
        "client-certificate-purpose",
        "it is not marked for servers: iPhones refuse it",
    )
    CLIENT_CERTIFICATE_LIFE = "client-certificate-life", "it lives longer than phones allow"
    CLIENT_CERTIFICATE_TRUST = (
        "client-certificate-trust",
        "the chain that clients are shown does not verify here",
    )
    CLIENT_CERTIFICATE_OLD = (
        "client-certificate-old",
        "clients are shown another certificate than the files hold",
    )
    CLIENT_AUTODISCOVER_HOST = (
        "client-autodiscover-host",
        "no name is published where clients look for Autodiscover",
    )
    CLIENT_REDIRECT = "client-redirect", "a listener without TLS does not lead to Autodiscover"
    CLIENT_JSON = "client-json", "before sign-in, clients are told a name that the settings do not publish"
    CLIENT_DOOR = "client-door", "a service does not ask clients for a password in a way they understand"
    CLIENT_CLOSED_PATH = "client-closed-path", "a path that nobody outside has business with is answered"
    CLIENT_SIGN_IN = "client-sign-in", "the login given is refused, or a server behind fails it"
    CLIENT_AUTODISCOVER = (
        "client-autodiscover",
        "Autodiscover knows no mailbox of the address given, or it is not the account's",
    )
    CLIENT_FOREIGN_HOST = "client-foreign-host", "Autodiscover's answer names what is not published"


class Severity(StrEnum):
    """How bad it is: an error keeps somebody from working now, a warning will."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` names the thing concerned; `remedy` is what to do."""

    id: FindingId
    severity: Severity
    what: str
    remedy: str


def error(finding: FindingId, what: str, remedy: str) -> Finding:
    """A finding that keeps somebody from working."""
    return Finding(finding, Severity.ERROR, what, remedy)


def warning(finding: FindingId, what: str, remedy: str) -> Finding:
    """A finding that will, or that weakens."""
    return Finding(finding, Severity.WARNING, what, remedy)
