"""Invariants a table definition can't say: the trail is append-only, a binding and a revocation are final."""

from __future__ import annotations

_SQLITE_GUARD = """\
CREATE TRIGGER {name} BEFORE {event} ON {table}{condition}
BEGIN
  SELECT RAISE(ABORT, '{said}');
END"""

_POSTGRESQL_FUNCTION = """\
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '{said}' USING ERRCODE = 'integrity_constraint_violation';
END $$"""

_POSTGRESQL_GUARD = """\
CREATE TRIGGER {name} BEFORE {event} ON {table}
FOR EACH {each}{condition} EXECUTE FUNCTION {name}()"""

_GUARDS = (
    # name, table, event, what must not happen, message
    ("audit_entries_not_edited", "audit_entries", "UPDATE", "", "the audit trail is append-only"),
    ("audit_entries_not_deleted", "audit_entries", "DELETE", "", "the audit trail is append-only"),
    (
        "app_passwords_bound_once",
        "app_passwords",
        "UPDATE",
        "OLD.bound_device_id IS NOT NULL AND NEW.bound_device_id {differs} OLD.bound_device_id",
        "an app password is bound once",
    ),
    (
        "app_passwords_revoked_for_good",
        "app_passwords",
        "UPDATE",
        "OLD.revoked_at IS NOT NULL AND NEW.revoked_at {differs} OLD.revoked_at",
        "an app password is revoked for good",
    ),
    (
        "revocation_epoch_rises",
        "revocation_epoch",
        "UPDATE",
        "NEW.epoch <= OLD.epoch",
        "the revocation epoch only rises",
    ),
    (
        "audit_heads_rise",
        "audit_heads",
        "UPDATE",
        "NEW.sequence <= OLD.sequence",
        "the head of the audit trail only rises",
    ),
)


def sqlite_triggers() -> list[str]:
    """CREATE TRIGGER statements for SQLite."""
    return [
        _SQLITE_GUARD.format(
            name=name,
            table=table,
            event=event,
            said=said,
            condition=f"\nWHEN {condition.format(differs='IS NOT')}" if condition else "",
        )
        for name, table, event, condition, said in _GUARDS
    ]


def postgresql_triggers() -> list[str]:
    """Functions and triggers for PostgreSQL, where TRUNCATE would otherwise pass a row trigger by."""
    guards = [(*guard, "ROW") for guard in _GUARDS]
    truncate = (
        "audit_entries_not_truncated",
        "audit_entries",
        "TRUNCATE",
        "",
        "the audit trail is append-only",
    )
    guards.append((*truncate, "STATEMENT"))
    statements = []
    for name, table, event, condition, said, each in guards:
        when = f"\nWHEN ({condition.format(differs='IS DISTINCT FROM')})" if condition else ""
        statements.append(_POSTGRESQL_FUNCTION.format(name=name, said=said))
        statements.append(
            _POSTGRESQL_GUARD.format(name=name, table=table, event=event, each=each, condition=when)
        )
    return statements
