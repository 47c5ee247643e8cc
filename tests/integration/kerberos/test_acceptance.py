"""Tickets of clients inside: what is taken, and everything that is not."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import subprocess
import sys
import threading
from base64 import b64decode
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handfast.identity.directory.ports import TicketFailure, TicketRefused
from handfast.kerberos import KerberosSetupError
from handfast.kerberos.replays import WINDOW_SECONDS, ReplayMemory
from handfast.protocols.kerberos.keytab import encode_keytab, parse_keytab
from handfast.protocols.spnego.tokens import (
    KERBEROS_OID,
    MS_KERBEROS_OID,
    NTLM_OID,
    encode_init,
    unwrap,
)
from tests.kerberos_world import BINDING, SPN, account, opened
from tests.servers.gssapi_peer import KERBEROS, GssapiClient, gssapi
from tests.servers.samba import NEEDS, REALM
from tests.servers.samba_domain import PASSWORD, USERS

pytestmark = NEEDS
OURS = f"HTTP/gateway.contoso.lab@{REALM}"
OTHER_BINDING = b"tls-server-end-point:" + bytes(32)
NO_AUTH_DATA_REQUIRED = 0x2000000
"""Of userAccountControl: tickets for the account have no PAC. Source: MS-KILE 3.3.5.7."""
NTLM = b"NTLMSSP\0\1\0\0\0\x97\x82\x08\xe2" + bytes(24)


@pytest.fixture
def alice(kerberos):
    return GssapiClient(f"alice@{REALM}", PASSWORD)


async def refusal(kerberos, token, binding=b"", *, requires_binding=False):
    with pytest.raises(TicketRefused) as refused:
        await kerberos.acceptance.accept(token, binding, requires_binding=requires_binding)
    return refused.value


@pytest.mark.parametrize("mechanism", [None, KERBEROS], ids=["SPNEGO", "bare Kerberos"])
async def test_a_ticket_says_who_it_is_and_our_answer_proves_who_we_are(dc, kerberos, alice, mechanism):
    context = alice.context(
        OURS,
        flags=gssapi.RequirementFlag.mutual_authentication,
        **({"mechanism": mechanism} if mechanism is not None else {}),
    )
    taken = await kerberos.acceptance.accept(context.step(), b"", requires_binding=False)
    assert (taken.user, taken.realm, taken.sid) == ("alice", REALM, dc.value("alice", "objectSid"))
    context.step(taken.answer)
    assert context.complete
    assert gssapi.RequirementFlag.mutual_authentication in context.actual_flags


@pytest.mark.parametrize("user", ["jörg.o'neil", "smith(j)", "山田"])
async def test_odd_names(kerberos, user):
    token = GssapiClient(f"{user}@{REALM}", PASSWORD).token(OURS)
    taken = await kerberos.acceptance.accept(token, b"", requires_binding=False)
    assert (taken.user, taken.realm) == (user, REALM)


@contextlib.contextmanager
def a_helper_named_bob(dc):
    """With a ticket for us and its own SID, which stay when bob has his name again."""
    dc.samba_tool("user", "create", "helper", PASSWORD)
    helper, sid = f"CN=helper,{USERS}", dc.value("helper", "objectSid")
    try:
        dc.set_user("bob", sAMAccountName="bob-aside", userPrincipalName="bob-aside@contoso.lab")
        dc.set_values(helper, sAMAccountName="bob")
        yield GssapiClient(f"bob@{REALM}", PASSWORD), sid
    finally:
        dc.ldbmodify(f"dn: {helper}\nchangetype: delete\n")
        dc.set_user("bob", sAMAccountName="bob", userPrincipalName="bob@contoso.lab")


async def test_a_ticket_got_under_the_name_of_another_tells_whose_it_is(dc, kerberos):
    """A helper who may name accounts has bob's name for as long as it takes to get a ticket.

    Where UPNs are not kept apart the name may be asked for as a UPN instead (NT-ENTERPRISE); Samba's KDC finds bob then.
    """
    with a_helper_named_bob(dc) as (helper, sid):
        token = helper.token(OURS)
    taken = await kerberos.acceptance.accept(token, b"", requires_binding=False)
    assert (taken.user, taken.sid) == ("bob", sid)
    assert taken.sid != dc.value("bob", "objectSid")


async def test_a_ticket_without_a_pac_is_nobodys(dc, kerberos):
    control = int(dc.value("svc-gw", "userAccountControl"))
    dc.set_user("svc-gw", userAccountControl=control | NO_AUTH_DATA_REQUIRED)
    try:
        refused = await refusal(kerberos, GssapiClient(f"alice@{REALM}", PASSWORD).token(OURS))
    finally:
        dc.set_user("svc-gw", userAccountControl=control)
    assert (refused.failure, "no PAC" in refused.detail) == (TicketFailure.REFUSED, True), refused


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"authenticated": False}, "not signed"),
        ({"values": []}, "not signed"),
        ({"values": [b"garbage"]}, "pac logon information"),
    ],
)
async def test_a_pac_that_is_not_worth_anything(kerberos, alice, monkeypatch, change, problem):
    real = gssapi.raw.get_name_attribute
    monkeypatch.setattr(gssapi.raw, "get_name_attribute", lambda *given: real(*given)._replace(**change))
    refused = await refusal(kerberos, alice.token(OURS))
    assert (refused.failure, problem in refused.detail) == (TicketFailure.REFUSED, True)


async def test_a_token_is_taken_once_however_it_is_wrapped(kerberos, alice):
    token = alice.token(OURS)
    await kerberos.acceptance.accept(token, b"", requires_binding=False)
    again = await refusal(kerberos, token)
    inner = unwrap(token).mech_token
    wrapped_anew = encode_init((MS_KERBEROS_OID, KERBEROS_OID, NTLM_OID), inner)
    bare = await refusal(kerberos, inner)
    anew = await refusal(kerberos, wrapped_anew)
    assert {one.failure for one in (again, bare, anew)} == {TicketFailure.REPLAYED}


async def test_of_one_token_shown_many_times_at_once_one_is_taken(kerberos, alice):
    token = alice.token(OURS)
    shown = [kerberos.acceptance.accept(token, b"", requires_binding=False) for _ in range(20)]
    outcomes = await asyncio.gather(*shown, return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in outcomes) == 1


async def test_our_own_memory_needs_no_help_of_the_librarys(kerberos, alice, monkeypatch):
    monkeypatch.setenv("KRB5RCACHENAME", "none:")
    token = alice.token(OURS)
    await kerberos.acceptance.accept(token, b"", requires_binding=False)
    assert (await refusal(kerberos, token)).failure is TicketFailure.REPLAYED


async def test_who_shows_too_many_tokens_is_refused_alone(kerberos, alice, monkeypatch):
    monkeypatch.setattr(kerberos.acceptance, "_replays", ReplayMemory(max_per_initiator=1))
    bob = GssapiClient(f"bob@{REALM}", PASSWORD)
    await kerberos.acceptance.accept(alice.token(OURS), b"", requires_binding=False)
    refused = await refusal(kerberos, alice.token(OURS))
    assert (refused.failure, "too many" in refused.detail) == (TicketFailure.REFUSED, True)
    assert (await kerberos.acceptance.accept(bob.token(OURS), b"", requires_binding=False)).user == "bob"


async def test_who_has_the_name_of_another_uses_up_nothing_of_theirs(dc, kerberos, monkeypatch):
    monkeypatch.setattr(kerberos.acceptance, "_replays", ReplayMemory(max_per_initiator=1))
    with a_helper_named_bob(dc) as (helper, sid):
        taken = await kerberos.acceptance.accept(helper.token(OURS), b"", requires_binding=False)
    bob = GssapiClient(f"bob@{REALM}", PASSWORD)
    assert (taken.user, taken.sid) == ("bob", sid)
    taken = await kerberos.acceptance.accept(bob.token(OURS), b"", requires_binding=False)
    assert (taken.user, taken.sid) == ("bob", dc.value("bob", "objectSid"))


async def test_the_librarys_memory_is_in_our_own_folder(kerberos, alice, tmp_path):
    await kerberos.acceptance.accept(alice.token(OURS), b"", requires_binding=False)
    found = (tmp_path / "replay-cache").stat()
    assert found.st_mode & 0o077 == 0
    assert found.st_size < 64 * 1024


@pytest.mark.parametrize(
    ("theirs", "ours", "is_required", "failure"),
    [
        (BINDING, BINDING, True, None),
        (BINDING, BINDING, False, None),
        (b"", BINDING, False, None),
        (b"", BINDING, True, TicketFailure.BINDING_MISSING),
        (OTHER_BINDING, BINDING, False, TicketFailure.BINDING_WRONG),
        (OTHER_BINDING, BINDING, True, TicketFailure.BINDING_WRONG),
        (BINDING, b"", True, TicketFailure.BINDING_MISSING),
        (BINDING, b"", False, None),
    ],
)
async def test_extended_protection(kerberos, alice, theirs, ours, is_required, failure):
    token = alice.token(OURS, theirs)
    if failure is None:
        taken = await kerberos.acceptance.accept(token, ours, requires_binding=is_required)
        assert taken.user == "alice"
    else:
        assert (await refusal(kerberos, token, ours, requires_binding=is_required)).failure is failure


async def test_a_binding_of_nothing_is_another_binding(kerberos, alice):
    """Not the same as none: its hash is that of an empty structure, and not sixteen zero bytes (RFC 4121 4.1.1.2)."""
    empty = gssapi.raw.ChannelBindings(application_data=b"")
    context = gssapi.SecurityContext(
        name=gssapi.Name(OURS, gssapi.NameType.kerberos_principal),
        creds=alice._credential,
        usage="initiate",
        channel_bindings=empty,
    )
    refused = await refusal(kerberos, context.step(), BINDING)
    assert refused.failure is TicketFailure.BINDING_WRONG


async def test_a_token_that_was_refused_for_want_of_a_binding_is_good_nowhere_else(
    kerberos, alice, monkeypatch
):
    monkeypatch.setenv("KRB5RCACHENAME", "none:")
    token = alice.token(OURS)
    first = await refusal(kerberos, token, BINDING, requires_binding=True)
    again = await refusal(kerberos, token, BINDING)
    assert (first.failure, again.failure) == (TicketFailure.BINDING_MISSING, TicketFailure.REPLAYED)


@pytest.mark.parametrize(
    "flag",
    [gssapi.RequirementFlag.dce_style, gssapi.RequirementFlag.delegate_to_peer],
    ids=["DCE", "delegated"],
)
async def test_what_a_client_may_want_besides_gives_it_nothing(kerberos, alice, flag):
    """A third leg (DCE) is not spoken over HTTP; a credential that somebody gives away is dropped."""
    context = alice.context(
        OURS, flags=gssapi.RequirementFlag.mutual_authentication | flag, mechanism=KERBEROS
    )
    token = context.step()
    if flag is gssapi.RequirementFlag.dce_style:
        assert (await refusal(kerberos, token)).failure is TicketFailure.REFUSED
    else:
        assert (await kerberos.acceptance.accept(token, b"", requires_binding=False)).user == "alice"


TOKEN_MAKER = """
import base64, gssapi
name = gssapi.Name("{service}", gssapi.NameType.kerberos_principal)
print(base64.b64encode(gssapi.SecurityContext(name=name, usage="initiate").step()).decode())
"""


@pytest.mark.needs("faketime", "kvno")
@pytest.mark.parametrize(("offset", "is_taken"), [(-290, True), (290, True), (310, False)])
async def test_clocks_that_differ_by_five_minutes_and_no_more(dc, kerberos, offset, is_taken, monkeypatch):
    """The client has its ticket; then its clock is `offset` seconds off. The library remembers nothing here."""
    monkeypatch.setenv("KRB5RCACHENAME", "none:")
    run = {"env": dc.env, "check": True, "capture_output": True, "timeout": 20}
    subprocess.run(["kinit", f"bob@{REALM}"], input=PASSWORD.encode(), **run)
    subprocess.run(["kvno", OURS], **run)
    maker = [sys.executable, "-c", TOKEN_MAKER.format(service=OURS)]
    made = subprocess.run(["faketime", "-f", f"{offset:+d}s", *maker], **run)
    token = b64decode(made.stdout)
    if not is_taken:
        assert "skew" in (await refusal(kerberos, token)).detail
        return
    assert (await kerberos.acceptance.accept(token, b"", requires_binding=False)).user == "bob"
    assert WINDOW_SECONDS > 600, "a clock that is ahead by all that is allowed, and then the same again"
    assert (await refusal(kerberos, token)).failure is TicketFailure.REPLAYED


async def test_a_ticket_for_another_service(kerberos, alice):
    refused = await refusal(kerberos, alice.token(f"HTTP/mail.contoso.lab@{REALM}"))
    assert refused.failure is TicketFailure.REFUSED
    assert "HTTP/mail.contoso.lab" in refused.detail


async def test_a_token_we_made_for_a_service_behind_is_not_taken_in_front(kerberos):
    begun = await kerberos.delegation.sign_in(account("alice"), SPN, b"")
    assert (await refusal(kerberos, begun.token)).failure is TicketFailure.REFUSED


async def test_a_service_is_no_user(dc, kerberos):
    client = GssapiClient(f"svc-fe@{REALM}", "svc-fe-Passw0rd.1")
    taken = await kerberos.acceptance.accept(client.token(OURS), b"", requires_binding=False)
    assert taken.user == "svc-fe", (
        "an account by its own name is one like others: whether it may enter is policy"
    )


@pytest.mark.parametrize(
    "token",
    [
        NTLM,
        encode_init((NTLM_OID,), NTLM),
        encode_init((KERBEROS_OID, NTLM_OID), NTLM),
        encode_init((NTLM_OID,)),
    ],
    ids=["raw", "in SPNEGO", "as Kerberos", "offered"],
)
async def test_ntlm_never_reaches_the_library(kerberos, token):
    assert (await refusal(kerberos, token)).failure is TicketFailure.REFUSED


async def test_a_token_that_lists_another_mechanism_first(kerberos, alice):
    inner = unwrap(alice.token(OURS)).mech_token
    refused = await refusal(kerberos, encode_init((NTLM_OID, KERBEROS_OID), inner))
    assert refused.failure is TicketFailure.REFUSED


async def test_windows_own_name_for_kerberos_is_confirmed(kerberos, alice):
    inner = unwrap(alice.token(OURS)).mech_token
    token = encode_init((MS_KERBEROS_OID, KERBEROS_OID, NTLM_OID), inner)
    taken = await kerberos.acceptance.accept(token, b"", requires_binding=False)
    assert unwrap(taken.answer).supported_mech == MS_KERBEROS_OID


async def test_a_token_over_96_kib(kerberos, alice):
    inner = unwrap(alice.token(OURS)).mech_token + bytes(96 * 1024)
    assert "more than 98304" in (await refusal(kerberos, encode_init((KERBEROS_OID,), inner))).detail


async def test_only_the_names_that_are_wanted(dc, tmp_path):
    keytab = tmp_path / "keytab"
    keytab.touch(0o600)
    dc.export_keytab(keytab, "HTTP/mail.contoso.lab")
    dc.export_keytab(keytab, "HTTP/gateway.contoso.lab")
    async with opened(
        dc,
        tmp_path,
        keytab=keytab,
        principal="",
        accept=("HTTP/GATEWAY.contoso.lab",),
        krb5_conf=dc.krb5_conf,
    ) as kerberos:
        assert kerberos.delegation is None
        alice = GssapiClient(f"alice@{REALM}", PASSWORD)
        await kerberos.acceptance.accept(alice.token(OURS), b"", requires_binding=False)
        refused = await refusal(kerberos, alice.token(f"HTTP/mail.contoso.lab@{REALM}"))
        assert refused.failure is TicketFailure.REFUSED


async def test_of_the_names_that_share_a_key_only_those_that_are_wanted(dc, tmp_path):
    """All SPNs of an account have its one key, whether the keytab names them or not."""
    dc.samba_tool("spn", "add", "HTTP/intranet.contoso.lab", "svc-gw")
    try:
        async with opened(dc, tmp_path, accept=("HTTP/gateway.contoso.lab",)) as kerberos:
            alice = GssapiClient(f"alice@{REALM}", PASSWORD)
            token = alice.token(f"HTTP/intranet.contoso.lab@{REALM}")
            refused = await refusal(kerberos, token)
            assert refused.failure is TicketFailure.REFUSED
            assert refused.detail == f"the ticket is for HTTP/intranet.contoso.lab@{REALM}"
            await kerberos.acceptance.accept(alice.token(OURS), b"", requires_binding=False)
        async with opened(dc, tmp_path) as kerberos:
            taken = await kerberos.acceptance.accept(token, b"", requires_binding=False)
            assert taken.user == "alice", (
                "the key is the same: without a list every name of the account is ours"
            )
    finally:
        dc.samba_tool("spn", "delete", "HTTP/intranet.contoso.lab", "svc-gw")


async def test_a_name_without_a_key(dc, tmp_path):
    with pytest.raises(KerberosSetupError, match=r"no key for HTTP/other\.contoso\.lab"):
        async with opened(
            dc, tmp_path, principal="", accept=("HTTP/other.contoso.lab",), krb5_conf=dc.krb5_conf
        ):
            pass


async def test_the_key_of_the_service_account_is_that_of_all_its_names(dc, tmp_path):
    """ktpass and samba-tool write the one name they are told."""
    keytab = tmp_path / "keytab"
    keytab.touch(0o600)
    dc.export_keytab(keytab, "svc-gw")
    async with opened(dc, tmp_path, keytab=keytab, accept=("HTTP/gateway.contoso.lab",)) as kerberos:
        alice = GssapiClient(f"alice@{REALM}", PASSWORD)
        await kerberos.acceptance.accept(alice.token(OURS), b"", requires_binding=False)
        refused = await refusal(kerberos, alice.token(f"HTTP/mail.contoso.lab@{REALM}"))
        assert refused.failure is TicketFailure.REFUSED


async def test_the_key_of_another_realm_takes_no_tickets(dc, tmp_path):
    """Its KDC could make them for anybody. Here it is our own key under that realm's name, so that a real ticket fits it."""
    entries = parse_keytab(dc.keytab("gw").read_bytes())
    ours = [replace(one, key=bytes(len(one.key))) for one in entries]
    theirs = [replace(one, principal=replace(one.principal, realm="PARTNER.LAB")) for one in entries]
    keytab = tmp_path / "keytab"
    keytab.touch(0o600)
    keytab.write_bytes(encode_keytab([*ours, *theirs]))
    async with opened(dc, tmp_path, keytab=keytab, accept=("HTTP/gateway.contoso.lab",)) as kerberos:
        token = GssapiClient(f"alice@{REALM}", PASSWORD).token(OURS)
        assert (await refusal(kerberos, token)).failure is TicketFailure.REFUSED


