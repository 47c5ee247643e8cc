"""A phone with a stale password: one line, a count, and nobody locked out."""

from __future__ import annotations

from tests.door import ask, connection, send

TIMES = 200


def test_the_same_wrong_secret_locks_nothing_and_floods_nothing(person):
    person.call("account_set_pin", account=person.name, pin="correct horse battery")
    with connection(person.site) as client:
        for _ in range(TIMES):
            answer = send(client, person.name, "last year's horse", device=person.device)
            assert answer.status == 401
    lines = person.site.wait_for_log_line(f"login={person.name} ", "reason=credential-wrong")
    assert len(lines) == 1
    assert person.call("counter_list") == [] or all(
        counter["failures"] <= 1 for counter in person.call("counter_list")
    )
    right = ask(person.site, person.name, "correct horse battery", device=person.device, version="14.1")
    assert right.status == 200
    person.site.process.terminate()
    person.site.process.wait(20)
    told = person.site.wait_for_log_line(
        f"login={person.name} ", "reason=credential-wrong", f"repeats={TIMES - 1}"
    )
    assert len(told) == 1, "what was counted is told before the end"
