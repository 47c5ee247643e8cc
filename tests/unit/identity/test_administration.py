from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.decision.access import BasicCredential
from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason
from handfast.identity.administration import Administration, AdministrationError
from handfast.identity.checkpoints import encode_checkpoint, issue_checkpoint
from handfast.identity.records import CounterKind, PartnershipState, RevocationScope, SecretState
from handfast.identity.stored_secrets import suspend_secret, unseal_secret
from tests.fakes.identity_process import IdentityProcess

ACTOR = "uid:1000"


class Desk:
    """An administrator at work: every call must take and give JSON."""

    def __init__(self) -> None:
        self.identity = IdentityProcess()
        services = self.identity.services
        self.administration = Administration(
            services.records,
            services.keyring,
            services.hasher,
            services.clock,
            services.randomness,
            publications=frozenset({"mail"}),
            default_domain="CONTOSO",
            recent=services.recent,
            delays=services.delays,
        )

    async def __call__(self, method: str, **arguments):
        json.dumps(arguments)
        result = await getattr(self.administration, method)(actor=ACTOR, **arguments)
        json.dumps(result)
        return result

    async def refused(self, method: str, **arguments) -> AdministrationError:
        before = self.identity.records.tables
        with pytest.raises(AdministrationError) as caught:
            await self(method, **arguments)
        assert self.identity.records.tables == before, "a refused call changes nothing"
        return caught.value

    @property
    def scopes(self) -> list[RevocationScope]:
        return [r.scope for r in self.identity.records.tables.revocations]


@pytest.fixture
async def desk():
    desk = Desk()
    await desk(
        "account_add",
        account_user="alice",
        domain="CONTOSO",
        upn="alice@contoso.lab",
        display_name="Alice Adams",
    )
    await desk("account_add", account_user="bob", domain="CONTOSO", upn="bob@contoso.lab")
    return desk


async def pair(desk, account: str = "alice", device: str = "PHONE1") -> str:
    issued = await desk("app_password_issue", account=account)
    decision = await desk.identity.basic(issued["password"], login=f"CONTOSO\\{account}", device=device)
    assert decision.outcome is Outcome.ALLOW
    return issued["password"]


@pytest.mark.parametrize("name", ["alice", "ALICE@contoso.lab", "contoso\\Alice"])
async def test_an_account_is_named_in_any_form_and_shows_no_secret(desk, name):
    await pair(desk)
    shown = await desk("account_show", account=name)
    assert (shown["user"], shown["has_pin"]) == ("alice", False)
    assert len(shown["devices"]) == len(shown["app_passwords"]) == 1
    assert "pin_verifier" not in shown
    assert [row["user"] for row in await desk("account_list")] == ["alice", "bob"]


async def test_what_is_unknown_or_taken_or_malformed_is_said(desk):
    assert (await desk.refused("account_show", account="ghost")).kind == "not-found"
    assert (await desk.refused("account_add", account_user="Alice", domain="contoso")).kind == "refused"
    taken = await desk.refused("account_add", account_user="x", upn="ALICE@contoso.lab")
    assert (taken.kind, bool(taken.remedy)) == ("refused", True)
    for bad in ({"account_user": ""}, {"account_user": "a/b"}, {"account_user": "a", "domain": "x\\y"}):
        assert (await desk.refused("account_add", **bad)).kind == "usage"
    assert (await desk.refused("account_add", account_user="a", upn="no-at")).kind == "usage"


async def test_accounts_are_imported_row_by_row(desk):
    rows = [{"user": "carol", "domain": "CONTOSO"}, {"user": "alice", "domain": "CONTOSO"}, {"user": ""}]
    result = await desk("account_import", rows=rows)
    assert result["imported"] == 1
    assert [problem["row"] for problem in result["problems"]] == [2, 3]


async def test_disable_and_remove_revoke(desk):
    secret = await pair(desk)
    assert (await desk("account_disable", account="alice"))["state"] == "disabled"
    assert desk.scopes == [RevocationScope.ACCOUNT]
    assert (await desk.identity.basic(secret)).reason is Reason.ACCOUNT_DISABLED
    await desk("account_enable", account="alice")
    assert (await desk.identity.basic(secret)).outcome is Outcome.ALLOW
    await desk("account_remove", account="alice")
    assert desk.scopes == [RevocationScope.ACCOUNT, RevocationScope.ACCOUNT]
    assert (await desk.identity.basic(secret)).reason is Reason.ACCOUNT_UNKNOWN
    assert desk.identity.records.tables.partnerships == {}


