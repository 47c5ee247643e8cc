import pytest

from handfast.settings.load import SettingsError, parse_settings

FILE = """
[identity]
database = "sqlite:////tmp/x.db"

[[listener]]
name = "outside"
address = "0.0.0.0:443"
certificate = "/etc/x.pem"
key = "/etc/x.key"

[[publication]]
name = "mail"
kind = "exchange"
hosts = ["mail.example.com"]
backend.urls = ["https://exchange.example.lan"]
"""


def ews(line: str):
    settings, _ = parse_settings(f"{FILE}[publication.ews]\n{line}\n", {})
    return settings.publications[0].ews


def test_the_built_in_lists_are_the_default():
    told = ews("")
    assert (told.allow_operations, told.deny_operations, told.allow_headers) == ((), (), ())
    assert told.binary_configuration is False


def test_names_are_those_of_elements():
    assert ews('allow_operations = ["GetClientAccessToken"]').allow_operations == ("GetClientAccessToken",)
    assert ews('deny_operations = ["UpdateInboxRules"]').deny_operations == ("UpdateInboxRules",)
    assert ews('allow_headers = ["BackgroundLoad"]').allow_headers == ("BackgroundLoad",)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('allow_operations = ["m:GetFolder"]', "not the name of an element"),
        ('allow_operations = ["getFolder"]', "without a prefix"),
        ('deny_operations = ["GetUserAvailability"]', "GetUserAvailability is not on the built-in list"),
        ('allow_headers = ["ExchangeImpersonation"]', "ExchangeImpersonation asks to act for somebody else"),
        ('allow_headers = ["MailboxCulture", "ManagementRole"]', "ManagementRole asks to act"),
    ],
)
def test_what_would_do_nothing_or_too_much_is_a_problem(line, problem):
    with pytest.raises(SettingsError) as caught:
        ews(line)
    [one] = caught.value.problems
    assert one.path.startswith("publication[0].ews.")
    assert problem in f"{one.problem} {one.remedy}"
