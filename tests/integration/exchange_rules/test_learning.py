"""Learn mode lets nothing through: it says once, and then by tens, what real clients were refused."""

from __future__ import annotations

from tests.door import ask
from tests.integration.exchange_rules.conftest import Published
from tests.servers.processes import wait_until


def lessons(published: Published, *words: str) -> list[str]:
    return published.site.log_lines("learning mail:", *words)


def test_what_application_rules_refuse_is_collected_and_stays_refused(published: Published):
    published.server.clear()
    for number in range(12):
        answer = ask(
            published.site,
            "alice",
            published.passwords["alice"],
            method="GET",
            target=f"/newthing/person{number}@contoso.lab/list?secret=hunter2",
            agent="NewClient/1.0",
        )
        assert answer.status == 404
    assert published.server.heads == []
    wait_until(lambda: len(lessons(published, "/newthing/{mail}/list")) >= 2, "first and tenth are told")
    first, tenth = lessons(published, "/newthing/{mail}/list")
    assert "reason=unknown-path" in first
    assert "count=1 " in first
    assert "count=10 with_credentials=10" in tenth
    assert "NewClient/1.0" in first
    assert "sample='/newthing/person0@contoso.lab/list?secret'" in first
    assert "hunter2" not in "".join(lessons(published))


def test_a_published_path_with_another_query_or_method_names_its_rule(published: Published):
    assert ask(published.site, method="POST", target="/EWS/Exchange.asmx?odd=1").status == 404
    assert ask(published.site, method="DELETE", target="/EWS/Exchange.asmx").status == 405
    wait_until(lambda: bool(lessons(published, "reason=query-refused", "rule=ews")), "the query is told")
    wait_until(lambda: bool(lessons(published, "reason=method-refused", "DELETE")), "the method is told")


def test_named_refusals_and_broken_messages_teach_nothing(published: Published):
    before = len(lessons(published))
    assert ask(published.site, target="/ecp/learnt.js").status == 404
    assert ask(published.site, target="/a/../b").status in (400, 404)
    done = ask(published.site, target="/Microsoft-Server-ActiveSync/Proxy")
    wait_until(lambda: bool(published.site.log_lines(f"request={done.request_id}")), "the last is logged")
    assert len(lessons(published)) == before
