"""Every known way to reach what is not published, before and after sign-in: refused, and no server hears of it."""

from __future__ import annotations

import contextlib
import http.client
from collections import deque
from collections.abc import Iterable
from typing import Any

import pytest

from handfast.decision.rules.exchange import EXCHANGE_RULES
from handfast.decision.rules.path_rule import QueryShape
from handfast.decision.rules.query_shapes import match_query
from handfast.protocols.activesync.query import parse_query
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.target import parse_target
from tests.door import Answer, ask, connection, send
from tests.integration.exchange_rules.attacks import FORMS, HOST, Attack, mutations
from tests.integration.exchange_rules.conftest import Published
from tests.servers.processes import wait_until

ATTACKS = tuple(mutations())
REFUSED = {400, 403, 404, 405, 415, 501}
"""Not 401: none of these is worth a password. Not 5xx: none of them reaches anything that could fail."""


def attack_all(published: Published, attacks: Iterable[Attack], *login: str) -> list[tuple[Attack, Answer]]:
    """Each answered, on connections kept as long as they last."""
    answers = []
    with contextlib.ExitStack() as stack:
        door = stack.enter_context(connection(published.site))
        for attack in attacks:
            try:
                answer = _send(door, attack, *login)
            except (http.client.HTTPException, ConnectionError):
                door = stack.enter_context(connection(published.site))
                answer = _send(door, attack, *login)
            if answer.headers.get("connection") == "close":
                door = stack.enter_context(connection(published.site))
            answers.append((attack, answer))
    return answers


def _send(door: http.client.HTTPConnection, attack: Attack, *login: str) -> Answer:
    return send(
        door,
        *login,
        method=attack.method,
        target=attack.target,
        headers=attack.headers,
        agent="python-requests/2.25.1",
    )


def test_there_are_many_and_no_two_alike():
    assert len(ATTACKS) >= 500
    assert len({(attack.method, attack.target) for attack in ATTACKS}) == len(ATTACKS)
    assert all(attack.source for attack in ATTACKS)


@pytest.mark.parametrize("signed_in", [False, True], ids=["before sign-in", "after sign-in"])
def test_all_are_refused_and_no_server_hears_of_them(published: Published, signed_in):
    login = ("alice", published.passwords["alice"]) if signed_in else ()
    if signed_in:
        assert ask(published.site, *login, user="alice").status == 200, "the credential itself is good"
    published.server.clear()
    answers = attack_all(published, ATTACKS, *login)
    assert len(answers) == len(ATTACKS)
    passed = [f"{answer.status} {attack}" for attack, answer in answers if answer.status not in REFUSED]
    assert passed == []
    assert published.server.heads == []
    # Who scans learns no names: neither of rules nor of anything inside.
    told = b" ".join({answer.body for _, answer in answers})
    for word in (b"proxy", b"rule", b"127.0.0.1", b"MSRC", b"CVE"):
        assert word not in told


def test_the_log_names_the_rule_of_each_published_form(published: Published):
    answers = attack_all(published, FORMS)
    lines = logged(published, answers)
    for attack, answer in answers:
        line = lines[answer.request_id]
        assert rule_of(line) == attack.rule, f"{attack}: {line}"
        assert " publication=mail " in line
        assert " outcome=deny " in line


def test_nearly_every_mutation_is_named_too(published: Published):
    """Naming is for the log alone; this keeps it worth reading."""
    answers = attack_all(published, ATTACKS)
    lines = logged(published, answers)
    unnamed = [attack for attack, answer in answers if rule_of(lines[answer.request_id]) == "-"]
    assert len(unnamed) < len(ATTACKS) * 0.01, unnamed


def logged(published: Published, answers: list[tuple[Attack, Answer]]) -> dict[str, str]:
    """The line of each request, by its id. A refusal is written at once, and the log is read once."""
    last = answers[-1][1].request_id
    wait_until(lambda: bool(published.site.log_lines(f"request={last}")), "the last is logged")
    lines = published.site.log_lines("handfast decision")
    return {line.rpartition(" request=")[2].partition(" ")[0]: line for line in lines}


def rule_of(line: str) -> str:
    return line.rpartition(" rule=")[2].split()[0]


def test_explain_tells_which_rule_and_why(published: Published):
    told: dict[str, Any] = {}
    asked: deque[str] = deque(maxlen=20)

    def is_known() -> bool:
        # Gateways report within a second; of the many kinds of a flood, as other tests make one, they report some alone.
        asked.append(ask(published.site, method="GET", target="/ecp/y.js").request_id)
        with contextlib.suppress(AssertionError):
            told.update(published.site.cli("explain", asked[0]))
        return bool(told)

    wait_until(is_known, "identity was told")
    assert told["reason"] == "path-denied"
    [stage] = told["stages"]
    assert stage["rule"] == "proxylogon-static-file"
    assert "CVE-2021-26855" in stage["detail"]


def passes_by_default(attack: Attack) -> bool:
    """Whether path, method and query rules alone would let it through to a server."""
    try:
        target = parse_target(attack.target.encode(), HOST.encode())
        rule = next((rule for rule in EXCHANGE_RULES if rule.matches(target.path)), None)
        if rule is None or rule.own_answer is not None or attack.method not in rule.methods:
            return False
        if rule.query is QueryShape.ACTIVESYNC:
            return bool(parse_query(target.query or b"", method=attack.method))
        return match_query(rule.query, target.query or b"") is not None
    except MalformedMessage:
        return False


def test_nothing_depends_on_the_named_rules():
    assert [str(attack) for attack in ATTACKS if passes_by_default(attack)] == []


ROUTED = "X-BEResource=localhost~1942062522; X-AnonResource-Backend=localhost/ecp/default.flt?~3; X-BackEndCookie=s=u56"


def test_what_would_choose_a_server_does_not_pass_on_a_published_path_either(published: Published):
    published.server.clear()
    answer = ask(
        published.site,
        "alice",
        published.passwords["alice"],
        method="GET",
        target="/EWS/Exchange.asmx",
        headers={"Cookie": f"{ROUTED}; exchangecookie=1", "X-AnchorMailbox": "Admin@mbx:444/ecp#", "X-BEResource": "a",
                 "msExchLogonMailbox": "S-1-5-20", "X-OWA-ExplicitLogonUser": "owa/a@b", "X-Original-URL": "/ecp/y.js",
                 "X-Rewrite-URL": "/powershell"},
    )  # fmt: skip
    assert answer.status == 200
    [head] = published.server.heads
    lower = head.lower()
    for word in (b"beresource", b"anonresource", b"backendcookie", b"anchormailbox", b"explicitlogon", b"msexch", b"original-url",
                 b"rewrite-url"):  # fmt: skip
        assert word not in lower, head
    assert b"exchangecookie=1" in lower
