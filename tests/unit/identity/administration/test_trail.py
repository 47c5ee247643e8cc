from __future__ import annotations

from handfast.decision.access import BasicCredential
from handfast.identity.checkpoints import encode_checkpoint, issue_checkpoint
from handfast.identity.records import RevocationScope


async def test_the_trail_is_shown_newest_last_and_verified(desk):
    secret = await desk.pair()
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
    secret = await desk.pair()
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
    await desk.pair()
    await desk.identity.records.write(lambda r: r.nodes.seen("local", "01", desk.identity.clock.now()))
    assert len(await desk("node_list")) == 1
    told = await desk("node_revoke", name="local")
    assert told["certificates"] == 1
    assert [(row["account"], row["uses"]) for row in told["saw"]] == [("alice@contoso.lab", 1)]
    assert desk.scopes == [RevocationScope.NODE]
    assert (await desk.refused("node_revoke", name="dmz9")).kind == "not-found"
    status = await desk("status")
    assert (status["accounts"], status["epoch"], status["nodes"]) == (2, 1, 1)
    assert status["directory_unreadable"] == 0
    assert (await desk("node_revoke", name="dmz9", unseen=True))["certificates"] == 0
    assert await desk.identity.records.read(lambda r: r.nodes.is_revoked("dmz9", "02"))


async def test_the_second_page_of_an_export_is_not_audited_again(desk):
    (chain,) = await desk("audit_chains")
    await desk("audit_export", chain=chain, after=0, limit=1)
    rows = await desk("audit_export", chain=chain, after=1, limit=100)
    assert rows[0]["sequence"] == 2
    assert desk.identity.audit_events.count("audit:trail:exported") == 1
