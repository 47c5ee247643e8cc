"""The Kerberos library, by python-gssapi: the only module that imports it, and never before the environment is set.

The Kerberos mechanism is called directly and SPNEGO is put around its tokens here, for two reasons. Error numbers stay
those of Kerberos: what passes through another mechanism is renumbered (100001 and up, as it comes). And no other mechanism
of the machine is ever offered or given a peer's bytes; Debian's NTLM mechanism, for one, has crashed on them.

**Channel bindings** are compared by the library: with ours given, a client that names another is refused
(GSS_S_BAD_BINDINGS), and one that names the same has GSS_C_CHANNEL_BOUND_FLAG. A client that names none is *accepted*
without that flag, so the flag is what tells; libraries older than MIT krb5 1.19 never set it, and then a required binding
counts as missing. A client that says it knows bindings (KERB_AP_OPTIONS_CBT, as Windows does) and names none is refused as
if it had named a wrong one. Source: RFC 4121 4.1.1.2; MS-KILE 3.4.5.1.

**The PAC** is read by the library as well: it tells of a signature that is not our key's, or of a name or time that are not the
ticket's, by no more than `authenticated`. Source: RFC 6680; MS-PAC 2.7, 2.8.
"""

from __future__ import annotations

from typing import Any

import gssapi
from gssapi import raw
from gssapi.raw.exceptions import BadChannelBindingsError
from gssapi.raw.misc import GSSError

from handfast.kerberos import memory_cache
from handfast.kerberos.mechanism import Acceptance, Credential, Initiation, MechanismError, Unidentified
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.kerberos.client_token import parse_mutual_proof
from handfast.protocols.kerberos.pac import parse_logon_sid
from handfast.protocols.spnego.tokens import KERBEROS_OID, encode_init

_KERBEROS = gssapi.MechType.kerberos
_PRINCIPAL = gssapi.NameType.kerberos_principal
_MUTUAL = int(gssapi.RequirementFlag.mutual_authentication)
_FLAGS = _MUTUAL | int(gssapi.RequirementFlag.integrity)
_BOUND = 0x800
"""GSS_C_CHANNEL_BOUND_FLAG; older python-gssapi has no name for it."""
_LOGON_INFO = b"urn:mspac:logon-info"
_CODE_BASE = 0x96C73A00
"""Where the Kerberos error table begins, as an unsigned number (com_err's base -1765328384)."""
_CODES_IN_TABLE = 256


