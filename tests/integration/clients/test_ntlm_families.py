"""NTLM by clients of other makers: requests-ntlm, httpx-ntlm, gss-ntlmssp (through curl), wget."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import httpx
import httpx_ntlm
import pytest
import requests
from requests_ntlm import HttpNtlmAuth

from tests.installation import HOST
from tests.integration.clients.conftest import LOOSE_HOST, STRICT_HOST, WBXML_TYPE, enrol

NTLMSSP_MECHANISMS = (
    "/usr/lib/x86_64-linux-gnu/gssntlmssp/gssntlmssp.so",
    "/usr/lib/aarch64-linux-gnu/gssntlmssp/gssntlmssp.so",
)
HEADERS = {"Host": HOST, "Content-Type": WBXML_TYPE}


def new_session(site):
    session = requests.Session()
    session.trust_env = False  # neither this machine's proxies nor its CA bundle
    session.verify = str(site.ca_file)
    return session


def names(person):
    return (person.user, f"CONTOSO\\{person.user}", person.upn)


@pytest.mark.parametrize("form", [0, 1, 2], ids=["plain", "domain", "upn"])
def test_requests_ntlm_in_a_session_of_several_posts(site, alice, arrived, folder_sync, form):
    with new_session(site) as session:
        session.auth = HttpNtlmAuth(names(alice)[form], alice.password)
        answers = [
            session.post(site.url + alice.query(), data=folder_sync, headers=HEADERS, timeout=20)
            for _ in range(3)
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert answers[0].content == answers[1].content
        assert (
            session.options(
                site.url + "/Microsoft-Server-ActiveSync", headers=HEADERS, timeout=20
            ).status_code
            == 200
        )
    assert arrived.users() == [alice.upn] * 4
    assert [line["body_bytes"] for line in arrived()] == [len(folder_sync)] * 3 + [0]


@pytest.mark.parametrize(("binds", "status"), [(True, 200), (False, 401)])
def test_requests_ntlm_where_channel_bindings_are_required(
    site, alice, arrived, logged, folder_sync, binds, status
):
    headers = {**HEADERS, "Host": STRICT_HOST}
    with new_session(site) as session:
        session.auth = HttpNtlmAuth(alice.upn, alice.password, send_cbt=binds)
        answer = session.post(site.url + alice.query(), data=folder_sync, headers=headers, timeout=20)
    assert answer.status_code == status
    assert arrived.users() == [alice.upn] * (status == 200)
    if not binds:
        logged("reason=channel-binding-missing")


@pytest.mark.parametrize("wrong", ["password", "user"])
def test_requests_ntlm_with_wrong_credentials(site, alice, bob, arrived, folder_sync, wrong):
    user, password = (alice.upn, alice.password[::-1]) if wrong == "password" else (bob.upn, alice.password)
    with new_session(site) as session:
        session.auth = HttpNtlmAuth(user, password)
        assert (
            session.post(site.url + alice.query(), data=folder_sync, headers=HEADERS, timeout=20).status_code
            == 401
        )
    assert arrived() == []


@pytest.mark.parametrize("form", [0, 1, 2], ids=["plain", "domain", "upn"])
def test_httpx_ntlm(site, alice, arrived, folder_sync, form):
    auth = httpx_ntlm.HttpNtlmAuth(names(alice)[form], alice.password)
    with httpx.Client(verify=site.context(), auth=auth, timeout=20, trust_env=False) as client:
        for _ in range(3):
            assert (
                client.post(site.url + alice.query(), content=folder_sync, headers=HEADERS).status_code == 200
            )
    assert arrived.users() == [alice.upn] * 3


def test_httpx_ntlm_with_a_wrong_password(site, alice, arrived, folder_sync):
    auth = httpx_ntlm.HttpNtlmAuth(alice.upn, "wrong")
    with httpx.Client(verify=site.context(), auth=auth, timeout=20, trust_env=False) as client:
        assert client.post(site.url + alice.query(), content=folder_sync, headers=HEADERS).status_code == 401
    assert arrived() == []


@pytest.fixture
def gss_environment(tmp_path):
    """An environment in which GSSAPI's SPNEGO has one NTLM credential and no ticket."""

    def make(user: str, password: str) -> dict[str, str]:
        credentials = tmp_path / "ntlm-users"
        credentials.write_text(f"CONTOSO:{user}:{password}\n")
        return {**os.environ, "NTLM_USER_FILE": str(credentials), "KRB5CCNAME": f"FILE:{tmp_path}/none"}

    return make


def needs_gss_ntlmssp():
    if not any(Path(path).exists() for path in NTLMSSP_MECHANISMS):
        said = "needs gss-ntlmssp: run `make test-deps` as root"
        pytest.fail(said) if os.environ.get("CI") == "true" else pytest.skip(said)


@pytest.mark.needs("curl")
@pytest.mark.parametrize("method", ["--negotiate", "--anyauth"])
def test_gss_ntlmssp_inside_negotiate(curl, alice, arrived, gss_environment, method):
    needs_gss_ntlmssp()
    environment = gss_environment(alice.user, alice.password)
    done = curl.run(
        [*curl.post(method, "-u", ":"), *[alice.query()] * 3], environment=environment, host=LOOSE_HOST
    )
    assert (done.statuses, done.connections) == ([200] * 3, 1)
    assert done.log.count("> Authorization: Negotiate") == 2
    assert arrived.users() == [alice.upn] * 3


@pytest.mark.needs("curl")
def test_gss_ntlmssp_with_a_wrong_password(curl, alice, arrived, gss_environment):
    needs_gss_ntlmssp()
    done = curl.run(
        [*curl.post("--negotiate", "-u", ":"), alice.query()],
        environment=gss_environment(alice.user, "wrong"),
        host=LOOSE_HOST,
    )
    assert done.statuses == [401]
    assert arrived() == []


@pytest.mark.needs("wget")
def test_wget_speaks_ntlmv1_alone_and_is_refused(site, arrived, logged, tmp_path, folder_sync):
    """Its user name is as many bytes as UTF-16 takes, since it announces that and sends ASCII."""
    carl = enrol(site, "carl")
    body = tmp_path / "body"
    body.write_bytes(folder_sync)
    done = subprocess.run(
        ["wget", "--quiet", "--server-response", "--output-document", "-", "--no-hsts", "--no-proxy", "--tries", "1",
         "--ca-certificate", str(site.ca_file), "--header", f"Host: {HOST}", "--post-file", str(body),
         "--user", carl.user, "--password", carl.password, site.url + carl.query()],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.stderr.count("401 Unauthorized") == 3
    assert done.stdout == ""
    logged("reason=ntlm-version-refused")
    assert arrived() == []
