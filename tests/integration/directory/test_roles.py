"""Roles from groups in a real domain: the kernel says who calls, the machine what that user is called, the mirror the groups.

The machine's users are in an /etc that only this installation sees, under the names that a resolver of the domain would
give them.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from handfast.identity.administration.calls import Administration
from handfast.identity.roles import ADMINISTERING, HELPING, LEAST_ROLES, READING
from tests.doctor.machines import OWN_ETC, machine
from tests.installation import Installation, prepare
from tests.integration.directory.test_account_state import SOON
from tests.lab_server import lab_server
from tests.servers.processes import find_program, python_for, server_directory, wait_until
from tests.servers.samba import NEEDS, DomainController

pytestmark = [
    NEEDS,
    pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users"),
]

ADMINS_GID = 4100
FORMS = {
    "CONTOSO\\adm.alice": 4101,
    "adm.alice@contoso.lab": 4102,
    "CONTOSO+adm.alice": 4103,
    "adm.alice": 4104,
}
"""One person, as winbind, sssd, winbind with another separator, and either of them without domains call her."""
UNIX_USERS = {**FORMS, "adm.bob": 4111, "adm.carl": 4112, "adm.dora": 4113, "nobody-there": 4114}
OUTSIDER = 4120
"""A user who is not in the group that may use the socket."""
ROLES = """
[[role]]
name = "helpdesk"
groups = ["CONTOSO\\\\Help Desk"]

[[role]]
name = "auditor"
groups = ["CONTOSO\\\\Revision"]
accounts = ["adm.dora"]
"""
ALICE_ADMINISTERS = """
[[role]]
name = "administrator"
accounts = ["CONTOSO\\\\adm.alice"]
"""
CALL_ALL = """
import json, sys
from pathlib import Path
from handfast.identity.administration.errors import AdministrationError
from handfast.identity_api.admin_client import AdminClient
told = {}
for call, arguments in json.loads(sys.argv[2]).items():
    try:
        AdminClient(Path(sys.argv[1])).call(call, **arguments)
    except AdministrationError as refusal:
        told[call] = refusal.message
