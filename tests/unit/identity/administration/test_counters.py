from __future__ import annotations

from handfast.identity.records import CounterKind


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


async def test_nothing_lifts_what_the_domain_still_counts(desk):
    """A fresh start here would let the next guesses through, and they would lock the account in the domain."""
    kept = {CounterKind.DOMAIN: "1", CounterKind.DOMAIN_WRONG: "1:ab12", CounterKind.DOMAIN_TRYING: "1:ab12"}

    def work(repositories):
        for kind, scope in {**kept, CounterKind.ACCOUNT: "1"}.items():
            repositories.counters.increment(kind, scope, now=desk.identity.clock.now(), window_seconds=900)

    for call in (
        lambda: desk("counter_clear", account="alice"),
        lambda: desk("counter_clear", source="192.0.2.1"),
        lambda: desk("counter_clear", everything=True),
        lambda: desk("account_set_pin", account="alice", pin="blue-42-wood"),
        lambda: desk("account_disable", account="alice"),
        lambda: desk("account_enable", account="alice"),
    ):
        await desk.identity.records.write(work)
        await call()
        left = {one["kind"]: one["scope"] for one in await desk("counter_list")}
        assert left.items() >= {kind.value: scope for kind, scope in kept.items()}.items()
