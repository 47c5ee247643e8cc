"""Cases: the domain's lockout, where a listener takes domain passwords."""

from __future__ import annotations

import subprocess

from handfast.doctor.findings import FindingId
from tests.doctor.case import World, case
from tests.integration.directory.policies import let_read, make_policy
from tests.servers.samba import BASE, DomainController

F = FindingId
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
    F.DOMAIN_LOCKOUT_UNKNOWN, "no domain controller says", remedy="`handfast directory check`", needs=NEEDED
)
def no_controller_answers(world):
    dc = joined(world)
    dc.stop()
    yield world.site
    dc.start()


@case(F.DOMAIN_LOCKOUT_UNKNOWN, "bind_password_file", remedy="`handfast directory init`", needs=NEEDED)
def the_password_to_read_with_is_gone(world):
    file = joined(world).password_file()
    password = file.read_text()
    file.write_text("")
    yield world.site
    file.write_text(password)
