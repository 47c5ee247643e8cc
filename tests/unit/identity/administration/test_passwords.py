from __future__ import annotations

from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason
from handfast.identity.records import RevocationScope


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
