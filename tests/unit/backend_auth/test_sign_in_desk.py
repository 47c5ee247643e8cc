import base64
from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.backend_auth.live_grants import LiveGrants
from handfast.backend_auth.sign_in_desk import BackendAuth, SignInDesk, SignInKind, ValueForm
from handfast.backend_auth.tickets import PAUSE_SECONDS
from handfast.decision.outcome import Grant
from handfast.decision.ports import BackendSignInRefused
from handfast.decision.reasons import Reason
from handfast.identity.audit import AuditEvent
from handfast.identity.records import (
    AccountState,
    DirectoryFacts,
    Revocation,
    RevocationScope,
    SecretState,
    StoredSecret,
)
from handfast.identity.stored_secrets import associated_data
from tests.fakes.clock import START, SettableClock
from tests.fakes.kerberos import FakeDelegation, proof_of
from tests.fakes.records import InMemoryRecords

PUBLICATIONS = {
    "mail": BackendAuth(SignInKind.STORED),
    "user": BackendAuth(SignInKind.HEADER, "X-Remote-User", ValueForm.USER),
    "upn": BackendAuth(SignInKind.HEADER, "X-Remote-User", ValueForm.UPN),
    "domain": BackendAuth(SignInKind.HEADER, "X-Remote-User", ValueForm.DOMAIN_USER),
    "open": BackendAuth(SignInKind.NONE),
    "ticket": BackendAuth(SignInKind.KERBEROS, spn="HTTP/mail.example.com"),
}


class Scene:
    """An account, a desk, and the grants the account holds."""

    def __init__(self, delegation: FakeDelegation | None = None) -> None:
        self.clock = SettableClock()
        self.records = InMemoryRecords()
        self.grants = LiveGrants()
        self.desk = SignInDesk(
            self.records, self.records.keyring, self.grants, PUBLICATIONS, self.clock, delegation
        )

    async def account(self, user: str = "alice", upn: str = "alice@example.com"):
        add = lambda r: r.accounts.add(user=user, domain="EX", upn=upn, display_name="", now=self.clock.now())
        self.account_id = (await self.records.write(add)).id
        return self

    def grant(self, publication: str) -> Grant:
        grant = Grant(
            f"g-{publication}", publication, self.account_id, "alice@example.com", 0, 300.0, node="local"
        )
        self.grants.remember(grant)
        return grant

    async def store(self, password: bytes, user_name: str = "sogo-alice") -> StoredSecret:
        place = associated_data(self.account_id, "mail")
        key_id, sealed = self.records.keyring.seal(password, associated=place)
        secret = StoredSecret(self.account_id, "mail", user_name, key_id, sealed)
        await self.records.write(lambda r: r.stored_secrets.save(secret))
        return secret

    async def refusal(self, grant: Grant) -> Reason:
        with pytest.raises(BackendSignInRefused) as caught:
            await self.desk.authorize(grant)
        return caught.value.reason


@pytest.mark.parametrize(
    ("publication", "value"), [("user", b"alice"), ("upn", b"alice@example.com"), ("domain", b"EX\\alice")]
)
async def test_a_header_names_the_account(publication: str, value: bytes):
    scene = await Scene().account()
    authorization = await scene.desk.authorize(scene.grant(publication))
    assert authorization.headers == ((b"X-Remote-User", value),)


@pytest.mark.parametrize("user", ["ä", "a\r\nX-Admin: 1", "a\x00", " a", "a ", ""])
async def test_a_name_unfit_for_a_header_is_refused(user: str):
    scene = await Scene().account(user=user)
    assert await scene.refusal(scene.grant("user")) is Reason.BACKEND_SIGN_IN_REFUSED


async def test_an_account_whose_upn_others_claim_is_no_other_one_behind():
    scene = await Scene().account(upn="")
    assert await scene.refusal(scene.grant("upn")) is Reason.BACKEND_SIGN_IN_REFUSED


async def told_of(scene: Scene, upn: str, **names) -> Grant:
    """A grant for who has that UPN in the directory."""
    grant = await mirrored(scene)
    here = {"user": "alice", "domain": "EX", "upn": upn, "display_name": ""}
    await scene.records.write(lambda r: r.accounts.rename(scene.account_id, **here, **names))
    return replace(grant, grant_id="g-upn", publication="upn")


