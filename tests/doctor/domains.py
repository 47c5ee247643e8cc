"""Cases: the directory, Kerberos, and the domain's lockout where a listener takes domain passwords."""

from __future__ import annotations

import json
import math
import subprocess

from handfast.doctor.findings import FindingId
from tests.doctor.case import World, case, run_commands
from tests.installation import Installation
from tests.integration.directory.policies import let_read, make_policy
from tests.servers.processes import wait_until
from tests.servers.samba import BASE, DomainController
from tests.servers.samba_domain import user_dn

F = FindingId
USER_ACCOUNT_CONTROL = "bf967a68-0de6-11d0-a285-00aa003049e2"
"""schemaIDGUID (MS-ADA3)."""
NEEDED = ("samba", "samba-tool", "ldbmodify", "kinit")


def joined(world: World, *, is_shown: bool = True) -> DomainController:
    """A domain whose passwords the listener takes. Its fine-grained policies are shown to us, or as by default hidden."""
    dc = world.stack.enter_context(DomainController())
    if is_shown:
        let_read(dc)
    world.site.write_settings(
        listener="inside = true",
        publication='domain_password_listeners = ["outside"]',
        more=dc.settings(lockout_margin=2),
    )
    return dc


@case(
    F.DOMAIN_LOCKOUT_MARGIN,
    "after 2 wrong",
    "margin is 2",
    remedy="raise the domain's threshold",
    needs=NEEDED,
)
def the_domain_locks_too_soon(world):
    dc = joined(world)
    dc.set_values(BASE, lockoutThreshold=2)
    yield world.site
    dc.set_values(BASE, lockoutThreshold=3)


@case(F.DOMAIN_LOCKOUT_MARGIN, remedy="lower `lockout_margin`", needs=NEEDED)
def the_margin_is_too_wide(world):
    dc = joined(world)
    world.site.write_settings(more=dc.settings(lockout_margin=5))
    yield world.site
    world.site.write_settings(more=dc.settings(lockout_margin=4))


@case(
    F.DOMAIN_LOCKOUT_MARGIN,
    "the policy strict locks after 2",
    remedy="raise that policy's threshold",
    severity="warning",
    needs=NEEDED,
)
def a_policy_locks_too_soon(world):
    dc = joined(world)
    make_policy(dc, "strict", 10, 2, "alice")
    yield world.site
    dc.samba_tool(*("domain", "passwordsettings", "pso", "set", "strict", "--account-lockout-threshold=5"))


@case(F.DOMAIN_LOCKOUT_NEVER, remedy="set an account lockout threshold", severity="warning", needs=NEEDED)
def the_domain_locks_nobody(world):
    dc = joined(world)
    dc.set_values(BASE, lockoutThreshold=0)
    yield world.site
    dc.set_values(BASE, lockoutThreshold=5)


@case(F.DOMAIN_LOCKOUT_UNKNOWN, "can't be read;", remedy="let svc-read@", severity="warning", needs=NEEDED)
def policies_are_hidden(world):
    dc = joined(world, is_shown=False)
    [told] = yield world.site
    line = told["remedy"].rpartition("in a Samba domain `")[2].removesuffix("`")
    line = line.replace("/var/lib/samba/private/sam.ldb", dc.database)
    line += f" -H {dc.database} -s {dc.home}/etc/smb.conf"
    subprocess.run(["sh", "-ec", line], check=True, capture_output=True, timeout=60)


@case(
    F.DOMAIN_LOCKOUT_UNKNOWN,
    "no domain controller says",
    remedy="`handfast directory check`",
    beside=frozenset({F.DIRECTORY_CONTROLLER}),
    needs=NEEDED,
)
def no_controller_answers(world):
    dc = joined(world)
    dc.stop()
    yield world.site
    dc.start()


@case(F.DIRECTORY_SETUP, "bind_password_file", remedy="`handfast directory init`", needs=NEEDED)
def the_password_to_read_with_is_gone(world):
    file = joined(world).password_file()
    password = file.read_text()
    file.write_text("")
    yield world.site
    file.write_text(password)