async def test_pins_are_set_checked_and_cleared(desk):
    for weak in ("12345", "111111", "123456", "xxALICExx"):
        assert (await desk.refused("account_set_pin", account="alice", pin=weak)).kind == "refused"
    weak = await desk.refused("account_add", account_user="dave", pin="654321")
    assert weak.kind == "refused"
    assert (await desk("account_set_pin", account="alice", pin="blue-42-sky"))["has_pin"]
    assert not (await desk("account_set_pin", account="alice", pin=None))["has_pin"]
    added = await desk("account_add", account_user="dave", pin="blue-42-sky")
    assert added["has_pin"]


async def test_passwords_are_issued_listed_and_revoked(desk):
    issued = await desk("app_password_issue", account="alice", label="phone", expires_days=30)
    assert len(issued["password"]) == 29
    assert issued["channels"] == ["activesync", "autodiscover"]
    (row,) = await desk("app_password_list", account="alice")
    assert row["state"] == "fresh"
    assert "password" not in row
    await desk.identity.basic(issued["password"])
    (row,) = await desk("app_password_list", account="alice")
    assert (row["state"], row["bound_device_id"]) == ("live", "PHONE1")
    assert (await desk("app_password_revoke", account="alice", id=row["id"]))["changed"]
    assert not (await desk("app_password_revoke", account="alice", id=row["id"]))["changed"]
    assert desk.scopes == [RevocationScope.APP_PASSWORD]
    (row,) = await desk("app_password_list", account="alice")
    assert row["state"] == "revoked"
    assert (await desk.refused("app_password_revoke", account="bob", id=row["id"])).kind == "not-found"


async def test_password_orders_are_checked(desk):
    for bad in (
        {"profile": "fridge"},
        {"channels": ["pop3"]},
        {"label": "x" * 101},
        {"expires_days": 0},
        {"device_id": "../etc"},
    ):
        assert (await desk.refused("app_password_issue", account="alice", **bad)).kind == "usage"
    chosen = await desk("app_password_issue", account="alice", channels=["ews", "mapi"])
    assert chosen["channels"] == ["ews", "mapi"]


async def test_the_ninth_ntlm_password_is_refused_with_a_remedy(desk):
    for _ in range(8):
        last = await desk("app_password_issue", account="alice", ntlm=True)
    refused = await desk.refused("app_password_issue", account="alice", ntlm=True)
    assert refused.kind == "refused"
    assert "revoke" in refused.remedy
    await desk("app_password_revoke", account="alice", id=last["id"])
    assert (await desk("app_password_issue", account="alice", ntlm=True))["ntlm_allowed"]


async def test_a_password_for_a_named_device_serves_no_other(desk):
    issued = await desk("app_password_issue", account="alice", device_id="phone9")
    other = await desk.identity.basic(issued["password"], device="PHONE1")
    assert other.reason is Reason.APP_PASSWORD_OTHER_DEVICE
    assert (await desk.identity.basic(issued["password"], device="PHONE9")).outcome is Outcome.ALLOW


async def test_a_block_hits_one_account_unless_all_are_meant(desk):
    alice, bob = await pair(desk, "alice"), await pair(desk, "bob")
    blocked = await desk("device_block", account="alice", device_id="phone1", reason="lost")
    assert (blocked["state"], blocked["state_reason"]) == ("blocked", "lost")
    assert (await desk.identity.basic(alice)).reason is Reason.DEVICE_BLOCKED
    assert (await desk.identity.basic(bob, login="bob")).outcome is Outcome.ALLOW
    assert desk.scopes == [RevocationScope.PARTNERSHIP]

    assert (await desk("device_unblock", account="alice", device_id="PHONE1"))["state"] == "allowed"
    assert (await desk.identity.basic(alice)).outcome is Outcome.ALLOW
    assert (await desk.refused("device_unblock", account="alice", device_id="PHONE1")).kind == "refused"

    await desk("device_block", account="alice", device_id="PHONE1", all_accounts=True)
    assert desk.scopes[-1] is RevocationScope.DEVICE
    assert (await desk.identity.basic(bob, login="bob")).reason is Reason.DEVICE_BLOCKED
    assert (await desk.refused("device_approve", account="bob", device_id="PHONE1")).kind == "refused"
    assert desk.identity.audit_events.count("identity:device:blocked") == 3


async def test_a_removed_device_needs_a_new_password(desk):
    secret = await pair(desk)
    await desk("device_remove", account="alice", device_id="PHONE1")
    assert (await desk.identity.basic(secret)).reason is Reason.DEVICE_UNKNOWN
    assert (await desk.refused("device_show", account="alice", device_id="PHONE1")).kind == "not-found"
    await pair(desk)


async def test_devices_are_listed_by_account_and_state(desk):
    await pair(desk, "alice")
    await pair(desk, "bob", "PHONE2")
    await desk("device_block", account="bob", device_id="PHONE2")
    assert [row["account"] for row in await desk("device_list")] == ["alice@contoso.lab", "bob@contoso.lab"]
    assert [row["device_id"] for row in await desk("device_list", state="blocked")] == ["PHONE2"]
    assert await desk("device_list", account="alice", state="blocked") == []
    assert (await desk.refused("device_list", state="happy")).kind == "usage"
    assert (await desk("device_show", account="bob", device_id="phone2"))["state"] == "blocked"