@pytest.mark.parametrize(
    ("rival", "is_told"),
    [
        (None, True),
        ({"user": "director"}, False),
        ({"user": "director", "is_named": False}, False),
        ({"user": "b", "upn": "DIRECTOR@ex.lab", "is_named": False}, False),
        ({"user": "director", "is_present": False}, True),
        ({"user": "bob"}, True),
    ],
    ids=str,
)
async def test_a_back_end_is_told_the_directorys_upn_where_nobody_else_claims_it(rival, is_told):
    scene = Scene()
    grant = await told_of(scene, "director@ex.lab")
    scene.grants.remember(grant)
    if rival is not None:
        is_present = rival.pop("is_present", True)
        facts = DirectoryFacts("EX.LAB", scene.clock.now(), is_present=is_present)
        other = {"domain": "EX", "upn": "", "display_name": "", "sid": "S-2", "directory": facts, **rival}
        await scene.records.write(lambda r: r.accounts.add(**other, now=scene.clock.now()))
    if is_told:
        headers = (await scene.desk.authorize(grant)).headers
        assert headers == ((b"X-Remote-User", b"director@ex.lab"),)
    else:
        assert await scene.refusal(grant) is Reason.BACKEND_SIGN_IN_REFUSED


async def test_a_back_end_is_told_no_upn_that_was_made_up():
    scene = Scene()
    grant = await told_of(scene, "alice@ex.lab", is_upn_made_up=True)
    scene.grants.remember(grant)
    assert await scene.refusal(grant) is Reason.BACKEND_SIGN_IN_REFUSED


async def test_of_a_local_account_a_back_end_is_told_what_its_administrator_said():
    scene = await Scene().account()
    facts = DirectoryFacts("EX.LAB", scene.clock.now())
    other = {"user": "b", "domain": "EX", "upn": "alice@example.com", "display_name": "", "sid": "S-2"}
    await scene.records.write(
        lambda r: r.accounts.add(**other, directory=facts, is_named=False, now=scene.clock.now())
    )
    assert (await scene.desk.authorize(scene.grant("upn"))).headers


async def test_none_adds_nothing():
    scene = await Scene().account()
    assert (await scene.desk.authorize(scene.grant("open"))).headers == ()


async def test_a_stored_secret_becomes_basic_and_its_version_follows_it():
    scene = await Scene().account()
    await scene.store("pä:ss".encode())
    first = await scene.desk.authorize(scene.grant("mail"))
    expected = b"Basic " + base64.b64encode("sogo-alice:pä:ss".encode())
    assert first.headers == ((b"Authorization", expected),)
    assert first.version == (await scene.desk.authorize(scene.grant("mail"))).version
    await scene.store(b"new")
    assert (await scene.desk.authorize(scene.grant("mail"))).version not in ("", first.version)
    assert "Basic" not in repr(first)


async def test_missing_moved_and_ambiguous_secrets_are_no_sign_in():
    scene = await Scene().account()
    grant = scene.grant("mail")
    assert await scene.refusal(grant) is Reason.BACKEND_SECRET_MISSING
    await scene.store(b"x", user_name="a:b")
    assert await scene.refusal(grant) is Reason.BACKEND_SECRET_MISSING
    secret = await scene.store(b"x")
    _, moved = scene.records.keyring.seal(b"x", associated=associated_data(99, "mail"))
    await scene.records.write(lambda r: r.stored_secrets.save(replace(secret, sealed=moved)))
    assert await scene.refusal(grant) is Reason.BACKEND_SECRET_MISSING


async def test_only_a_live_grant_of_that_node_and_publication_counts():
    scene = await Scene().account()
    await scene.store(b"x")
    grant = scene.grant("mail")
    forged = replace(grant, grant_id="g-forged")
    for other in [forged, replace(grant, node="edge1"), replace(grant, publication="user")]:
        assert await scene.refusal(other) is Reason.GRANT_EXPIRED
        with pytest.raises(BackendSignInRefused):
            await scene.desk.report_refused(other, "v")
    # What the gateway says of the account does not matter: identity's own grant does.
    victim = replace(grant, account_id=99, principal="victim")
    assert await scene.desk.authorize(victim) == await scene.desk.authorize(grant)
    assert await scene.refusal(scene.grant("unpublished")) is Reason.BACKEND_SIGN_IN_REFUSED


