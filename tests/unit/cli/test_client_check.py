"""`handfast doctor --as-client` from its options to what is printed; the looking itself is scripted."""

import json

import pytest

from handfast.cli import client_check
from handfast.cli import doctor as command
from handfast.decision.reasons import Reason
from handfast.doctor.findings import FindingId, error, warning
from handfast.doctor.publishing import publications
from handfast.doctor.publishing.steps import Explained, Step
from handfast.keys.key_file import create_key_file
from tests.fakes.doctor_world import NOW, Authority, pem
from tests.unit.doctor.publishing.scripted import place

HERE, PORT_80 = place(), place(listener="port80")
WELL = Step(HERE, "phone", "OPTIONS https://mail.example.com/x", "401", "signs in")
DOOR = error(FindingId.CLIENT_DOOR, "publication mail", "add basic")


class Look:
    """Stands for the examination; remembers the client."""

    def __init__(self):
        self.client = None
        self.steps = [WELL]

    def __call__(self, settings, client, now=None):
        self.client = client
        return iter(self.steps)


@pytest.fixture
def look(line, tmp_path, monkeypatch):
    create_key_file(tmp_path / "handfast.key", now=NOW)
    line.administration.answers.update(status={}, audit_verify={"ok": True})
    monkeypatch.setattr(command, "identity_listens", lambda _: True)
    scripted = Look()
    monkeypatch.setattr(publications, "examine_publishing", scripted)
    return scripted


@pytest.fixture
def administration(administration, monkeypatch):
    from handfast.cli import connection

    monkeypatch.setattr(client_check, "open_administration", connection.open_administration)
    return administration


def test_steps_and_findings_as_json(line, look):
    look.steps += [Step(PORT_80, "Outlook", "GET http://x", "200", "gives up", DOOR)]
    result = line("doctor", "--as-client", "--json")
    told = json.loads(result.stdout)
    assert told["steps"][1] == {
        "publication": "mail",
        "listener": "port80",
        "client": "Outlook",
        "asked": "GET http://x",
        "answer": "200",
        "then": "gives up",
        "finding": "client-door",
    }
    assert told["steps"][0]["finding"] is None
    assert "client-door" in {one["id"] for one in told["findings"]}
    assert result.exit_code == 1


def test_steps_as_tables(line, look):
    look.steps += [Step(PORT_80, "Outlook", "GET http://x", "200", "gives up", DOOR)] * 2
    result = line("doctor", "--as-client")
    assert "publication mail at listener outside, as clients see it:" in result.stdout
    assert "publication mail at listener port80, as clients see it:" in result.stdout
    assert result.stdout.count("add basic") == 1, "what is wrong twice is told once"


def test_a_warning_is_no_error(line, look):
    look.steps = [Step(HERE, "phone", "x", "403", "y", warning(FindingId.CLIENT_SIGN_IN, "a", "b"))]
    assert line("doctor", "--as-client").exit_code == 0


def test_without_the_option_nobody_looks(line, look):
    assert isinstance(json.loads(line("doctor", "--json").stdout), list)
    assert look.client is None


@pytest.mark.parametrize(
    "words",
    [
        ["--login", "alice"],
        ["--mail", "a@b"],
        ["--password-file", "-"],
        ["--ca-file", "/none"],
        ["--as-client", "--mail", "a@b"],
        ["--as-client", "--password-file", "-"],
    ],
)
def test_options_that_belong_together(line, look, words):
    assert line("doctor", *words).exit_code == 2
    assert look.client is None


def test_who_looks(line, look, tmp_path):
    file, ca_file = tmp_path / "password", tmp_path / "ca"
    file.write_text("secret\n")
    ca_file.write_bytes(pem(Authority("CA").certificate))
    words = ["--login", "CONTOSO\\alice", "--mail", "alice@example.com", "--password-file", str(file)]
    result = line("doctor", "--as-client", *words, "--ca-file", str(ca_file))
    login = look.client.login
    assert (login.user, login.password, login.address) == ("CONTOSO\\alice", "secret", "alice@example.com")
    assert look.client.ca_file == ca_file
    assert "secret" not in result.output


@pytest.mark.parametrize(("user", "address"), [("alice@example.com", "alice@example.com"), ("alice", "")])
def test_the_password_from_standard_input_and_the_address_from_the_login(line, look, user, address):
    line("doctor", "--as-client", "--login", user, stdin="secret\n")
    assert (look.client.login.password, look.client.login.address) == ("secret", address)


def test_the_password_is_asked_for_once_and_hidden(line, look, monkeypatch):
    asked = []
    monkeypatch.setattr("handfast.cli.secrets_input.sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(
        "handfast.cli.secrets_input.typer.prompt", lambda what, **how: asked.append((what, how)) or "typed"
    )
    look_login = client_check._login("alice", "", None)
    assert look_login.password == "typed"
    assert asked == [("app password", {"hide_input": True, "confirmation_prompt": False})]


def test_a_ca_file_that_is_none(line, look, tmp_path):
    file = tmp_path / "ca"
    file.write_text("x")
    assert line("doctor", "--as-client", "--ca-file", str(file)).exit_code == 2
    assert line("doctor", "--as-client", "--ca-file", str(tmp_path / "none")).exit_code != 0
    assert look.client is None


def test_settings_that_are_wrong_are_findings_as_ever(line, look):
    line.settings_file.write_text("[gateway]\nworker = 1\n")
    told = json.loads(line("doctor", "--as-client", "--json").stdout)
    assert told["steps"] == []
    assert {one["id"] for one in told["findings"]} == {"settings"}


def explain(line, look, answer, monkeypatch, seconds=0.3):
    line("doctor", "--as-client")
    monkeypatch.setattr(client_check, "RECORD_SECONDS", seconds)
    monkeypatch.setattr(client_check, "RETRY_SECONDS", 0.01)
    line.administration.answers["explain"] = answer
    return look.client.explain("abc")


def test_a_refusal_is_explained(line, look, monkeypatch):
    stages = [
        {"stage": "rule", "detail": "OPTIONS"},
        {"stage": "credential", "detail": "no such"},
        {"stage": "x"},
    ]
    found = explain(line, look, {"reason": "account-unknown", "stages": stages}, monkeypatch)
    assert found == Explained("account-unknown", "no such", command_step(Reason.ACCOUNT_UNKNOWN))


def command_step(reason):
    from handfast.cli.next_steps import NEXT_STEPS

    return NEXT_STEPS[reason]


def test_what_is_written_down_later_is_waited_for(line, look, monkeypatch, refusal):
    answers = [refusal("not-found", "none"), {"reason": "allowed"}, {"reason": "answer-withheld"}]

    def answer(request_id):
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    found = explain(line, look, answer, monkeypatch, seconds=10)
    assert found.reason == "answer-withheld"
    assert found.detail == ""


@pytest.mark.parametrize(
    "answer", ["not-found", "unavailable", ZeroDivisionError("x"), {"reason": "allowed"}]
)
def test_where_nobody_knows(line, look, monkeypatch, refusal, answer):
    given = refusal(answer, "no") if isinstance(answer, str) else answer
    assert explain(line, look, given, monkeypatch) is None
