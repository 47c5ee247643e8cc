"""From the settings to the places that are looked at."""

import pytest

from handfast.doctor.publishing import publications
from handfast.doctor.publishing.publications import Client, address_of, examine_publishing, place_of
from handfast.doctor.publishing.visit import Seen
from handfast.settings.load import parse_settings
from tests.fakes.doctor_world import NOW, pem
from tests.unit.doctor.publishing.scripted import CA, OWN, Gateway

HEAD = """
[identity]
database = "sqlite:////tmp/none.db"
key_file = "/tmp/none.key"
"""
LISTENER = '[[listener]]\nname = "{name}"\naddress = "{address}"\n{more}\n'
PUBLICATION = (
    '[[publication]]\nname = "{name}"\nhosts = {hosts}\n{more}\nbackend.urls = ["http://127.0.0.1:1"]\n'
)
HOSTS = '["mail.example.com", "autodiscover.example.com"]'
EXCHANGE = 'kind = "exchange"\n'


def settings(*publications, listeners=None):
    shown = listeners or (listener("outside"),)
    return parse_settings("\n".join([HEAD, *shown, *publications]))[0]


def listener(name, address="127.0.0.1:8443", more=""):
    return LISTENER.format(name=name, address=address, more=more)


def publication(more="", name="mail", hosts=HOSTS):
    return PUBLICATION.format(name=name, hosts=hosts, more=more)


def place(more="", **how):
    read = settings(publication(more, **how))
    return place_of(read.publications[0], read.listeners[0])


@pytest.fixture
def visits(monkeypatch):
    """Every visitor that was made, each with a well gateway before it."""
    made = []

    class Visitor(Gateway):
        def __init__(self, address, **how):
            super().__init__()
            self.address, self.how = address, how
            made.append(self)

    monkeypatch.setattr(publications, "Visitor", Visitor)
    return made


def test_names_of_an_exchange():
    seen = place(EXCHANGE)
    assert (seen.finder, seen.activesync, seen.ews, seen.mapi) == (
        "autodiscover.example.com",
        *["mail.example.com"] * 3,
    )
    assert seen.is_exchange
    assert seen.told == {"mail.example.com", "autodiscover.example.com"}


def test_names_that_the_settings_give():
    seen = place(
        EXCHANGE + 'autodiscover.host = "mail.example.com"\nautodiscover.mail_domains = ["example.com"]'
    )
    assert (seen.finder, seen.activesync) == ("mail.example.com", "autodiscover.example.com")
    assert seen.mail_domains == ("example.com",)


def test_names_published_by_other_means_may_be_told_and_are_not_asked():
    other = 'autodiscover.other_hosts = ["eas.example.com"]\nautodiscover.{} = "eas.example.com"\n'
    for name in ("activesync_host", "ews_host", "mapi_host", "host"):
        seen = place(EXCHANGE + other.format(name))
        assert "eas.example.com" in seen.told
        assert "eas.example.com" not in {seen.finder, seen.activesync, seen.ews, seen.mapi}


def test_one_name_is_all_of_them():
    seen = place(EXCHANGE, hosts='["mail.example.com"]')
    assert {seen.finder, seen.activesync, seen.ews, seen.mapi} == {"mail.example.com"}


def test_a_publication_of_activesync():
    seen = place()
    assert (seen.is_exchange, seen.activesync) == (False, "mail.example.com")


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("0.0.0.0:443", ("127.0.0.1", 443)),
        ("[::]:443", ("::1", 443)),
        ("127.0.0.7:8443", ("127.0.0.7", 8443)),
        ("[::1]:8443", ("::1", 8443)),
    ],
)
def test_where_a_listener_is_reached(address, reached, tmp_path):
    files = {name: tmp_path / name for name in ("certificate", "key")}
    more = "\n".join(f'{name} = "{file}"' for name, file in files.items())
    read = settings(publication(), listeners=[listener("outside", address, more)])
    assert address_of(read.listeners[0]) == reached


def test_certificates_of_the_listener_s_files(tmp_path):
    good, bad = tmp_path / "good.crt", tmp_path / "bad.crt"
    good.write_bytes(pem(OWN, CA))
    bad.write_text("x")
    more = (
        f'certificate = "{bad}"\nkey = "{bad}"\n'
        f'more_certificates = [["{good}", "{good}"], ["{tmp_path}/none", "{tmp_path}/none"]]'
    )
    read = settings(publication(), listeners=[listener("outside", more=more)])
    assert place_of(read.publications[0], read.listeners[0]).chains == ((OWN, CA),)


def look(read, **how):
    return list(examine_publishing(read, Client(**how), NOW))


def test_every_publication_at_every_listener_it_is_shown_on(visits):
    listeners = [listener("one", "127.0.0.1:1001"), listener("two", "127.0.0.1:1002")]
    read = settings(
        publication('listeners = ["two"]'),
        publication(name="other", hosts='["x.example.com"]'),
        listeners=listeners,
    )
    places = dict.fromkeys((one.place.publication, one.place.listener) for one in look(read))
    assert list(places) == [("mail", "two"), ("other", "one"), ("other", "two")]
    assert [one.address[1] for one in visits] == [1002, 1001, 1002]


def test_a_listener_for_redirects_is_asked_for_its_redirect_alone(visits):
    read = settings(
        publication(EXCHANGE + 'redirect_listeners = ["port80"]'),
        publication(name="other", hosts='["x.example.com"]'),
        listeners=[listener("outside"), listener("port80", "0.0.0.0:80")],
    )
    at_80 = [one for one in look(read) if one.place.listener == "port80"]
    assert [one.asked for one in at_80] == [
        "GET http://autodiscover.example.com/autodiscover/autodiscover.xml"
    ]
    assert [one.address for one in visits if one.address[1] == 80] == [("127.0.0.1", 80)]


@pytest.mark.parametrize(
    ("balancers", "is_balancer"), [('["127.0.0.0/8"]', True), ('["192.0.2.0/24"]', False), ("[]", False)]
)
def test_the_proxy_header_is_sent_only_as_one_of_the_balancers(visits, balancers, is_balancer):
    look(settings(publication(), listeners=[listener("outside", more=f"proxy_protocol_from = {balancers}")]))
    assert [one.how["is_balancer"] for one in visits] == [is_balancer]


def test_a_publication_for_other_networks_is_not_asked(visits):
    [step] = look(settings(publication('networks = ["203.0.113.0/24"]')))
    assert (step.answer, step.finding) == ("not asked from 127.0.0.1", None)
    assert visits == []
    assert len(look(settings(publication('networks = ["127.0.0.0/8"]')))) > 1


def test_the_client_s_own_ca_is_handed_on(visits, tmp_path):
    look(settings(publication()), ca_file=tmp_path / "ca")
    assert visits[0].how["ca_file"] == tmp_path / "ca"


def test_without_settings_of_its_own_a_client_knows_no_explanation():
    assert Client().explain("abc") is None
    assert Seen().status == 0
