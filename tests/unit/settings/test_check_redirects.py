from __future__ import annotations

import pytest

from handfast.settings.check import draft_of, find_problems
from handfast.settings.model import Settings

PUBLICATION = {
    "name": "mail",
    "kind": "exchange",
    "hosts": ["mail.contoso.com"],
    "listeners": ["outside"],
    "redirect_listeners": ["port80"],
    "backend": {"urls": ["https://10.0.0.1"]},
}
LISTENERS = (
    {"name": "outside", "address": "0.0.0.0:443", "certificate": "/a.pem", "key": "/a.key"},
    {"name": "port80", "address": "0.0.0.0:80"},
)


def problems(*publications, listeners=LISTENERS):
    settings = Settings.model_validate(
        {"listener": list(listeners), "publication": list(publications), "policy": [{"name": "default"}]}
    )
    return [(one.path, one.problem) for one in find_problems(draft_of(settings))]


def test_a_port_without_tls_may_be_open_to_everybody_where_it_only_redirects():
    assert problems(PUBLICATION) == []


def test_without_redirects_it_may_not():
    [(path, _)] = problems(PUBLICATION | {"redirect_listeners": []})
    assert path == "listener[1].certificate"


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"kind": "activesync"}, "publication[0].redirect_listeners[0]", "only Exchange"),
        ({"redirect_listeners": ["port81"]}, "publication[0].redirect_listeners[0]", "no listener"),
        (
            {"redirect_listeners": ["outside"], "listeners": []},
            "publication[0].redirect_listeners[0]",
            "certificate",
        ),
        ({"listeners": ["outside", "port80"]}, "publication[0].listeners[1]", "redirects alone"),
    ],
)
def test_what_contradicts_itself(change, path, words):
    found = dict(problems(PUBLICATION | change))
    assert words in found[path]


def test_no_other_publication_is_served_there():
    other = PUBLICATION | {
        "name": "other",
        "kind": "activesync",
        "hosts": ["sync.contoso.com"],
        "listeners": ["port80"],
        "redirect_listeners": [],
    }
    assert [path for path, _ in problems(PUBLICATION, other)] == ["publication[1].listeners[0]"]
