"""The peers do what they are measured for: each refuses a wrong credential, and auth_request really asks."""

import dataclasses
import http.client
import ssl

import pytest

from benchmarks import notifications, peers
from benchmarks.autodiscover_answers import KIB, REQUEST, SITE, build_answer, inside_names
from benchmarks.autodiscover_answers import PATH as AUTODISCOVER
from benchmarks.backend import document_backend, kilobyte_backend, stream_backend
from benchmarks.driver import (
    LoadFailed,
    build_task,
    build_xml_task,
    cpu_microseconds_each,
    kib_each_idle_poll,
    listen_to_streams,
)
from benchmarks.subject import HOST, Subject
from tests.servers.nginx import nginx
from tests.servers.processes import free_port

pytestmark = [pytest.mark.needs("nginx", "apache2", "openssl"), pytest.mark.alone]


@pytest.fixture(scope="module")
def tls():
    with peers.make_certificate() as certificate:
        yield certificate


@pytest.fixture(scope="module")
def backend():
    with kilobyte_backend() as port:
        yield port


def status_of(subject: Subject, authorization: str = "") -> int:
    return ask(subject, authorization)[0]


def ask(subject: Subject, authorization: str = "") -> tuple[int, bytes]:
    context = ssl.create_default_context(cafile=str(subject.certificate))
    context.check_hostname = False  # asked by address
    connection = http.client.HTTPSConnection("127.0.0.1", subject.port, context=context, timeout=10)
    headers = {"Host": HOST} | ({"Authorization": authorization} if authorization else {})
    try:
        connection.request("POST", subject.target(), body=b"x", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def with_wrong_password(subject: Subject) -> Subject:
    return dataclasses.replace(subject, credential=dataclasses.replace(subject.credential, password="wrong"))


def test_nginx_asks_its_auth_service_for_every_request(tls, backend):
    port = free_port()
    refusing = f"server {{ listen 127.0.0.1:{port}; location = /noop {{ return 403; }} }}"
    with peers.nginx_proxy(backend, tls) as plain:
        assert status_of(plain) == 200
    with peers.nginx_proxy(backend, tls, auth_service=backend) as subject:
        assert status_of(subject) == 200
    with nginx(refusing, port=port), peers.nginx_proxy(backend, tls, auth_service=port) as subject:
        assert status_of(subject) == 403


def test_apache_basic_refuses_a_wrong_password(tls, backend):
    with peers.apache_basic(backend, tls) as subject:
        assert status_of(subject) == 401
        assert status_of(subject, subject.credential.basic_header()) == 200
        assert status_of(subject, with_wrong_password(subject).credential.basic_header()) == 401


def test_apache_ntlm_signs_a_connection_in_and_refuses_a_wrong_password(tls, backend):
    with peers.apache_ntlm(backend, tls) as subject:
        assert status_of(subject) == 401
        assert cpu_microseconds_each(subject, build_task(subject, "handshakes", 1, 3)) > 0
        assert cpu_microseconds_each(subject, build_task(subject, "requests", 2, 20)) > 0
        wrong = with_wrong_password(subject)
        with pytest.raises(LoadFailed, match="NTLM sign-in answered 401"):
            cpu_microseconds_each(wrong, build_task(wrong, "handshakes", 1, 1))


def test_a_failing_proxy_gives_no_figure(tls):
    with peers.nginx_proxy(free_port(), tls) as subject:  # nobody behind it
        with pytest.raises(LoadFailed, match="the first request answered 502"):
            cpu_microseconds_each(subject, build_task(subject, "requests", 2, 20))


def test_polls_hang_and_cost_memory(tls):
    with stream_backend() as port, peers.nginx_proxy(port, tls) as subject:
        assert 1 < kib_each_idle_poll(subject, 60) < 500


def test_polls_that_do_not_hang_give_no_figure(tls, backend):
    with peers.nginx_proxy(backend, tls) as subject:
        with pytest.raises(LoadFailed, match="did not hang"):
            kib_each_idle_poll(subject, 40)


@pytest.mark.parametrize("kib", [5, 500])
def test_sub_filter_replaces_every_name_and_nothing_else(tls, kib):
    document = build_answer(kib * KIB)
    names = inside_names(document)
    expected = document
    for name in names:
        expected = expected.replace(name.encode(), HOST.encode())
    with document_backend(document) as port:
        with peers.nginx_proxy(port, tls, auth_service=port) as subject:
            assert ask(subject) == (200, document)
            task = build_xml_task(
                subject, "requests", 2, AUTODISCOVER, REQUEST, count=5, absent=SITE.inside_domain
            )
            with pytest.raises(LoadFailed, match=f"the first answer holds {SITE.inside_domain}"):
                cpu_microseconds_each(subject, task)
        with peers.nginx_sub_filter(port, tls, auth_service=port, inside=names) as subject:
            assert ask(subject) == (200, expected)
            assert cpu_microseconds_each(subject, dataclasses.replace(task, port=subject.port)) > 0


def test_notifications_come_through_one_by_one(tls, backend):
    with (
        stream_backend() as port,
        peers.nginx_proxy(port, tls, auth_service=backend, directives="proxy_buffering off;") as subject,
    ):
        target, document = notifications.PATH, notifications.REQUEST
        heard = listen_to_streams(
            subject, build_xml_task(subject, "streams", 10, target, document, seconds=1)
        )
    expected = 10 / notifications.EVERY_SECONDS
    assert 0.5 * expected < heard.chunks < 1.5 * expected
    assert 0 < heard.p50_milliseconds <= heard.p99_milliseconds < 1000 * notifications.EVERY_SECONDS * 5
    assert heard.cpu_microseconds_each > 0


def test_streams_that_are_none_give_no_figure(tls, backend):
    with peers.nginx_proxy(free_port(), tls) as subject:  # nobody behind it
        task = build_xml_task(subject, "streams", 2, notifications.PATH, notifications.REQUEST, seconds=1)
        with pytest.raises(LoadFailed, match="a stream was answered"):
            listen_to_streams(subject, task)
