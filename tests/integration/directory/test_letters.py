"""Which names a real domain controller takes for one, and which it keeps apart: there two may be two accounts or groups."""

from __future__ import annotations

import json
import subprocess

from handfast.identity.names import resolve_account
from handfast.identity.subjects import build_subjects
from handfast.protocols.http_auth.login_name import parse_login
from handfast.protocols.ntlm.upcase import is_surely_one, upcase
from tests.fakes.mirror import Mirror
from tests.integration.directory.conftest import Reader
from tests.servers.samba import NEEDS
from tests.servers.samba_domain import GLOBAL_SECURITY, USERS, group_entry, line, user_entry

pytestmark = NEEDS
COMPARE = "import json, samba, sys; print([samba.strcasecmp_m(*pair) for pair in json.load(sys.stdin)])"
"""Samba's own comparison of names, by the interpreter of its tools."""


def by_samba(pairs):
    said = subprocess.run(
        ["/usr/bin/python3", "-c", COMPARE],
        input=json.dumps(pairs),
        capture_output=True,
        text=True,
        check=True,
    )
    return [order == 0 for order in json.loads(said.stdout)]


def test_what_is_surely_one_is_one_to_samba():
    letters = [chr(code) for code in range(0x80, 0x10000) if not 0xD800 <= code < 0xE000]
    joined = [(one, upcase(one)) for one in letters if one != upcase(one)]
    told = dict(zip(joined, by_samba(joined), strict=True))
    kept_apart = {pair for pair, is_one in told.items() if not is_one}
    surely = {pair for pair in joined if is_surely_one(*pair)}
    assert ("ș", "Ș") in kept_apart
    assert len(surely) > 300
    assert surely & kept_apart == set()


async def test_whoever_makes_what_the_domain_keeps_apart_gets_nothing_of_who_is_there(fresh_dc, opened):
    add = lambda text: text.replace("objectClass", "changetype: add\nobjectClass", 1)
    fresh_dc.ldbmodify(add(user_entry("ștefan", {}, "Passw0rd.1")))
    fresh_dc.ldbmodify(add(group_entry("Direcție", (), GLOBAL_SECURITY)))
    reader, mirror = Reader(opened(fresh_dc)), Mirror()

    async def read():
        mirror.tell(*(await reader.read()).values())
        return {user: mirror.by_name(user) for user in ("ștefan", "alice", "bob")}

    def join(group, user):
        where = line("dn", f"CN={group},{USERS}") + "changetype: modify\nadd: member\n"
        fresh_dc.ldbmodify(where + line("member", f"CN={user},{USERS}") + "\n")

    join("Direcție", "alice")
    before = (await read())["ștefan"]
    newcomer = {"sAMAccountName": "Ștefan", "userPrincipalName": "other@contoso.lab"}
    fresh_dc.ldbmodify(add(user_entry("other", newcomer, "Passw0rd.1")))
    theirs = add(group_entry("Another", (), GLOBAL_SECURITY))
    fresh_dc.ldbmodify(theirs.replace(line("sAMAccountName", "Another"), line("sAMAccountName", "DirecȚie")))
    join("Another", "bob")
    after = await read()
    assert after["ștefan"] == before
    assert not before.is_gone
    assert resolve_account(mirror.r, parse_login("CONTOSO\\Ștefan"), "") == before
    rule = build_subjects(("CONTOSO\\ștefan",), ("CONTOSO\\Direcție",), "CONTOSO")
    fitting = {user for user, one in after.items() if rule.include(one, mirror.r.accounts.groups_of(one.id))}
    assert fitting == {"ștefan", "alice"}
    assert {one.name for one in mirror.r.accounts.groups_of(after["bob"].id)} >= {"DirecȚie"}