def mirrored(world: World, **more: object) -> DomainController:
    """A domain whose accounts are mirrored, and nothing else."""
    dc = world.stack.enter_context(DomainController())
    world.site.write_settings(more=dc.settings(**more))
    return dc


@case(F.DIRECTORY_CONTROLLER, "dc1.contoso.lab", remedy="is it up", needs=NEEDED)
def the_controller_is_down(world):
    dc = mirrored(world)
    dc.stop()
    yield world.site
    dc.start()


@case(F.DIRECTORY_BIND, "the user name or password is wrong", remedy="its password file", needs=NEEDED)
def the_password_to_read_with_is_wrong(world):
    file = mirrored(world).password_file()
    password = file.read_text()
    file.write_text("Mistyped-1\n")
    yield world.site
    file.write_text(password)


@case(F.DIRECTORY_SCOPE, "(mail=nobody@x)", remedy="`account_filter`", needs=NEEDED)
def nobody_fits_the_filter(world):
    dc = mirrored(world, account_filter="(mail=nobody@x)")
    yield world.site
    world.site.write_settings(more=dc.settings())


def mirror_age(site: Installation) -> float:
    """Seconds; endless where nothing was read yet."""
    age = json.loads(site.run("directory", "check", "--json").stdout)["mirror_age_seconds"]
    return math.inf if age is None else age


def mirroring(world: World) -> tuple[Installation, DomainController]:
    """An installation that runs and has read its domain."""
    site, dc = world.stopped(), world.stack.enter_context(DomainController())
    site.write_settings(more=dc.settings(timeout_seconds=1.0))
    site.start()
    world.stack.callback(site.stop)
    wait_until(lambda: mirror_age(site) < 4, "the domain is mirrored")
    return site, dc


def unreadable(site: Installation) -> list[str]:
    """What `handfast directory check` says of accounts that can't be judged."""
    told = json.loads(site.run("directory", "check", "--json").stdout)["findings"]
    return [one["what"] for one in told if one["id"] == F.DIRECTORY_UNREADABLE.value]


@case(
    F.DIRECTORY_UNREADABLE,
    "can't be judged",
    ": 1",
    remedy="read all attributes",
    severity="warning",
    needs=NEEDED,
)
def an_account_hides_its_state(world):
    site, dc = mirroring(world)
    rights, reader = dc.value("bob", "nTSecurityDescriptor"), dc.value("svc-read", "objectSid")
    what = f"--sddl=(OD;;RP;{USER_ACCOUNT_CONTROL};;{reader})"
    dc.samba_tool("dsacl", "set", f"--objectdn={user_dn('bob')}", what)
    wait_until(lambda: unreadable(site), "it is found unreadable", 30)
    assert site.cli("account", "show", "CONTOSO\\bob")["directory_state"] == "unreadable"
    yield site
    dc.set_user("bob", nTSecurityDescriptor=rights)
    wait_until(lambda: not unreadable(site), "it is read again", 60)


@case(
    F.DIRECTORY_MIRROR,
    "s old",
    remedy="its log",
    severity="warning",
    beside=frozenset({F.DIRECTORY_CONTROLLER}),
    needs=NEEDED,
)
def the_mirror_is_old(world):
    site, dc = mirroring(world)
    with dc.frozen():
        wait_until(lambda: mirror_age(site) > 5, "the mirror is old", 30)
        yield site
    wait_until(lambda: mirror_age(site) < 4, "it is read again", 60)


@case(F.KERBEROS_SETUP, "others than its owner", remedy="chmod 600", needs=NEEDED)
def others_may_use_the_keytab(world):
    dc = mirrored(world)
    keytab = dc.keytab("gw")
    section = f'[kerberos]\nkeytab = "{keytab}"\nprincipal = "svc-gw@CONTOSO.LAB"\n'
    world.site.write_settings(more=f"{dc.settings()}\n{section}")
    keytab.chmod(0o644)
    [told] = yield world.site
    run_commands(told["remedy"].partition("`")[2].partition("`")[0])
