"""What clients ask: well-formed, and a secret only where somebody signs in."""

import pytest

from handfast.doctor.publishing import questions
from handfast.doctor.publishing.questions import Login
from handfast.protocols.autodiscover.json_query import parse_json_query
from handfast.protocols.autodiscover.pox_request import parse_pox_request
from handfast.protocols.autodiscover.schemas import PoxSchema

LOGIN = Login("alice", "päss:word", "alice&bob@example.com")
HOST = "mail.example.com"


def test_a_login_keeps_its_password_to_itself():
    assert "word" not in repr(LOGIN)
    assert LOGIN.authorization == "Basic YWxpY2U6cMOkc3M6d29yZA=="


@pytest.mark.parametrize("schema", list(PoxSchema))
def test_autodiscover_is_asked_as_our_own_parser_reads_it(schema):
    asked = questions.ask_autodiscover(HOST, LOGIN.address, schema)
    read = parse_pox_request(asked.body)
    assert read.address == LOGIN.address
    assert (read.asked_in, read.acceptable) == (schema, schema)


def test_json_is_asked_as_our_own_parser_reads_it():
    path, _, query = questions.ask_json(HOST, "Ews").path.partition("?")
    read = parse_json_query(path, query)
    assert (read.address, read.protocol) == (questions.NOBODY, "Ews")


def test_only_those_who_sign_in_send_a_secret():
    by_anybody = [
        questions.ask_options(HOST),
        questions.ask_autodiscover(HOST, questions.NOBODY, PoxSchema.OUTLOOK),
        questions.ask_ews(HOST),
        questions.ask_mapi(HOST),
        questions.ask_json(HOST, "Ews"),
    ]
    signed = [
        questions.ask_options(HOST, LOGIN),
        questions.ask_autodiscover(HOST, LOGIN.address, PoxSchema.MOBILESYNC, LOGIN),
        questions.ask_ews(HOST, LOGIN),
    ]
    assert not any(one.is_secret or "Authorization" in one.headers for one in by_anybody)
    assert all(one.is_secret and one.headers["Authorization"] == LOGIN.authorization for one in signed)
