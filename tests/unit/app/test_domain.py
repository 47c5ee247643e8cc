from handfast.app.data_plane import build_gateway_config
from handfast.app.domain import build_device_policy, build_publications
from handfast.decision.publication import ACTIVESYNC_RULES
from handfast.decision.rules.exchange import EXCHANGE_RULES, REDIRECT_RULES
from handfast.decision.rules.exchange_denials import EXCHANGE_DENIALS
from handfast.settings.model import Settings
from handfast.settings.publication import PolicySettings

SETTINGS = {
    "listener": [
        {"name": "outside", "address": "127.0.0.1:443"},
        {"name": "port80", "address": "127.0.0.1:80"},
    ],
    "policy": [{"name": "default"}],
    "publication": [
        {
            "name": "mail",
            "kind": "exchange",
            "hosts": ["mail.contoso.com"],
            "redirect_listeners": ["port80"],
            "learn": True,
            "backend": {"urls": ["https://10.0.0.1"]},
        },
        {"name": "sogo", "hosts": ["sogo.contoso.com"], "backend": {"urls": ["https://10.0.0.2"]}},
    ],
}


def test_each_kind_brings_its_rules_and_its_named_refusals():
    published = build_publications(Settings.model_validate(SETTINGS))
    assert (published["mail"].rules, published["mail"].denials) == (EXCHANGE_RULES, EXCHANGE_DENIALS)
    assert (published["sogo"].rules, published["sogo"].denials) == (ACTIVESYNC_RULES, ())


def test_a_listener_that_redirects_for_one_publication_serves_no_other():
    published = build_publications(Settings.model_validate(SETTINGS))
    assert published["mail"].redirect_rules == REDIRECT_RULES
    assert published["mail"].is_on("port80")
    assert published["sogo"].is_on("outside")
    assert not published["sogo"].is_on("port80")


def test_the_data_plane_is_told_what_learns():
    config = build_gateway_config(Settings.model_validate(SETTINGS))
    assert {item.publication.name: item.learn for item in config.publications} == {
        "mail": True,
        "sogo": False,
    }


def test_every_list_of_a_policy_reaches_identity_under_its_own_name():
    lists = {
        name: (f"{name} *",) for name in PolicySettings.model_fields if name.startswith(("allow_", "deny_"))
    }
    devices = build_device_policy(PolicySettings.model_validate(lists), frozenset())
    assert {name: getattr(devices, name) for name in lists} == lists
    assert len(lists) == 16


def test_tickets_are_taken_on_inside_listeners_and_got_for_each_connection_or_request():
    inside = {"name": "inside", "address": "127.0.0.1:444", "inside": True}
    mail, sogo = SETTINGS["publication"]
    behind = {"auth": "kerberos", "spn": "HTTP/mail.contoso.com", "ticket_per": "request"}
    by_ticket = {**mail, "backend": {**mail["backend"], **behind}, "auth": ["basic", "kerberos"]}
    settings = Settings.model_validate(
        {**SETTINGS, "listener": [*SETTINGS["listener"], inside], "publication": [by_ticket, sogo]}
    )
    published = build_publications(settings)
    assert published["mail"].credentials.takes_tickets("inside")
    assert not published["mail"].credentials.takes_tickets("outside")
    assert not published["sogo"].credentials.takes_tickets("inside")
    config = build_gateway_config(settings)
    assert [listener.inside for listener in config.listeners] == [False, False, True]
    assert [item.backend.ticket_per for item in config.publications] == ["request", ""]
