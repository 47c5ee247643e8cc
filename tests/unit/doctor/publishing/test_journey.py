"""The order of a client's steps, and where it ends."""

import pytest

from handfast.doctor.publishing.journey import follow_redirect, walk
from handfast.doctor.publishing.questions import Login
from handfast.doctor.publishing.visit import Seen
from tests.fakes.doctor_world import NOW
from tests.unit.doctor.publishing.scripted import CHALLENGE, FINDER, HOST, LOGIN, Gateway, issue, place, shown

EAS, XML, EWS = "/Microsoft-Server-ActiveSync", "/autodiscover/autodiscover.xml", "/EWS/Exchange.asmx"


def steps(gateway, where=None, login=None):
    walked = walk(where or place(), gateway.ask, now=NOW, login=login, explain=lambda _: None)
    return list(walked)


def findings(gateway, login=None):
    return {str(one.finding.id) for one in steps(gateway, login=login) if one.finding}


def test_without_a_login_every_door_is_tried_and_none_opened():
    gateway = Gateway()
    asked = [(one.client, one.asked) for one in steps(gateway)]
    assert asked == [
        ("all", f"TLS as {HOST}"),
        ("all", f"TLS as {FINDER}"),
        ("Outlook mobile", f"GET https://{FINDER}/autodiscover/autodiscover.json (ActiveSync)"),
        ("Outlook mobile", f"GET https://{FINDER}/autodiscover/autodiscover.json (Ews)"),
        ("phone, Outlook", f"POST https://{FINDER}{XML}"),
        ("phone", f"OPTIONS https://{HOST}{EAS}"),
        ("Outlook for Mac", f"POST https://{HOST}{EWS}"),
        ("Outlook", f"POST https://{HOST}/mapi/emsmdb/"),
        ("attacker", f"GET https://{HOST}/PowerShell"),
        ("attacker", f"GET https://{HOST}/ecp/DDI/DDIService.svc"),
        ("attacker", f"GET https://{HOST}/rpc/rpcproxy.dll"),
        ("attacker", f"GET https://{HOST}/api/v2.0/me"),
    ]
    assert findings(gateway) == set()
    assert not any(one.is_secret for one in gateway.asked)


def test_a_publication_of_activesync_alone_has_a_phone_s_steps():
    where = place(is_exchange=False, hosts=(HOST,))
    walked = steps(Gateway(), where, LOGIN)
    assert [one.client for one in walked] == ["all", "phone", *["attacker"] * 4, "phone"]
    assert walked[-1].effect == "synchronises"


def test_where_nobody_answers_there_is_nothing_more_to_ask():
    gateway = Gateway({(EAS, False): Seen(problem="Connection refused")})
    assert findings(gateway) == {"client-unreachable"}
    assert len(gateway.asked) == 1


def test_a_listener_without_tls_is_asked_all_the_same():
    gateway = Gateway({(EAS, False): CHALLENGE})
    assert findings(gateway) == set()
    assert len(steps(gateway)) > 10


def signed(gateway, login=LOGIN):
    return [(one.client, one.asked.removesuffix(", signed in").split(" ")[0], one.effect)
            for one in steps(gateway, login=login) if "signed in" in one.asked]  # fmt: skip


def test_a_password_that_opens_everything():
    assert signed(Gateway()) == [
        ("phone", "POST", "sets itself up"),
        ("Outlook", "POST", "sets itself up"),
        ("phone", "OPTIONS", "synchronises"),
        ("Outlook for Mac", "POST", "reads the mailbox"),
    ]


def test_a_phone_s_password():
    gateway = Gateway({(EWS, True): Seen(403)})
    assert findings(gateway, LOGIN) == set()
    assert signed(gateway) == [
        ("phone", "POST", "sets itself up"),
        ("phone", "OPTIONS", "synchronises"),
        ("Outlook for Mac", "POST", "needs a password of its own profile"),
    ]


def test_outlook_s_password():
    gateway = Gateway({(EAS, True): Seen(403)})
    assert findings(gateway, LOGIN) == set()
    assert signed(gateway) == [
        ("Outlook", "POST", "sets itself up"),
        ("phone", "OPTIONS", "needs a password of its own profile"),
        ("Outlook for Mac", "POST", "reads the mailbox"),
    ]


@pytest.mark.parametrize("answer", [Seen(401), Seen(problem="timed out"), Seen(distrust="Hostname mismatch")])
def test_a_password_that_is_wrong_or_was_not_sent_is_tried_once(answer):
    gateway = Gateway({(EAS, True): answer})
    assert len(signed(gateway)) == 1
    assert sum(one.is_secret for one in gateway.asked) == 1


def test_a_password_that_opens_nothing():
    gateway = Gateway({(EAS, True): Seen(403), (EWS, True): Seen(403)})
    assert findings(gateway, LOGIN) == {"client-sign-in"}
    assert len(signed(gateway)) == 4


def test_without_an_address_autodiscover_is_not_asked():
    gateway = Gateway()
    walked = steps(gateway, login=Login("CONTOSO\\alice", "secret"))
    assert [one.effect for one in walked if one.answer == "not asked"] == ["name a mail address: --mail"] * 2
    assert not any(one.is_secret and one.path == XML for one in gateway.asked)


def test_the_redirect_is_all_that_is_asked_without_tls():
    to = Seen(302, {"location": f"https://{FINDER}{XML}"})
    gateway = Gateway({(XML, False): to})
    [step] = follow_redirect(place(), gateway.ask)
    assert step.finding is None
    assert [(one.method, one.host, one.path) for one in gateway.asked] == [("GET", FINDER, XML)]


def test_each_name_s_own_certificate_is_looked_at():
    gateway = Gateway({(EAS, False): shown(issue(FINDER), headers=CHALLENGE.headers)})
    assert findings(gateway) == {"client-certificate-name"}
