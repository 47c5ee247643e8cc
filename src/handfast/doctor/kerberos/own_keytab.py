"""Whether the keytab holds the keys that the directory gives tickets for: the account's own, and of the names it goes by.

They are one key under several names. Each name is looked up by itself, and can have been left behind by itself when the
keytab was made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from handfast.doctor.findings import Severity
from handfast.doctor.kerberos import remedies
from handfast.doctor.kerberos.facts import AES128_ENCTYPE, AES256_ENCTYPE, AES_ENCTYPES, KeytabKey, Setup
from handfast.doctor.kerberos.findings import Commands, KerberosFinding, KerberosFindingId
from handfast.identity.directory.domain_account import AES128, AES256

_ERROR = Severity.ERROR


def judge_keytab(setup: Setup) -> Iterator[KerberosFinding]:
    """Of keys that are there and not the current ones only that is said."""
    wanted = _encryption(setup)
    crypto = "AES256-SHA1" if AES256_ENCTYPE in wanted else "AES128-SHA1"
    anew = remedies.make_keytab(setup.principal, setup.realm, setup.keytab_path, setup.accepts, crypto=crypto)
    if setup.keytab_problem:
        yield KerberosFinding(
            KerberosFindingId.KEYTAB_UNUSABLE,
            _ERROR,
            setup.keytab_problem,
            "put the keytab there, owned by identity's user, mode 0600; make it anew where it is broken",
            anew,
        )
        return
    newest = {name: _newest(setup, name) for name in (setup.principal, *setup.accepts)}
    if not newest[setup.principal]:
        held = ", ".join(sorted({one.principal for one in setup.keytab})) or "nothing"
        yield KerberosFinding(
            KerberosFindingId.KEYTAB_PRINCIPAL,
            _ERROR,
            f"{setup.keytab_path} has keys of {held}, none of {setup.principal}@{setup.realm}",
            "make the keytab for that account, or correct `principal`",
            anew,
        )
        return
    missing = [name for name, keys in newest.items() if not keys]
    if missing:
        yield KerberosFinding(
            KerberosFindingId.KEYTAB_SERVICE,
            _ERROR,
            f"{setup.keytab_path} has no key of {', '.join(missing)}",
            "make the keytab anew with these names, or take them out of `accept`",
            anew,
        )
    yield from _judge_keys(setup, newest, wanted, anew)


def _judge_keys(
    setup: Setup, newest: Mapping[str, Sequence[KeytabKey]], wanted: frozenset[int], anew: Commands
) -> Iterator[KerberosFinding]:
    current = None if setup.account is None else setup.account.key_version
    # Keytabs of the old form keep 8 bits of the version.
    stale = [
        name
        for name, keys in newest.items()
        if keys and current is not None and keys[0].version % 256 != current % 256
    ]
    if stale:
        held = ", ".join(f"version {newest[name][0].version} of {name}'s key" for name in stale)
        yield KerberosFinding(
            KerberosFindingId.KEYTAB_VERSION,
            _ERROR,
            f"{setup.keytab_path} has {held}, the directory has {current}",
            "make the keytab anew: the account's password was changed since",
            anew,
        )
    weak = [
        name
        for name, keys in newest.items()
        if keys and name not in stale and wanted.isdisjoint(one.encryption for one in keys)
    ]
    if weak:
        yield KerberosFinding(
            KerberosFindingId.KEYTAB_ENCRYPTION,
            _ERROR,
            f"{setup.keytab_path} has no {_names(wanted)} key of {', '.join(weak)}",
            "make the keytab anew with AES keys",
            anew,
        )


def _newest(setup: Setup, name: str) -> list[KeytabKey]:
    """The keys of a name's newest version; case does not matter."""
    own = [one for one in setup.keytab if one.principal.lower() == f"{name}@{setup.realm}".lower()]
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