class GssapiMechanism:
    """`mechanism.Mechanism`."""

    def sign_in(self, principal: str, keytab: str) -> Credential:
        """A new credential in a credential cache of its own, in memory, which goes with it."""
        cache = memory_cache.new_name()
        store: Any = {"client_keytab": keytab, "ccache": cache}
        try:
            handle = gssapi.Credentials(
                name=gssapi.Name(principal, _PRINCIPAL), usage="initiate", store=store, mechs=[_KERBEROS]
            )
            credential = Credential(handle, float(handle.lifetime or 0))
        except GSSError as error:
            memory_cache.destroy(cache)
            raise _translate(error) from None
        memory_cache.end_with(credential, cache)
        return credential

    def impersonate(self, service: Credential, principal: str) -> Credential:
        """The library makes a cache for this one user and copies our ticket-granting ticket into it."""
        try:
            handle = service.handle.impersonate(gssapi.Name(principal, _PRINCIPAL), mechs=[_KERBEROS])
            return Credential(handle, float(handle.lifetime or 0))
        except GSSError as error:
            raise _translate(error) from None

    def identify(self, service: Credential, user: Credential, keytab: str) -> str:
        """By a token from the user to ourselves: the evidence is a ticket to us, so that the library has it already."""
        # Nobody else ever sees that token, so it needs no place among those that could be shown twice.
        store: Any = {"keytab": keytab, "rcache": "none:"}
        try:
            begun = raw.init_sec_context(service.handle.name, user.handle, None, _KERBEROS, 0)
            acceptor = gssapi.Credentials(usage="accept", store=store, mechs=[_KERBEROS])
        except GSSError as error:
            raise _translate(error) from None
        return self.accept(acceptor, begun.token or b"", b"").sid

    def initiate(self, user: Credential, service_principal: str, channel_binding: bytes) -> Initiation:
        """With the service's name taken as it stands: no DNS, no canonical form."""
        target = gssapi.Name(service_principal, _PRINCIPAL)
        try:
            begun = raw.init_sec_context(
                target,
                user.handle,
                None,
                _KERBEROS,
                _FLAGS,
                channel_bindings=_bindings(channel_binding),
            )
        except GSSError as error:
            raise _translate(error) from None
        return Initiation(
            (target, begun.context), encode_init((KERBEROS_OID,), begun.token), float(begun.lifetime)
        )

    def confirm(self, initiation: Initiation, token: bytes) -> bool:
        """False for anything but the proof that this very context waits for."""
        target, context = initiation.context
        try:
            proof = parse_mutual_proof(token)
            ended = raw.init_sec_context(target, None, context, _KERBEROS, _FLAGS, input_token=proof)
        except (GSSError, MalformedMessage):
            return False
        return not ended.more_steps and bool(int(ended.flags) & _MUTUAL)

    def open_acceptor(self, keytab: str) -> Any:
        """Unnamed: the library tries every key of the file, whatever name the ticket says it is for."""
        try:
            return gssapi.Credentials(usage="accept", store={"keytab": keytab}, mechs=[_KERBEROS])
        except GSSError as error:
            raise _translate(error) from None

    def accept(self, acceptor: Any, mech_token: bytes, channel_binding: bytes) -> Acceptance:
        """The context is dropped at once, with whatever credential the client delegated to us."""
        try:
            taken = raw.accept_sec_context(mech_token, acceptor, channel_bindings=_bindings(channel_binding))
            # A bad token may come back without an error: only a finished context with a name is worth anything.
            name: Any = taken.initiator_name
            if taken.more_steps or name is None or taken.mech != _KERBEROS:
                raise MechanismError(-1, "the token did not establish a context")
            initiator = raw.display_name(name, False).name
        except GSSError as error:
            raise _translate(error) from None
        is_bound = bool(int(taken.flags) & _BOUND)
        return Acceptance(_text(initiator), _sid_of(name), is_bound, taken.token or b"")


def _bindings(application_data: bytes) -> raw.ChannelBindings | None:
    return raw.ChannelBindings(application_data=application_data) if application_data else None


def _sid_of(name: Any) -> str:
    """The account that a client's established name is about. Raises: Unidentified."""
    try:
        told = raw.get_name_attribute(name, _LOGON_INFO)
    except GSSError:
        raise Unidentified("the ticket has no PAC, which alone says whose it is") from None
    if not told.authenticated or len(told.values) != 1:
        raise Unidentified("the ticket's PAC is not signed with our key for this very ticket")
    try:
        return parse_logon_sid(told.values[0])
    except MalformedMessage as error:
        raise Unidentified(str(error)) from None


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise MechanismError(-1, "the client's name is not UTF-8") from None


def _translate(error: GSSError) -> MechanismError:
    code = (error.min_code & 0xFFFFFFFF) - _CODE_BASE
    return MechanismError(
        code if 0 <= code < _CODES_IN_TABLE else -1,
        _words(error),
        is_wrong_binding=isinstance(error, BadChannelBindingsError),
    )


def _words(error: GSSError) -> str:
    """The minor status says what happened; the major one mostly that something did."""
    try:
        said = error.get_all_statuses(error.min_code, False) if error.min_code else []
        return "; ".join(said or error.get_all_statuses(error.maj_code, True))
    except (GSSError, UnicodeDecodeError):
        return f"GSS error {error.maj_code}, {error.min_code}"