async def test_what_curl_sends_after_kinit(dc, kerberos):
    """A stranger's client, from a password to the header."""
    subprocess.run(
        ["kinit", f"bob@{REALM}"],
        input=PASSWORD.encode(),
        env=dc.env,
        check=True,
        capture_output=True,
        timeout=20,
    )
    seen: list[bytes] = []

    class Gateway(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            scheme, _, value = self.headers.get("Authorization", "").partition(" ")
            if scheme == "Negotiate":
                seen.append(b64decode(value))
            self.send_response(200 if seen else 401)
            self.send_header("WWW-Authenticate", "Negotiate")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        url = f"http://gateway.contoso.lab:{port}/"
        where = ["--resolve", f"gateway.contoso.lab:{port}:127.0.0.1", "--noproxy", "*"]
        command = ["curl", "-sS", "--negotiate", "-u", ":", *where, url]
        await asyncio.to_thread(
            subprocess.run, command, env=dc.env, check=True, capture_output=True, timeout=20
        )
        server.shutdown()
    taken = await kerberos.acceptance.accept(seen[0], b"", requires_binding=False)
    assert (taken.user, taken.realm) == ("bob", REALM)


async def test_garbage_is_refused_and_the_process_lives(kerberos, alice):
    good = alice.token(OURS)
    inner = unwrap(good).mech_token

    @st.composite
    def spoilt(draw):
        data = bytearray(draw(st.sampled_from([good, inner])))
        for _ in range(draw(st.integers(1, 4))):
            at = draw(st.integers(0, len(data) - 1))
            kind = draw(st.sampled_from("rci"))
            if kind == "r":
                data[at] ^= draw(st.integers(1, 255))
            elif kind == "c":
                del data[at : at + draw(st.integers(1, 40))]
            else:
                data[at:at] = draw(st.binary(min_size=1, max_size=40))
            if not data:
                break
        return bytes(data)

    tokens: list[bytes] = []

    @settings(max_examples=400, suppress_health_check=list(HealthCheck), database=None)
    @given(
        token=spoilt()
        | st.binary(max_size=200)
        | spoilt().map(lambda data: encode_init((KERBEROS_OID,), data))
    )
    def collect(token):
        tokens.append(token)

    collect()
    for token in tokens:
        if token not in (good, inner):
            # A byte that nothing protects, e.g. the ticket's name for us, may well be another one.
            try:
                taken = await kerberos.acceptance.accept(token, BINDING, requires_binding=False)
            except TicketRefused:
                continue
            assert taken.user == "alice"
