"""curl as a client: methods of sign-in, forms of names, bodies, and several requests and people on one connection."""

from __future__ import annotations

import os

import pytest

from tests.integration.clients.conftest import LOOSE_HOST

pytestmark = pytest.mark.needs("curl")

METHODS = ("--basic", "--ntlm", "--basic --ntlm", "--anyauth")
"""With several it asks first and takes the strongest that is offered."""


def names(person):
    return (person.user, f"CONTOSO\\{person.user}", person.upn)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", [0, 1, 2], ids=["plain", "domain", "upn"])
def test_a_post_arrives_as_its_sender_whatever_the_form_of_the_name(curl, alice, arrived, method, form):
    done = curl.run(
        [*curl.post(*method.split(), "-u", f"{names(alice)[form]}:{alice.password}"), alice.query()]
    )
    assert (done.statuses, done.connections) == ([200], 1)
    (line,) = arrived()
    assert (line["user"], line["command"], line["body_bytes"]) == (
        alice.upn,
        "FolderSync",
        curl.body.stat().st_size,
    )
    assert line["authorization_scheme"] == ""
    if method != "--basic":
        assert "Authorization: NTLM" in done.log


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_password_is_401_and_nothing_arrives(curl, alice, arrived, method):
    done = curl.run(
        [*curl.post(*method.split(), "-u", f"{alice.user}:{alice.password[::-1]}"), alice.query()]
    )
    assert done.statuses == [401]
    assert arrived() == []


def test_without_credentials_the_challenges_name_nothing_of_the_inside(curl, alice, arrived):
    done = curl.run([*curl.post(), alice.query()])
    assert done.statuses == [401]
    challenges = [line for line in done.log.splitlines() if line.lower().startswith("< www-authenticate")]
    assert any("Basic" in line for line in challenges)
    assert any("NTLM" in line for line in challenges)
    assert "corp" not in done.log.lower() + done.answer.lower()
    assert arrived() == []


@pytest.mark.parametrize("method", METHODS)
def test_several_requests_go_over_one_connection(curl, alice, arrived, method):
    targets = [alice.query()] * 3
    done = curl.run([*curl.post(*method.split(), "-u", f"{alice.user}:{alice.password}"), *targets])
    assert done.statuses == [200, 200, 200]
    assert [transfer.connections for transfer in done.transfers] == [1, 0, 0]
    assert arrived.users() == [alice.upn] * 3


def test_an_ntlm_connection_is_authenticated_once(curl, alice, arrived):
    done = curl.run([*curl.post("--ntlm", "-u", f"{alice.user}:{alice.password}"), *[alice.query()] * 4])
    assert done.statuses == [200] * 4
    assert done.log.count("> Authorization: NTLM") == 2
    assert arrived.users() == [alice.upn] * 4


def test_a_second_user_on_one_connection_is_the_second_user_behind(curl, alice, bob, arrived):
    done = curl.run(
        [*curl.post("--basic", "-u", f"{alice.user}:{alice.password}"), alice.query()],
        [*curl.post("--basic", "-u", f"{bob.user}:{bob.password}"), bob.query()],
        [*curl.post("--basic", "-u", f"{alice.user}:{alice.password}"), alice.query()],
    )
    assert (done.statuses, done.connections) == ([200, 200, 200], 1)
    assert arrived.users() == [alice.upn, bob.upn, alice.upn]
    assert len({line["peer"] for line in arrived() if line["user"] == alice.upn}) == 1
    assert len({line["peer"] for line in arrived()}) == 2, "two people shared a connection behind"


def test_wrong_credentials_after_right_ones_on_one_connection_are_refused(curl, alice, bob, arrived):
    done = curl.run(
        [*curl.post("--basic", "-u", f"{alice.user}:{alice.password}"), alice.query()],
        [*curl.post("--basic", "-u", f"{alice.user}:{alice.password}x"), alice.query()],
        [*curl.post("--basic", "-u", f"{bob.user}:{alice.password}"), bob.query()],
        [*curl.post(), alice.query()],
        [*curl.post("--basic", "-u", f"{alice.user}:{alice.password}"), alice.query()],
    )
    assert (done.statuses, done.connections) == ([200, 401, 401, 401, 200], 1)
    assert arrived.users() == [alice.upn, alice.upn]


