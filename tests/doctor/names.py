"""Cases: names in access rules and roles that are nobody's; groups in a real domain."""

from __future__ import annotations

import json

from handfast.doctor.findings import FindingId
from tests.doctor.case import World, case
from tests.installation import Installation, prepare
from tests.servers.processes import server_directory
from tests.servers.samba import DomainController

F = FindingId
NEEDED = ("samba", "samba-tool", "ldbmodify")
RULES = """
[[access]]
name = "no-leavers"
allow = false
publications = ["mail"]
groups = ["CONTOSO\\\\{refused}"]

[[access]]
name = "staff"
publications = ["mail"]
groups = ["CONTOSO\\\\{allowed}"]
"""


def _in_a_domain(world: World, **groups: str) -> Installation:
    """An installation that has read the domain."""
    dc = world.stack.enter_context(DomainController())
    folder = world.stack.enter_context(server_directory("domain"))
    backend = json.loads(world.site.values["backends"])[0]
    site = prepare(folder, backend=backend, workers=1, more=dc.settings() + RULES.format(**groups))
    world.stack.callback(site.stop)
    site.start()
    site.wait_for_log_line("access-name-unknown")
    return site


def _correct(site: Installation, wrong: str, right: str) -> None:
    reloads = len(site.log_lines("identity-reloaded"))
    site.write_settings(more=site.values["more"].replace(wrong, right))
    site.reload()
    site.wait_for_log_line("identity-reloaded", count=reloads + 1)


@case(
    F.ACCESS_GROUP,
    "CONTOSO\\Brelin, named by [[access]] no-leavers: the directory has no security group",
    "no-leavers holds nobody back",
    remedy="compare its spelling",
    is_for_root=True,
    needs=NEEDED,
)
def a_refusal_names_a_group_that_is_not_there(world):
    site = _in_a_domain(world, refused="Brelin", allowed="Sales")
    yield site
    assert site.log_lines("level=error", "access-name-unknown", "Brelin")
    asked = site.run("policy", "check", "bob")
    assert (asked.returncode, "no-leavers holds nobody back" in asked.stderr) == (0, True)
    (row,) = [one for one in site.cli("policy", "names") if one["is_amiss"]]
    assert (row["name"], row["state"]) == ("CONTOSO\\Brelin", "missing")
    _correct(site, "Brelin", "Berlin")


@case(
    F.ACCESS_GROUP,
    "CONTOSO\\Newsletter, named by [[access]] staff",
    "lets nobody in",
    remedy="a mailing list is no security group",
    severity="warning",
    is_for_root=True,
    needs=NEEDED,
)
def a_rule_lets_a_mailing_list_in(world):
    site = _in_a_domain(world, refused="Berlin", allowed="Newsletter")
    yield site
    assert site.log_lines("level=warning", "access-name-unknown", "Newsletter")
    _correct(site, "Newsletter", "Sales")


@case(
    F.ACCESS_ACCOUNT, "CONTOSO\\anan, named by [[access]] no-anna", "holds nobody back", remedy="account list"
)
def a_refusal_names_an_account_that_is_not_there(world):
    folder = world.stack.enter_context(server_directory("names"))
    backend = json.loads(world.site.values["backends"])[0]
    rules = (
        '[[access]]\nname = "no-anna"\nallow = false\npublications = ["mail"]\naccounts = ["CONTOSO\\\\anan"]\n'
        '[[access]]\nname = "all"\npublications = ["mail"]\n'
    )
    site = prepare(folder, backend=backend, workers=1, more=rules)
    world.stack.callback(site.stop)
    site.start()
    site.add_account("anna")
    yield site
    assert site.wait_for_log_line("level=error", "access-name-unknown", "anan")
    _correct(site, "anan", "anna")
