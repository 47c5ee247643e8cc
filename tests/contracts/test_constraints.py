"""What the records promise, the schema enforces: SQL past the repositories is refused."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

import psycopg
import pytest

from handfast.identity.records import EnrolmentWindow, Partnership, PartnershipState, StoredSecret
from tests.contracts.raw_sql import run_sql
from tests.fakes.clock import START

REFUSED = (sqlite3.IntegrityError, psycopg.errors.IntegrityError)


async def fill(records) -> None:
    def work(r):
        account = r.accounts.add(user="a", domain="D", upn="a@x", display_name="", now=START)
        for number, reserved in ((1, None), (2, "RESERVED")):
            password = r.app_passwords.add(
                account_id=account.id,
                label="l",
                channels=frozenset({"activesync"}),
                verifier=bytes([number]) * 32,
                verifier_key_id="k1",
                use_by=START + timedelta(days=1),
                expires_at=None,
                reserved_device_id=reserved,
                ntlm_allowed=True,
                now=START,
            )
        r.app_passwords.bind(1, "DEV", START)
        r.app_passwords.revoke(1, START)
        assert not r.app_passwords.bind(password.id, "OTHER", START), "reserved for another device"
        r.app_passwords.add_nt_hash(1, slot=0, key_id="k1", sealed=b"s")
        r.partnerships.add(Partnership(account.id, "DEV", PartnershipState.ALLOWED, "t", "", START, START))
        r.windows.save(EnrolmentWindow(account.id, START, START + timedelta(minutes=1), "uid:0"))
        r.stored_secrets.save(StoredSecret(account.id, "mail", "u", "k1", b"s"))

    await records.write(work)


STATEMENTS = [
    "UPDATE app_passwords SET bound_device_id = 'OTHER' WHERE id = 1",
    "UPDATE app_passwords SET bound_device_id = NULL WHERE id = 1",
    "UPDATE app_passwords SET revoked_at = NULL WHERE id = 1",
    "UPDATE app_passwords SET bound_device_id = 'OTHER' WHERE id = 2",
    "UPDATE app_passwords SET verifier = (SELECT verifier FROM app_passwords WHERE id = 1) WHERE id = 2",
    "UPDATE app_passwords SET channels = ''",
    "UPDATE app_passwords SET account_id = 99",
    "UPDATE app_password_nt_hashes SET slot = 2",
    "UPDATE accounts SET state = 'whatever'",
    "UPDATE partnerships SET state = 'whatever'",
    "UPDATE partnerships SET device_id = ''",
    "UPDATE partnerships SET state = 'wiping'",
    "UPDATE partnerships SET state = 'wiped', wipe_kind = 'device', wipe_requested_at = 1",
    "UPDATE partnerships SET wipe_kind = 'device', wipe_requested_at = 1",
    "UPDATE partnerships SET state = 'wiping', wipe_kind = 'everything', wipe_requested_at = 1",
    "UPDATE partnerships SET state = 'wiping', wipe_kind = 'device', wipe_requested_at = 1, wipe_acknowledged_at = 2",
    "UPDATE partnerships SET wipe_sent_at = 1",
    "UPDATE partnerships SET wipe_status = 1",
    "UPDATE enrolment_windows SET closes_at = opened_at - 1",
    "UPDATE stored_secrets SET state = 'suspended'",
    "INSERT INTO accounts (user_name, domain, upn, state, created_at, display_name, folded_user, folded_domain) VALUES ('A', 'd', '', 'enabled', 0, '', 'A', 'D')",
    "INSERT INTO counters (kind, scope, window_start, ends_at, failures) VALUES ('account', '1', 0, 0, 0)",
    "INSERT INTO counters (kind, scope, window_start, ends_at, failures) VALUES ('odd', '1', 0, 0, 1)",
]


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_refused(sql_records, database_url, statement) -> None:
    await fill(sql_records)
    with pytest.raises(REFUSED):
        run_sql(database_url, statement)


async def test_what_belongs_to_nobody_is_a_lookup_error(sql_records) -> None:
    orphan = Partnership(99, "DEV", PartnershipState.ALLOWED, "t", "", START, START)
    with pytest.raises(LookupError):
        await sql_records.write(lambda r: r.partnerships.add(orphan))


async def test_a_name_too_long_is_a_value_error(sql_records) -> None:
    with pytest.raises(ValueError, match="schema refuses"):
        await sql_records.write(
            lambda r: r.accounts.add(user="a" * 641, domain="", upn="", display_name="", now=START)
        )
