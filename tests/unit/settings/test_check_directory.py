import pytest

from handfast.settings.check import draft_of, find_warnings
from handfast.settings.directory import DirectorySettings
from handfast.settings.model import Settings
from handfast.settings.publication import BackendSettings, PublicationSettings


def warnings(value, **directory):
    behind = BackendSettings(urls=("https://exchange.lan",), auth="header", auth_header_value=value)
    one = PublicationSettings(name="eas", hosts=("mail.contoso.lab",), auth=("basic",), backend=behind)
    known = DirectorySettings.model_validate(
        {
            "servers": [{"name": "dc1.contoso.lab"}],
            "bind_user": "reader@contoso.lab",
            "bind_password_file": "/etc/reader",
            **directory,
        }
    )
    found = find_warnings(draft_of(Settings(publications=(one,), directory=known)))
    return [one.path for one in found if "mirrored" in one.problem]


PATH = "publication[0].backend.auth_header_value"


@pytest.mark.parametrize("part", [{"base": "OU=Shop,DC=contoso,DC=lab"}, {"account_filter": "(mail=*)"}])
def test_upns_told_of_a_part_of_the_domain(part):
    assert warnings("upn", **part) == [PATH]
    assert warnings("domain-user", **part) == []


def test_upns_told_of_the_whole_domain():
    assert warnings("upn") == []
