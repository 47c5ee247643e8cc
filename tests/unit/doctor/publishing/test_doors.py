"""What each answer before sign-in means for a client."""

import pytest

from handfast.doctor.publishing import doors
from handfast.doctor.publishing.questions import (
    AUTODISCOVER,
    ask_json,
    ask_mapi,
    ask_options,
)
from handfast.doctor.publishing.visit import Ask, Seen
from tests.unit.doctor.publishing.scripted import (
    CHALLENGE,
    FINDER,
    HOST,
    finding,
    place,
)

HERE = place()


def test_silence():
    step = doors.read_silence(HERE, HOST, Seen(problem="Connection refused"))
    assert (finding(step), step.answer) == ("unreachable", "Connection refused")


@pytest.mark.parametrize(
    ("hosts", "domains", "said"),
    [
        ((HOST, FINDER), (), ""),
        ((HOST, FINDER), ("example.com",), ""),
        ((HOST,), (), "none of its `hosts`"),
        ((HOST, FINDER), ("example.com", "example.org"), "autodiscover.example.org is not"),
    ],
)
def test_where_autodiscover_is_looked_for(hosts, domains, said):
    steps = list(doors.read_finders(place(hosts=hosts, mail_domains=domains)))
    assert [finding(step) for step in steps] == ["autodiscover-host"] * bool(said)
    assert all(said in step.finding.what for step in steps)


@pytest.mark.parametrize(
    ("client", "seen", "found", "effect"),
    [
        ("phone", CHALLENGE, None, "signs in"),
        ("Outlook", Seen(401, {"www-authenticate": "NTLM"}), None, "signs in"),
        ("phone", Seen(401, {"www-authenticate": "NTLM"}), "door", "asks for the password again and again"),
        ("Outlook", Seen(401), "door", "asks for the password again and again"),
        ("phone", Seen(404), "door", "says that the account can't be set up"),
        ("phone", Seen(403), "door", "says that the account can't be set up"),
        ("phone", Seen(503), "door", "tries again later"),
        ("phone", Seen(problem="timed out"), "door", "tries again later"),
        ("phone", Seen(200), "door", "tries again later"),
    ],
)
def test_doors(client, seen, found, effect):
    step = doors.read_door(HERE, client, ask_options(HOST), seen)
    assert (finding(step), step.effect) == (found, effect)


@pytest.mark.parametrize(
    ("client", "is_exchange", "setting"),
    [("phone", True, "`activesync_auth`"), ("phone", False, "`auth`"), ("Outlook", True, "`auth`")],
)
def test_the_setting_that_offers_basic(client, is_exchange, setting):
    step = doors.read_door(place(is_exchange=is_exchange), client, ask_options(HOST), Seen(401))
    assert setting in step.finding.remedy


def test_the_query_of_a_question_is_not_shown():
    step = doors.read_door(HERE, "Outlook", ask_mapi(HOST), CHALLENGE)
    assert step.asked == f"POST https://{HOST}/mapi/emsmdb/"


@pytest.mark.parametrize(
    ("seen", "answer", "found"),
    [
        (Seen(200, {}, b'{"Url": "https://mail.example.com/x"}'), "https://mail.example.com/x", None),
        (Seen(200, {}, b'{"Url": "https://ex01.corp.internal/x"}'), "https://ex01.corp.internal/x", "json"),
        (Seen(200, {}, b'{"Url": "http://mail.example.com/x"}'), "http://mail.example.com/x", "json"),
        (Seen(200, {}, b'{"Url": "https://[mail/x"}'), "https://[mail/x", "json"),
        (Seen(200, {}, b'{"Url": 1}'), "200", "json"),
        (Seen(200, {}, b"[]"), "200", "json"),
        (Seen(200, {}, b"{"), "200", "json"),
        (Seen(200, {}, b"[" * 100_000), "200", "json"),
        (Seen(404, {}, b'{"Url": "https://mail.example.com/x"}'), "404", "json"),
        (Seen(problem="timed out"), "timed out", "json"),
    ],
)
def test_what_is_told_before_sign_in(seen, answer, found):
    step = doors.read_json(HERE, "Ews", ask_json(FINDER, "Ews"), seen)
    assert (step.answer, finding(step)) == (answer, found)


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (Seen(302, {"location": f"https://{FINDER}/autodiscover/autodiscover.xml"}), None),
        (Seen(301, {"location": f"https://{HOST}/autodiscover/autodiscover.xml"}), None),
        (Seen(302, {"location": f"http://{FINDER}/autodiscover/autodiscover.xml"}), "redirect"),
        (Seen(302, {"location": "https://ex01.corp.internal/"}), "redirect"),
        (Seen(302), "redirect"),
        (Seen(302, {"location": "https://[x"}), "redirect"),
        (Seen(302, {"location": "/autodiscover/autodiscover.xml"}), "redirect"),
        (Seen(401, {"www-authenticate": "Basic"}), "redirect"),
        (Seen(problem="Connection refused"), "redirect"),
    ],
)
def test_redirects(seen, found):
    assert finding(doors.read_redirect(HERE, Ask("GET", FINDER, AUTODISCOVER), seen)) == found


@pytest.mark.parametrize(
    ("seen", "found"),
    [(Seen(status), None) for status in (400, 403, 404, 405)]
    + [(Seen(status), "closed-path") for status in (200, 302, 401, 500)]
    + [(Seen(problem="timed out"), "closed-path")],
)
def test_closed_paths(seen, found):
    assert finding(doors.read_closed(HERE, Ask("GET", HOST, "/PowerShell"), seen)) == found