async def test_a_disabled_or_removed_account_is_not_signed_in():
    scene = await Scene().account()
    await scene.store(b"x")
    await scene.records.write(lambda r: r.accounts.set_state(scene.account_id, AccountState.DISABLED))
    for publication in ("mail", "user"):
        assert await scene.refusal(scene.grant(publication)) is Reason.ACCOUNT_DISABLED
    await scene.records.write(lambda r: r.accounts.remove(scene.account_id))
    assert await scene.refusal(scene.grant("mail")) is Reason.ACCOUNT_DISABLED


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"is_present": False}, Reason.ACCOUNT_GONE),
        ({"is_enabled": False}, Reason.ACCOUNT_DISABLED_IN_DIRECTORY),
        ({"read_at": START - timedelta(hours=2)}, Reason.DIRECTORY_UNAVAILABLE),
    ],
    ids=str,
)
async def test_a_mirrored_account_is_judged_as_its_decision_was(facts, reason):
    scene = await Scene().account()
    await scene.store(b"x")
    said = DirectoryFacts(**{"realm": "EXAMPLE.COM", "read_at": START, **facts})
    await scene.records.write(lambda r: r.accounts.set_directory(scene.account_id, "S-1-5-21-1", said))
    for publication in ("mail", "user", "ticket"):
        assert await scene.refusal(scene.grant(publication)) is reason


async def test_one_refusal_behind_us_suspends_once_in_one_transaction():
    scene = await Scene().account()
    await scene.store(b"old")
    grant = scene.grant("mail")
    version = (await scene.desk.authorize(grant)).version
    for _ in range(3):
        await scene.desk.report_refused(grant, version)
    assert await scene.refusal(grant) is Reason.BACKEND_SECRET_SUSPENDED
    tables = scene.records.tables
    assert [entry.event for entry in tables.audit] == [AuditEvent.SECRET_SUSPENDED]
    assert [(r.scope, r.account_id, r.publication) for r in tables.revocations] == [
        (RevocationScope.STORED_SECRET, scene.account_id, "mail")
    ]
    assert tables.secrets[scene.account_id, "mail"].suspended_at == scene.clock.now()


async def test_a_late_report_does_not_suspend_the_new_secret():
    scene = await Scene().account()
    await scene.store(b"old")
    grant = scene.grant("mail")
    version = (await scene.desk.authorize(grant)).version
    await scene.store(b"new")
    await scene.desk.report_refused(grant, version)
    assert scene.records.tables.secrets[scene.account_id, "mail"].state is SecretState.ACTIVE


async def test_a_refused_header_suspends_nothing():
    scene = await Scene().account()
    await scene.desk.report_refused(scene.grant("user"), "")
    assert scene.records.tables.audit == []


async def mirrored(scene: Scene, **facts) -> Grant:
    """A grant for alice of a realm."""
    told = DirectoryFacts("EX.LAB", scene.clock.now(), **facts)
    add = lambda r: r.accounts.add(
        user="alice", domain="EX", upn="", display_name="", now=scene.clock.now(), sid="S-1", directory=told
    )
    scene.account_id = (await scene.records.write(add)).id
    return scene.grant("ticket")


async def test_a_ticket_is_for_the_spn_of_the_settings_and_the_binding_of_the_connection():
    without_keytab = Scene()
    assert await without_keytab.refusal(await mirrored(without_keytab)) is Reason.KEYTAB_REFUSED
    delegation = FakeDelegation()
    scene = Scene(delegation)
    grant = await mirrored(scene)
    authorization = await scene.desk.authorize(grant, b"binding")
    assert delegation.asked == [("alice", "HTTP/mail.example.com", b"binding")]
    assert await scene.desk.confirm(grant, authorization.handle, proof_of("1"))


