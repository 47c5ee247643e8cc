"""Whether the keytab holds the service account's key, which is that of all its SPNs, as the directory has it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from handfast.doctor.findings import Severity
from handfast.doctor.kerberos import remedies
from handfast.doctor.kerberos.facts import AES128_ENCTYPE, AES256_ENCTYPE, AES_ENCTYPES, KeytabKey, Setup
from handfast.doctor.kerberos.findings import KerberosFinding, KerberosFindingId
from handfast.identity.directory.domain_account import AES128, AES256

_ERROR = Severity.ERROR


def judge_keytab(setup: Setup) -> Iterator[KerberosFinding]:
    """Of keys that are there and not the current ones only that is said."""
    wanted = _encryption(setup)
    crypto = "AES256-SHA1" if AES256_ENCTYPE in wanted else "AES128-SHA1"
    anew = remedies.make_keytab(setup.principal, setup.realm, setup.keytab_path, crypto=crypto)
    if setup.keytab_problem:
        yield KerberosFinding(
            KerberosFindingId.KEYTAB_UNUSABLE,
            _ERROR,
            setup.keytab_problem,
            "put the keytab there, owned by identity's user, mode 0600; make it anew where it is broken",
            anew,
        )
        return
    newest = _newest(setup)
    if not newest:
        held = ", ".join(sorted({one.principal for one in setup.keytab})) or "nothing"
        yield KerberosFinding(
            KerberosFindingId.KEYTAB_PRINCIPAL,
            _ERROR,
            f"{setup.keytab_path} has keys of {held}, none of {setup.principal}@{setup.realm}",
            "make the keytab for that account, or correct `principal`",
            anew,
        )
        return
    version, current = newest[0].version, None if setup.account is None else setup.account.key_version
    # Keytabs of the old form keep 8 bits of the version.
    if current is not None and version % 256 != current % 256:
        yield KerberosFinding(
            KerberosFindingId.KEYTAB_VERSION,
            _ERROR,
            f"{setup.keytab_path} has version {version} of {setup.principal}'s key, the directory has {current}",
            "make the keytab anew: the account's password was changed since",
            anew,
        )
    elif wanted.isdisjoint(one.encryption for one in newest):
        yield KerberosFinding(
            KerberosFindingId.KEYTAB_ENCRYPTION,
            _ERROR,
            f"{setup.keytab_path} has no {_names(wanted)} key of {setup.principal}",
            "make the keytab anew with AES keys",
            anew,
        )


def _newest(setup: Setup) -> list[KeytabKey]:
    """The account's keys of the newest version; case does not matter."""
    wanted = f"{setup.principal}@{setup.realm}".lower()
    own = [one for one in setup.keytab if one.principal.lower() == wanted]
    version = max((one.version for one in own), default=0)
    return [one for one in own if one.version == version]


def _encryption(setup: Setup) -> frozenset[int]:
    """Any of these: a KDC takes the strongest that the account is marked for. Source: MS-KILE 3.3.5.7."""
    marked = (setup.account.encryption_types if setup.account is not None else None) or 0
    if marked & AES256:
        return frozenset({AES256_ENCTYPE})
    return frozenset({AES128_ENCTYPE}) if marked & AES128 else AES_ENCTYPES


def _names(enctypes: frozenset[int]) -> str:
    return "AES" if len(enctypes) > 1 else "AES256" if AES256_ENCTYPE in enctypes else "AES128"