print(json.dumps(told))
"""


@dataclass
class Office:
    """The installation, and its machine's users."""

    site: Installation
    dc: DomainController

    def as_uid(self, uid: int, *, gid: int = ADMINS_GID) -> tuple[str, ...]:
        """The words before a command that make that user run it."""
        become = (find_program("setpriv"), f"--reuid={uid}", f"--regid={gid}", "--clear-groups")
        return (*self.site.words, *python_for("nobody"), *become)

    def run(self, user: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command line as that user."""
        one = Installation(**{**vars(self.site), "words": self.as_uid(UNIX_USERS[user])})
        return one.run(*arguments)

    def refused(self, user: str) -> set[str]:
        """Every administrative call that the user is refused for lack of a role; with arguments that nothing is called."""
        socket = self.site.folder / "run" / "admin.sock"
        done = subprocess.run(
            [*self.as_uid(UNIX_USERS[user]), sys.executable, "-c", CALL_ALL, socket, json.dumps(ARGUMENTS)],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return {call for call, said in json.loads(done.stdout).items() if f"; {call} needs " in said}

    def may_help(self, user: str) -> bool:
        """What a help desk may and an auditor may not: it is told of no such device, not of a role."""
        done = self.run(user, "device", "block", "adm.carl", "NOSUCHDEVICE")
        assert done.returncode in (1, 4), done.stdout + done.stderr
        return done.returncode == 4


def arguments_of(call: str) -> dict[str, object]:
    """What the call must be given, of the right kind and with no effect on what is there."""
    kinds = {"int": 1, "str": "nothing-is-called-so", "bool": False}
    found: dict[str, object] = {}
    for one in inspect.signature(getattr(Administration, call)).parameters.values():
        if one.default is one.empty and one.name not in ("self", "actor"):
            found[one.name] = kinds.get(str(one.annotation), [])
    return found


ARGUMENTS = {call: arguments_of(call) for call in sorted(LEAST_ROLES)}


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with DomainController() as dc, lab_server() as server, server_directory("roles") as home:
        people = ("adm.alice", "adm.bob", "adm.carl", "adm.dora")
        dc.add_users(*people)
        for group in ("Help Desk", "Inner Desk", "Revision"):
            dc.samba_tool("group", "add", group)
        dc.samba_tool("group", "addmembers", "Help Desk", "Inner Desk")
        dc.samba_tool("group", "addmembers", "Inner Desk", "adm.alice")
        dc.samba_tool("group", "addmembers", "Revision", "adm.bob")
        with machine(OWN_ETC, str(home / "etc")) as private:
            with (home / "etc" / "group").open("a") as groups:
                groups.write(f"hf-admins:x:{ADMINS_GID}:\n")
            with (home / "etc" / "passwd").open("a") as users:
                for name, uid in UNIX_USERS.items():
                    users.write(f"{name}:x:{uid}:{ADMINS_GID}::/nonexistent:/bin/sh\n")
                users.write(f"outsider:x:{OUTSIDER}:{OUTSIDER}::/nonexistent:/bin/sh\n")
            site = prepare(
                home,
                backend=server.url,
                workers=1,
                identity='admin_group = "hf-admins"',
                more=dc.settings() + ROLES,
            )
            site.words = private.words
            try:
                site.start()
                wait_until(lambda: site.run("account", "show", "adm.dora").returncode == 0, "mirrored")
                yield Office(site, dc)
            finally:
                site.stop()


def test_each_role_may_make_its_calls_and_no_other(office: Office) -> None:
    assert office.refused("adm.alice") == ADMINISTERING
    assert office.refused("adm.bob") == HELPING | ADMINISTERING
    assert office.refused("adm.carl") == READING | HELPING | ADMINISTERING
    assert office.refused("nobody-there") == READING | HELPING | ADMINISTERING


@pytest.mark.parametrize("user", FORMS)
def test_a_user_is_the_account_whatever_form_the_machine_gives_the_name(office: Office, user: str) -> None:
    assert office.run(user, "account", "show", "adm.carl").returncode == 0
    assert office.may_help(user)
    refused = office.run(user, "account", "disable", "adm.carl")
    assert refused.returncode == 1
    assert "CONTOSO\\adm.alice" in refused.stderr.replace("contoso.lab\\", "CONTOSO\\")
    assert "has the role helpdesk; account_disable needs administrator" in refused.stderr
    (last,) = office.site.cli("audit", "show", "--limit", "1")
    assert (last["event"], last["actor"]) == (
        "identity:administration:refused",
        f"uid:{UNIX_USERS[user]}({user})",
    )


def test_who_is_not_in_the_admin_group_does_not_reach_the_socket(office: Office) -> None:
    words = office.as_uid(OUTSIDER, gid=OUTSIDER)
    done = Installation(**{**vars(office.site), "words": words}).run("account", "list")
    assert done.returncode == 1
    assert "you may not administer" in done.stderr


def test_out_of_the_group_out_of_the_role_within_a_poll(office: Office) -> None:
    assert office.site.cli("policy", "check", "adm.alice")["role"] == "helpdesk"
    office.dc.samba_tool("group", "removemembers", "Help Desk", "Inner Desk")
    wait_until(lambda: not office.may_help("adm.alice"), "the role is gone", SOON)
    assert office.site.cli("policy", "check", "adm.alice")["role"] == ""
    office.dc.samba_tool("group", "addmembers", "Help Desk", "Inner Desk")
    wait_until(lambda: office.may_help("adm.alice"), "the role is back", SOON)


def test_who_may_not_sign_in_has_no_role(office: Office) -> None:
    assert office.run("adm.dora", "account", "list").returncode == 0
    office.dc.samba_tool("user", "disable", "adm.dora")
    wait_until(lambda: office.run("adm.dora", "account", "list").returncode == 1, "disabled", SOON)
    said = office.run("adm.dora", "account", "list").stderr
    assert "CONTOSO\\adm.dora has no role: account-disabled-in-directory" in said
    assert office.site.cli("policy", "check", "adm.dora")["role"] == ""


def test_a_reload_gives_and_takes_roles(office: Office) -> None:
    before = office.site.values["more"]
    reloads = len(office.site.log_lines("identity-reloaded"))
    try:
        office.site.write_settings(more=office.dc.settings() + ALICE_ADMINISTERS)
        office.site.reload()
        office.site.wait_for_log_line("identity-reloaded", count=reloads + 1)
        assert office.run("CONTOSO\\adm.alice", "account", "disable", "adm.carl").returncode == 0
        assert office.run("adm.bob", "account", "list").returncode == 1
        assert office.run("CONTOSO\\adm.alice", "account", "enable", "adm.carl").returncode == 0
    finally:
        office.site.write_settings(more=before)
        office.site.reload()
    office.site.wait_for_log_line("identity-reloaded", count=reloads + 2)
    assert office.run("CONTOSO\\adm.alice", "account", "disable", "adm.carl").returncode == 1
