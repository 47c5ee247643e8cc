"""EWS by its bodies, through a whole installation: abuses stay outside and have their name in the log, clients' requests pass."""

from __future__ import annotations

import re

import pytest

from tests.door import Answer, ask
from tests.integration.exchange_rules.attacks import FORMS
from tests.integration.exchange_rules.bodies import ABUSES, REQUESTS, Body
from tests.integration.exchange_rules.clients import SAMPLES
from tests.integration.exchange_rules.conftest import Published


def asked(published: Published, body: Body) -> Answer:
    published.server.clear()
    return ask(
        published.site,
        "alice",
        published.passwords["alice"],
        target="/EWS/Exchange.asmx",
        headers={"Content-Type": "text/xml; charset=utf-8"},
        body=body.encode(),
    )


@pytest.mark.parametrize("abuse", ABUSES, ids=str)
def test_what_makes_a_server_act_beyond_the_mailbox_stays_outside(published: Published, abuse: Body):
    answer = asked(published, abuse)
    assert answer.status == 403
    assert published.server.heads == []
    [line] = published.site.wait_for_log_line("handfast decision", f"request={answer.request_id}")
    assert " reason=ews-request-refused " in line
    assert line.rpartition(" rule=")[2].split()[0] == abuse.rule
    assert b"ews-" not in answer.body, "who scans learns no names"


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_what_clients_ask_for_passes(published: Published, request_: Body):
    assert asked(published, request_).status == 200
    assert published.server.targets() == ["POST /EWS/Exchange.asmx"]


SOURCE = re.compile(
    r"https://|learn\.microsoft\.com/|(?:github\.com|gitlab\.gnome\.org)/[\w.-]+/[\w.-]+ \S+\.\w+|MS-[A-Z]+ \d|RFC \d+ \d|WS-\w+ [\d.]+ core \d|not looked up|is lost"
)


@pytest.mark.parametrize("cited", [*FORMS, *SAMPLES, *ABUSES, *REQUESTS], ids=str)
def test_each_names_a_page_a_section_or_a_path_in_a_repository(cited):
    assert SOURCE.search(cited.source), cited.source
