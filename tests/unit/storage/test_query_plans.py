"""No query of a sign-in reads a whole table: with a million devices a look-up stays a look-up."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.selectable import SelectBase

from handfast.storage.repositories import (
    account_groups,
    account_groups_in_use,
    accounts,
    app_passwords,
    audit_trail,
    counters,
    evaluations,
    nodes,
    partnerships,
    positions,
    revocations,
    stored_secrets,
    windows,
)
from handfast.storage.statements import Compiled

MODULES = (
    account_groups,
    account_groups_in_use,
    accounts,
    app_passwords,
    audit_trail,
    counters,
    evaluations,
    nodes,
    partnerships,
    positions,
    revocations,
    stored_secrets,
    windows,
)
# For administrators: they list or clear all, and walk an index page by page or the whole trail.
LISTINGS = {
    "account_groups_in_use._IN_USE",
    "accounts._COUNT",
    "accounts._MIRRORED",
    "audit_trail._CHAINS",
    "audit_trail._OF_ALL",
    "counters._CLEAR_ALL",
    "counters._LIST",
    "evaluations._RECENT",
    "nodes._LIST",
}
# These sort or group what one account has: a handful.
SMALL_SORTS = {"app_passwords._HASHES", "partnerships._STATES", "accounts._BY_USER", "accounts._BY_MAIL"}
# A row, or one a domain controller.
ONE_ROW = {
    "revocations._CURRENT",
    "revocations._NEXT",
    "positions._LIST",
    "positions._NEWEST",
    "positions._FORGET_OTHERS",
    "positions._NOT_AHEAD",
}
BASES = {
    "account_groups._GROUP",
    "account_groups._WITH_ID",
    "accounts.ACCOUNT",
    "app_passwords._PASSWORD",
    "partnerships._PARTNERSHIP",
    "counters._COUNTER",
    "evaluations._EVALUATION",
    "audit_trail._ENTRY",
    "revocations._NOTIFY",
}


def statements() -> dict[str, object]:
    found = {}
    for module in MODULES:
        short = module.__name__.rpartition(".")[2]
        for name, known in vars(module).items():
            value = known.get("sqlite") if isinstance(known, dict) else known
            if (
                name.isupper()
                and isinstance(value, SelectBase | UpdateBase)
                and f"{short}.{name}" not in BASES
            ):
                found[f"{short}.{name}"] = value
    return found


HOT = {name: value for name, value in statements().items() if name not in LISTINGS | ONE_ROW}


def test_the_hot_statements_are_found() -> None:
    assert {
        "app_passwords._BY_VERIFIER",
        "partnerships._BY_KEY",
        "counters._FIND",
        "accounts._BY_UPN",
        "accounts._BY_SIDS",
        "accounts._WITHOUT_UPN",
        "account_groups._MEMBERSHIPS",
    } <= set(HOT)
    assert len(HOT) > 40


@pytest.mark.parametrize("name", HOT)
def test_no_scan(path, name) -> None:
    compiled = Compiled(HOT[name], sqlite.dialect(paramstyle="named"))
    values = dict.fromkeys(HOT[name].compile(dialect=sqlite.dialect(paramstyle="named")).params, 1)
    connection = sqlite3.connect(path)
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {compiled.text}", values)]
    connection.close()
    # What is given as a list is read from beginning to end, the table it is looked up in is not.
    assert not [step for step in plan if step.startswith("SCAN") and "json_each" not in step], plan
    assert not [step for step in plan if "TEMP B-TREE" in step and name not in SMALL_SORTS], plan
