"""Names inside, names outside, and people."""

from handfast.lab.site_names import SiteNames


def test_a_site_inside_and_out():
    names = SiteNames("mbx7.ad.example", "mail.example", "example")
    assert (names.machine, names.inside_domain, names.domain_controller) == (
        "MBX7",
        "ad.example",
        "dc01.ad.example",
    )
    assert names.inside_url("/x") == "https://mbx7.ad.example/x"
    assert names.published_url("/x") == "https://mail.example/x"
    assert SiteNames(published="").published_url("/x") == ""


def test_a_person_is_the_same_every_time():
    names = SiteNames()
    alice = names.person("alice")
    assert alice == names.person("alice")
    assert (alice.address, alice.display_name) == ("alice@contoso.lab", "Alice")
    assert alice.mailbox_id.endswith("@contoso.lab")
    assert alice.mailbox_id != names.person("bob").mailbox_id
    assert alice.legacy_dn.endswith("-alice")
