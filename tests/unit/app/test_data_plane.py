from __future__ import annotations

from handfast.app.data_plane import build_publication_config
from handfast.app.domain import build_publications
from handfast.decision.publication import AuthMethod
from handfast.gateway.handlings import complete_handlings
from handfast.gateway.path_map import PathMapping
from handfast.settings.model import Settings


def configured(**more):
    backend = {"urls": ("https://ex01.corp.internal",)}
    settings = Settings.model_validate(
        {"publication": [{"name": "mail", "hosts": ("mail.example.org",), "backend": backend, **more}]}
    )
    item = settings.publications[0]
    return build_publication_config(item, build_publications(settings)["mail"])


def test_mapped_paths_are_told():
    path = {"published": "/ews", "path": "/ext-ews", "host": "ews.corp.internal"}
    assert configured(kind="exchange", path=[path]).paths == (
        PathMapping("/ews", "/ext-ews", "ews.corp.internal"),
    )


def test_every_rule_of_exchange_is_handled_as_its_channel_demands():
    config = configured(kind="exchange")
    handled = complete_handlings(config.publication, config.handlings)
    assert handled["ews"].reads_prefix is not None
    assert handled["ews-user-photo"].reads_prefix is not None
    for name in ("autodiscover-pox", "autodiscover-soap"):
        assert handled[name].rewriter is not None
        assert handled[name].inspector is not None
    for name in ("autodiscover-json", "autodiscover-json-v1"):
        assert handled[name].answers is not None
    assert not {"activesync", "mapi-emsmdb", "mapi-nspi", "oab"} & handled.keys()


def test_activesync_alone_streams_unread():
    config = configured()
    assert complete_handlings(config.publication, config.handlings) == {}


def test_phones_are_offered_basic_alone_where_outlook_is_offered_more():
    assert configured(kind="exchange", auth=("ntlm", "basic")).phone_auth_methods == (AuthMethod.BASIC,)
    assert configured(auth=("ntlm", "basic")).phone_auth_methods is None