EXCHANGE_ROW = {
    "PSComputerName": "mail",
    "Identity": "contoso.lab/Users/Alice Adams/ExchangeActiveSyncDevices/iPhone§APPL1",
    "DeviceId": "appl1",
    "DeviceType": "iPhone",
    "DeviceModel": "iPhone12C1",
    "DeviceOS": "iOS 17.1",
    "FriendlyName": "Alice's phone",
    "UserDisplayName": "contoso.lab/Users/Alice Adams",
    "DeviceUserAgent": "Apple-iPhone12C1/1801.373",
    "FirstSyncTime": "1/31/2026 8:05:00 AM",
    "DeviceAccessState": "Allowed",
}


async def test_exchanges_own_list_is_imported_and_its_problems_reported(desk):
    rows = [
        EXCHANGE_ROW,
        {**EXCHANGE_ROW, "UserDisplayName": "contoso.lab/Users/Nobody"},
        {**EXCHANGE_ROW, "DeviceId": "a b"},
        {**EXCHANGE_ROW, "DeviceId": "X2", "DeviceAccessState": "Happy"},
        {**EXCHANGE_ROW, "DeviceId": "X3", "FirstSyncTime": "yesterday"},
        {**EXCHANGE_ROW, "DeviceId": ""},
        {"DeviceId": "X4"},
        {**EXCHANGE_ROW, "DeviceId": "X5", "FriendlyName": "x" * 257},
        {**EXCHANGE_ROW, "DeviceId": "X6", "DeviceAccessState": "Blocked"},
    ]
    result = await desk("device_import", rows=rows)
    assert (result["imported"], result["updated"]) == (2, 0)
    assert [problem["row"] for problem in result["problems"]] == [2, 3, 4, 5, 6, 7, 8]
    shown = await desk("device_show", account="alice", device_id="APPL1")
    assert (shown["os"], shown["first_seen_at"]) == ("iOS 17.1", "2026-01-31T08:05:00+00:00")
    assert (await desk("device_show", account="alice", device_id="X6"))["state"] == "blocked"

    again = await desk("device_import", rows=[EXCHANGE_ROW], state="blocked")
    assert (again["imported"], again["updated"]) == (0, 1)
    assert desk.scopes == [RevocationScope.PARTNERSHIP]


async def test_an_ambiguous_name_in_a_row_is_reported(desk):
    await desk("account_add", account_user="aa", display_name="Alice Adams")
    result = await desk("device_import", rows=[EXCHANGE_ROW])
    assert "2 accounts" in result["problems"][0]["problem"]


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


@settings(max_examples=40, deadline=None)
@given(
    device_id=st.from_regex(r"[A-Z0-9]{1,32}", fullmatch=True),
    state=st.sampled_from(PartnershipState),
    texts=st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT),
    age=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3000)),
)
def test_export_and_import_are_a_round_trip(device_id, state, texts, age):
    async def round_trip():
        desk = Desk()
        await desk("account_add", account_user="alice", domain="CONTOSO")
        seen = (desk.identity.clock.now() - age).isoformat()
        names = ("device_type", "model", "os", "friendly_name", "user_agent")
        row = {"account": "CONTOSO\\alice", "device_id": device_id, "state": state.value}
        row |= dict(zip(names, texts, strict=True)) | {"first_seen_at": seen, "last_seen_at": seen}
        row |= {"last_source": "", "state_reason": ""}
        assert (await desk("device_import", rows=[row]))["problems"] == []
        exported = await desk("device_export")
        assert exported == [row]
        assert (await desk("device_import", rows=exported))["updated"] == 0

    asyncio.run(round_trip())


async def test_windows_are_opened_for_minutes(desk):
    window = await desk("window_open", account="alice", minutes=5)
    assert window["closes_at"] == "2026-03-02T09:05:00+00:00"
    for bad in (0, 1441):
        assert (await desk.refused("window_open", account="alice", minutes=bad)).kind == "usage"


async def test_counters_are_listed_and_cleared(desk):
    async def fail():
        def work(repositories):
            for kind, scope in (
                (CounterKind.ACCOUNT, "1"),
                (CounterKind.ACCOUNT_SOURCE, "1:192.0.2.1"),
                (CounterKind.SOURCE, "192.0.2.1"),
                (CounterKind.ACCOUNT, "2"),
            ):
                repositories.counters.increment(
                    kind, scope, now=desk.identity.clock.now(), window_seconds=900
                )

        await desk.identity.records.write(work)

    await fail()
    assert len(await desk("counter_list")) == 4
    assert await desk("counter_clear", account="alice") == {"cleared": 2}
    await fail()
    assert await desk("counter_clear", source="192.0.2.1") == {"cleared": 2}
    assert await desk("counter_clear", everything=True) == {"cleared": 2}
    assert await desk("counter_list") == []
    assert (await desk.refused("counter_clear")).kind == "usage"
    assert (await desk.refused("counter_clear", account="alice", everything=True)).kind == "usage"
    assert (await desk.refused("counter_clear", source="here")).kind == "usage"