def test_ntlm_of_two_people_in_one_run_stays_apart(curl, alice, bob, arrived):
    done = curl.run(
        [*curl.post("--ntlm", "-u", f"{alice.user}:{alice.password}"), alice.query()],
        [*curl.post("--ntlm", "-u", f"{bob.user}:{bob.password}"), bob.query()],
        [*curl.post("--ntlm", "-u", f"{bob.user}:{alice.password}"), bob.query()],
        [*curl.post("--basic", "-u", f"{bob.user}:{bob.password}"), bob.query()],
    )
    assert done.statuses == [200, 200, 401, 200]
    assert arrived.users() == [alice.upn, bob.upn, bob.upn]


@pytest.mark.parametrize("method", METHODS)
def test_expect_100_continue(curl, alice, arrived, method):
    done = curl.run(
        [
            *curl.post(*method.split(), "-u", f"{alice.user}:{alice.password}", "-H", "Expect: 100-continue"),
            alice.query(),
        ]
    )
    assert done.statuses == [200]
    assert "< HTTP/1.1 100 Continue" in done.log
    (line,) = arrived()
    assert "Expect" not in line["header_names"]
    assert line["body_bytes"] == curl.body.stat().st_size


def test_a_refused_body_is_never_asked_for(curl, alice, arrived):
    done = curl.run(
        [*curl.post("--basic", "-u", f"{alice.user}:wrong", "-H", "Expect: 100-continue"), alice.query()]
    )
    assert done.statuses == [401]
    assert "100 Continue" not in done.log
    assert arrived() == []


@pytest.mark.parametrize("method", METHODS)
def test_a_large_mail(curl, alice, arrived, tmp_path, method):
    mail = tmp_path / "mail"
    mail.write_bytes(b"Subject: large\r\n\r\n" + os.urandom(1_500_000).hex().encode())
    done = curl.run(
        [*method.split(), "-u", f"{alice.user}:{alice.password}", "--data-binary", f"@{mail}",
         "-H", "Content-Type: message/rfc822", "-H", "MS-ASProtocolVersion: 12.1", alice.query("SendMail")]
    )  # fmt: skip
    assert done.statuses == [200]
    (line,) = arrived()
    assert (line["user"], line["body_bytes"]) == (alice.upn, mail.stat().st_size)