async def test_a_refused_ticket_is_reported_once_for_a_minute():
    delegation = FakeDelegation()
    scene = Scene(delegation)
    grant = await mirrored(scene)
    await scene.desk.report_refused(grant, "")
    assert delegation.forgotten == [scene.account_id]
    assert await scene.refusal(grant) is Reason.BACKEND_SIGN_IN_REFUSED
    assert scene.records.tables.audit == [], "there is no secret to suspend"


async def test_the_pause_after_a_refused_ticket_does_not_hang_on_a_clock_that_was_wrong(monkeypatch):
    scene = Scene(FakeDelegation())
    grant = await mirrored(scene)
    uptime = [0.0]
    monkeypatch.setattr(scene.desk._tickets, "_monotonic", lambda: uptime[0])
    scene.clock.advance(hours=6)  # for which the server refused the ticket
    await scene.desk.report_refused(grant, "")
    scene.clock.advance(hours=-6)
    assert await scene.refusal(grant) is Reason.BACKEND_SIGN_IN_REFUSED
    uptime[0] += PAUSE_SECONDS
    assert (await scene.desk.authorize(grant)).headers


async def test_who_may_not_sign_in_gets_no_ticket_and_a_foreign_grant_confirms_nothing():
    delegation = FakeDelegation()
    scene = Scene(delegation)
    grant = await mirrored(scene, is_enabled=False)
    assert await scene.refusal(grant) is Reason.ACCOUNT_DISABLED_IN_DIRECTORY
    assert delegation.asked == []
    with pytest.raises(BackendSignInRefused):
        await scene.desk.confirm(replace(grant, node="edge1"), "1", proof_of("1"))


async def test_a_refused_ticket_of_a_disabled_or_removed_account_is_reported_without_a_fault():
    delegation = FakeDelegation()
    scene = Scene(delegation)
    grant = await mirrored(scene, is_enabled=False)
    await scene.desk.report_refused(grant, "")
    assert delegation.forgotten == [scene.account_id]
    await scene.records.write(lambda r: r.accounts.remove(scene.account_id))
    await scene.desk.report_refused(grant, "")
    assert delegation.forgotten == [scene.account_id]


@pytest.mark.parametrize(
    ("scope", "drops"),
    [
        (RevocationScope.ACCOUNT, True),
        (RevocationScope.PARTNERSHIP, False),
        (RevocationScope.EVERYTHING, False),
    ],
)
async def test_an_account_that_something_was_taken_from_loses_its_tickets(scope, drops):
    delegation = FakeDelegation()
    scene = Scene(delegation)
    grant = await mirrored(scene)
    await scene.desk.authorize(grant)
    of_whom = None if scope is RevocationScope.EVERYTHING else scene.account_id
    device = "phone" if scope is RevocationScope.PARTNERSHIP else None
    scene.desk.revoke([Revocation(1, scope, scene.clock.now(), account_id=of_whom, device_id=device)])
    assert delegation.forgotten == ([scene.account_id] if drops else [])
    if scope is not RevocationScope.PARTNERSHIP:
        assert await scene.refusal(grant) is Reason.GRANT_EXPIRED
    Scene().desk.revoke([Revocation(1, scope, scene.clock.now(), account_id=of_whom, device_id=device)])


async def test_where_nobody_is_signed_in_by_ticket_there_is_no_proof_to_look_at():
    delegation = FakeDelegation()
    scene = Scene(delegation)
    grant = await mirrored(scene)
    handle = (await scene.desk.authorize(grant)).handle
    scene.desk.replace_publications({"ticket": BackendAuth(SignInKind.NONE)})
    with pytest.raises(BackendSignInRefused):
        await scene.desk.confirm(grant, handle, b"wrong")
    assert delegation.forgotten == []


async def test_what_is_taken_away_while_the_kdc_is_asked_signs_nobody_in():
    class SlowDelegation(FakeDelegation):
        async def sign_in(self, account, spn, channel_binding):
            revoked = Revocation(1, RevocationScope.ACCOUNT, scene.clock.now(), account_id=scene.account_id)
            scene.grants.revoke([revoked])
            return await super().sign_in(account, spn, channel_binding)

    delegation = SlowDelegation()
    scene = Scene(delegation)
    assert await scene.refusal(await mirrored(scene)) is Reason.GRANT_EXPIRED
    assert delegation.asked