async def test_stored_secrets_are_sealed_and_suspended_once(desk):
    arguments = {"account": "alice", "publication": "mail", "user_name": "", "password": "behind"}
    stored = await desk("secret_set", **arguments)
    assert (stored["user_name"], stored["state"]) == ("alice", "active")
    records = desk.identity.records
    (secret,) = records.tables.secrets.values()
    assert b"behind" not in secret.sealed
    assert unseal_secret(desk.identity.keyring, secret) == "behind"
    account = records.tables.accounts[secret.account_id]
    now = desk.identity.clock.now()
    suspended = [
        await records.write(lambda r: suspend_secret(r, account, "mail", now=now, actor="gateway"))
        for _ in range(2)
    ]
    assert suspended == [True, False]
    assert (await desk("secret_list"))[0]["state"] == SecretState.SUSPENDED.value
    assert (await desk("secret_set", **arguments))["state"] == "active"
    await desk("secret_remove", account="alice", publication="mail")
    gone = await desk.refused("secret_remove", account="alice", publication="mail")
    assert gone.kind == "not-found"
    assert (await desk.refused("secret_set", **{**arguments, "publication": "mial"})).kind == "not-found"
    assert (await desk.refused("secret_set", **{**arguments, "password": ""})).kind == "usage"
    assert set(desk.scopes) == {RevocationScope.STORED_SECRET}


async def test_the_trail_is_shown_newest_last_and_verified(desk):
    secret = await pair(desk)
    await desk.identity.basic(secret)
    shown = await desk("audit_show", limit=2)
    assert [row["event"] for row in shown][-1] == "decision:access:allowed"
    assert len(shown) == 2
    added = await desk("audit_show", event="identity:account:added")
    assert [row["subject"] for row in added] == ["alice@contoso.lab", "bob@contoso.lab"]
    assert (await desk.refused("audit_show", event="x")).kind == "usage"
    assert (await desk.refused("audit_show", limit=0)).kind == "usage"
    assert (await desk("audit_verify", checkpoints=[]))["ok"]
    (chain,) = await desk("audit_chains")
    exported = await desk("audit_export", chain=chain, after=0, limit=3)
    assert [row["sequence"] for row in exported] == [1, 2, 3]
    assert desk.identity.audit_events[-1] == "audit:trail:exported"


async def test_a_cut_trail_and_a_broken_checkpoint_are_found(desk):
    tables = desk.identity.records.tables
    newest = tables.audit[-1]
    now = desk.identity.clock.now()
    line = encode_checkpoint(
        issue_checkpoint(desk.identity.keyring, newest.chain, newest.sequence, newest.mac, now)
    )
    assert (await desk("audit_verify", checkpoints=[line]))["ok"]
    del tables.audit[-1]
    result = await desk("audit_verify", checkpoints=[line, "rubbish"])
    assert not result["ok"]
    assert len(result["findings"]) == 2


async def test_explain_knows_what_is_stored_and_what_still_waits(desk):
    secret = await pair(desk)
    allowed = desk.identity.request(BasicCredential("alice", secret))
    await desk.identity.pipeline.evaluate(allowed)
    assert (await desk("explain", request_id=allowed.request_id))["reason"] == "allowed"
    refused = desk.identity.request(BasicCredential("alice", "wrong"))
    await desk.identity.pipeline.evaluate(refused)
    told = await desk("explain", request_id=refused.request_id)
    assert told["reason"] == "credential-wrong"
    assert [stage["stage"] for stage in told["stages"]] == ["rule", "source", "credential"]
    assert (await desk.refused("explain", request_id="none")).kind == "not-found"


async def test_a_revoked_node_tells_what_it_saw(desk):
    await pair(desk)
    await desk.identity.records.write(lambda r: r.nodes.seen("local", "01", desk.identity.clock.now()))
    assert len(await desk("node_list")) == 1
    told = await desk("node_revoke", name="local")
    assert told["certificates"] == 1
    assert [(row["account"], row["uses"]) for row in told["saw"]] == [("alice@contoso.lab", 1)]
    assert desk.scopes == [RevocationScope.NODE]
    assert (await desk.refused("node_revoke", name="dmz9")).kind == "not-found"
    status = await desk("status")
    assert (status["accounts"], status["epoch"], status["nodes"]) == (2, 1, 1)