@pytest.mark.parametrize("method", ["--basic", "--ntlm"])
def test_a_chunked_upload(curl, alice, arrived, method):
    done = curl.run(
        [
            *curl.post(
                *method.split(), "-u", f"{alice.user}:{alice.password}", "-H", "Transfer-Encoding: chunked"
            ),
            alice.query(),
        ]
    )
    assert done.statuses == [200]
    (line,) = arrived()
    assert line["headers"]["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in line["header_names"]
    assert line["body_bytes"] == curl.body.stat().st_size


def test_a_chunked_upload_of_unknown_length(curl, alice, arrived, folder_sync):
    done = curl.run(
        ["--basic", "-u", f"{alice.user}:{alice.password}", "-X", "POST", "-T", "-",
         "-H", "Content-Type: application/vnd.ms-sync.wbxml", alice.query()],
        stdin=folder_sync,
    )  # fmt: skip
    assert done.statuses == [200]
    assert "> Transfer-Encoding: chunked" in done.log
    assert [line["body_bytes"] for line in arrived()] == [len(folder_sync)]


def test_options(curl, alice, arrived):
    done = curl.run(["-X", "OPTIONS", "-u", f"{alice.user}:{alice.password}", "/Microsoft-Server-ActiveSync"])
    assert done.statuses == [200]
    assert "< MS-ASProtocolVersions:" in done.log
    assert [(line["method"], line["user"]) for line in arrived()] == [("OPTIONS", alice.upn)]


@pytest.mark.parametrize("options", ["-I", "-X PUT", "-X DELETE", "--get", "-X PROPFIND", "-X PATCH"])
def test_other_methods_are_refused(curl, alice, arrived, options):
    done = curl.run([*options.split(), "-u", f"{alice.user}:{alice.password}", alice.query()])
    assert done.statuses == [405]
    assert "< Allow: OPTIONS, POST" in done.log
    assert arrived() == []


def test_trace_is_not_known_at_all(curl, alice, arrived):
    done = curl.run(["-X", "TRACE", "-u", f"{alice.user}:{alice.password}", alice.query()])
    assert done.statuses == [501]
    assert arrived() == []


def test_http_10(curl, alice, arrived):
    signed = ("-u", f"{alice.user}:{alice.password}")
    done = curl.run([*curl.post("--http1.0", "--basic", *signed), alice.query()])
    assert done.statuses == [200]
    assert "Transfer-Encoding" not in done.log
    assert arrived.users() == [alice.upn]


def test_ntlm_is_not_taken_over_http_10(curl, alice, arrived):
    """A proxy that speaks it may put several people's requests on one connection."""
    done = curl.run(
        [*curl.post("--http1.0", "--ntlm", "-u", f"{alice.user}:{alice.password}"), alice.query()]
    )
    assert done.statuses == [403]
    assert arrived() == []


@pytest.mark.parametrize(
    "header", ["Via: 1.1 proxy", "X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1"]
)
def test_ntlm_is_not_taken_through_an_http_proxy(curl, alice, arrived, header):
    done = curl.run(
        [*curl.post("--ntlm", "-u", f"{alice.user}:{alice.password}", "-H", header), alice.query()]
    )
    assert done.statuses == [403]
    assert arrived() == []


NAMES = ["jürgen", "o'brien", "мария", "用户", "weiß", "Ünal Ö"]


@pytest.fixture(scope="module")
def passwords(site):
    """An account and an app password for each name. The UPN is ASCII: it is what the back end is told."""
    rows = [f"{user},CONTOSO,person{number}@contoso.lab" for number, user in enumerate(NAMES)]
    site.cli("account", "import", "-", stdin="\n".join(["user,domain,upn", *rows, ""]))
    return [site.issue(f"person{number}@contoso.lab", "--ntlm") for number in range(len(NAMES))]


@pytest.mark.parametrize("number", range(len(NAMES)))
@pytest.mark.parametrize("method", ["--basic", "--ntlm"])
def test_names_of_any_letters(curl, passwords, arrived, number, method):
    user, password = NAMES[number], passwords[number]
    query = f"/Microsoft-Server-ActiveSync?Cmd=FolderSync&User=p{number}&DeviceId=P{number}&DeviceType=x"
    forms = [user, f"CONTOSO\\{user}", user.upper() if user != "weiß" else user]
    for form in forms:
        done = curl.run([*curl.post(method, "-u", f"{form}:{password}"), query])
        assert done.statuses == [200], form
    assert arrived.users() == [f"person{number}@contoso.lab"] * len(forms)


@pytest.mark.parametrize(
    "form", ["CONTOSO\\nobody", "ALICE.EVIL\\alice", "alice@evil.example", "alice\\alice"]
)
def test_a_name_in_another_domain_is_somebody_else(curl, alice, arrived, form):
    done = curl.run([*curl.post("--basic", "-u", f"{form}:{alice.password}"), alice.query()])
    assert done.statuses == [401]
    assert arrived() == []


def test_a_person_chosen_secret_of_any_letters(curl, site, arrived):
    secret = "Grüße, мир: 世界 €"
    site.cli("account", "add", "pina", "--upn", "pina@contoso.lab", "--pin-file", "-", stdin=secret + "\n")
    query = "/Microsoft-Server-ActiveSync?Cmd=FolderSync&User=pina&DeviceId=PIN1&DeviceType=x"
    for sent, status in ((secret, 200), (secret[:-1], 401), (secret.upper(), 401)):
        done = curl.run([*curl.post("--basic", "-u", f"pina:{sent}"), query], host=LOOSE_HOST)
        assert done.statuses == [status], sent
    # Where the publication does not take such secrets, the right one is wrong too.
    assert curl.run([*curl.post("--basic", "-u", f"pina:{secret}"), query]).statuses == [401]
    assert arrived.users() == ["pina@contoso.lab"]
