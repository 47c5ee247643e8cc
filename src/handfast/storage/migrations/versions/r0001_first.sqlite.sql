CREATE TABLE accounts (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  user_name TEXT NOT NULL,
  domain TEXT NOT NULL,
  upn TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  display_name TEXT NOT NULL,
  sid TEXT,
  pin_verifier TEXT,
  folded_user TEXT NOT NULL,
  folded_domain TEXT NOT NULL,
  folded_upn TEXT,
  CONSTRAINT uq_accounts_folded_domain_folded_user UNIQUE (folded_domain, folded_user),
  CONSTRAINT ck_accounts_state CHECK (state IN ('enabled', 'disabled')),
  CONSTRAINT ck_accounts_user_name_length CHECK (length(user_name) <= 640),
  CONSTRAINT ck_accounts_domain_length CHECK (length(domain) <= 640),
  CONSTRAINT ck_accounts_upn_length CHECK (length(upn) <= 640),
  CONSTRAINT uq_accounts_sid UNIQUE (sid),
  CONSTRAINT uq_accounts_folded_upn UNIQUE (folded_upn)
)
--;;
CREATE INDEX ix_accounts_folded_user ON accounts (folded_user)
--;;
CREATE TABLE audit_entries (
  chain TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  at BIGINT NOT NULL,
  event TEXT NOT NULL,
  actor TEXT NOT NULL,
  subject TEXT NOT NULL,
  details TEXT NOT NULL,
  previous_mac BLOB NOT NULL,
  mac BLOB NOT NULL,
  CONSTRAINT pk_audit_entries PRIMARY KEY (chain, sequence),
  CONSTRAINT ck_audit_entries_sequence CHECK (sequence > 0)
)
--;;
CREATE TABLE audit_heads (
  chain TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  mac BLOB NOT NULL,
  head_mac BLOB NOT NULL,
  CONSTRAINT pk_audit_heads PRIMARY KEY (chain)
)
--;;
CREATE TABLE counters (
  kind TEXT NOT NULL,
  scope TEXT NOT NULL,
  window_start BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  failures INTEGER NOT NULL,
  CONSTRAINT pk_counters PRIMARY KEY (kind, scope),
  CONSTRAINT ck_counters_kind CHECK (kind IN ('account-source', 'account', 'familiar', 'source', 'unknown-name')),
  CONSTRAINT ck_counters_failures CHECK (failures > 0)
)
 WITHOUT ROWID
--;;
CREATE INDEX ix_counters_ends_at ON counters (ends_at)
--;;
CREATE TABLE evaluations (
  id INTEGER NOT NULL,
  request_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  node TEXT NOT NULL,
  publication TEXT NOT NULL,
  listener TEXT NOT NULL,
  source TEXT NOT NULL,
  channel TEXT NOT NULL,
  login TEXT NOT NULL,
  account_id BIGINT,
  device_id TEXT,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  stages TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  request_line TEXT NOT NULL,
  CONSTRAINT pk_evaluations PRIMARY KEY (id),
  CONSTRAINT ck_evaluations_request_id_length CHECK (length(request_id) <= 640)
)
--;;
CREATE INDEX ix_evaluations_at ON evaluations (at)
--;;
CREATE INDEX ix_evaluations_request_id ON evaluations (request_id)
--;;
CREATE TABLE nodes (
  name TEXT NOT NULL,
  serial TEXT NOT NULL,
  first_seen_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  revoked_at BIGINT,
  CONSTRAINT pk_nodes PRIMARY KEY (name, serial)
)
--;;
CREATE TABLE revocation_epoch (
  id INTEGER NOT NULL,
  epoch BIGINT NOT NULL,
  CONSTRAINT pk_revocation_epoch PRIMARY KEY (id),
  CONSTRAINT ck_revocation_epoch_one_row CHECK (id = 1)
)
--;;
CREATE TABLE revocations (
  epoch INTEGER NOT NULL,
  scope TEXT NOT NULL,
  at BIGINT NOT NULL,
  account_id BIGINT,
  device_id TEXT,
  app_password_id BIGINT,
  publication TEXT,
  node TEXT,
  CONSTRAINT pk_revocations PRIMARY KEY (epoch),
  CONSTRAINT ck_revocations_scope CHECK (scope IN ('account', 'partnership', 'device', 'app-password', 'stored-secret', 'node', 'everything'))
)
--;;
CREATE TABLE app_passwords (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL,
  label TEXT NOT NULL,
  channels TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  use_by BIGINT NOT NULL,
  expires_at BIGINT,
  reserved_device_id TEXT,
  bound_device_id TEXT,
  first_used_at BIGINT,
  last_used_at BIGINT,
  revoked_at BIGINT,
  ntlm_allowed BOOLEAN NOT NULL,
  verifier BLOB NOT NULL,
  verifier_key_id TEXT NOT NULL,
  CONSTRAINT ck_app_passwords_verifier_length CHECK (length(verifier) >= 16),
  CONSTRAINT ck_app_passwords_channels CHECK (channels <> ''),
  CONSTRAINT ck_app_passwords_bound_as_reserved CHECK (reserved_device_id IS NULL OR bound_device_id IS NULL OR bound_device_id = reserved_device_id),
  CONSTRAINT fk_app_passwords_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE,
  CONSTRAINT uq_app_passwords_verifier UNIQUE (verifier)
)
--;;
CREATE INDEX ix_app_passwords_account_id ON app_passwords (account_id)
--;;
CREATE TABLE enrolment_windows (
  account_id INTEGER NOT NULL,
  opened_at BIGINT NOT NULL,
  closes_at BIGINT NOT NULL,
  opened_by TEXT NOT NULL,
  used_by_device_id TEXT,
  CONSTRAINT pk_enrolment_windows PRIMARY KEY (account_id),
  CONSTRAINT ck_enrolment_windows_closes_at CHECK (closes_at >= opened_at),
  CONSTRAINT fk_enrolment_windows_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
)
--;;
CREATE TABLE familiar_networks (
  account_id INTEGER NOT NULL,
  device_id TEXT NOT NULL,
  network TEXT NOT NULL,
  last_success_at BIGINT NOT NULL,
  CONSTRAINT pk_familiar_networks PRIMARY KEY (account_id, device_id, network),
  CONSTRAINT fk_familiar_networks_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
)
 WITHOUT ROWID
--;;
CREATE INDEX ix_familiar_networks_last_success_at ON familiar_networks (last_success_at)
--;;
CREATE TABLE partnerships (
  account_id INTEGER NOT NULL,
  device_id TEXT NOT NULL,
  state TEXT NOT NULL,
  device_type TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  first_seen_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  last_source TEXT NOT NULL,
  model TEXT NOT NULL,
  os TEXT NOT NULL,
  friendly_name TEXT NOT NULL,
  state_reason TEXT NOT NULL,
  CONSTRAINT pk_partnerships PRIMARY KEY (account_id, device_id),
  CONSTRAINT ck_partnerships_state CHECK (state IN ('pending', 'allowed', 'quarantined', 'blocked', 'wiping', 'wiped')),
  CONSTRAINT ck_partnerships_device_id CHECK (device_id <> ''),
  CONSTRAINT ck_partnerships_device_id_length CHECK (length(device_id) <= 640),
  CONSTRAINT fk_partnerships_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
)
 WITHOUT ROWID
--;;
CREATE INDEX ix_partnerships_device_id ON partnerships (device_id)
--;;
CREATE TABLE stored_secrets (
  account_id INTEGER NOT NULL,
  publication TEXT NOT NULL,
  user_name TEXT NOT NULL,
  key_id TEXT NOT NULL,
  sealed BLOB NOT NULL,
  state TEXT NOT NULL,
  suspended_at BIGINT,
  CONSTRAINT pk_stored_secrets PRIMARY KEY (account_id, publication),
  CONSTRAINT ck_stored_secrets_state CHECK (state IN ('active', 'suspended')),
  CONSTRAINT ck_stored_secrets_suspended_at CHECK ((state = 'suspended') = (suspended_at IS NOT NULL)),
  CONSTRAINT fk_stored_secrets_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
)
 WITHOUT ROWID
--;;
CREATE TABLE app_password_nt_hashes (
  app_password_id INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  sealed BLOB NOT NULL,
  CONSTRAINT pk_app_password_nt_hashes PRIMARY KEY (app_password_id, slot),
  CONSTRAINT ck_app_password_nt_hashes_slot CHECK (slot IN (0, 1)),
  CONSTRAINT fk_app_password_nt_hashes_app_password_id FOREIGN KEY(app_password_id) REFERENCES app_passwords (id) ON DELETE CASCADE
)
 WITHOUT ROWID
--;;
CREATE TRIGGER audit_entries_not_edited BEFORE UPDATE ON audit_entries
BEGIN
  SELECT RAISE(ABORT, 'the audit trail is append-only');
END
--;;
CREATE TRIGGER audit_entries_not_deleted BEFORE DELETE ON audit_entries
BEGIN
  SELECT RAISE(ABORT, 'the audit trail is append-only');
END
--;;
CREATE TRIGGER app_passwords_bound_once BEFORE UPDATE ON app_passwords
WHEN OLD.bound_device_id IS NOT NULL AND NEW.bound_device_id IS NOT OLD.bound_device_id
BEGIN
  SELECT RAISE(ABORT, 'an app password is bound once');
END
--;;
CREATE TRIGGER app_passwords_revoked_for_good BEFORE UPDATE ON app_passwords
WHEN OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NOT OLD.revoked_at
BEGIN
  SELECT RAISE(ABORT, 'an app password is revoked for good');
END
--;;
CREATE TRIGGER revocation_epoch_rises BEFORE UPDATE ON revocation_epoch
WHEN NEW.epoch <= OLD.epoch
BEGIN
  SELECT RAISE(ABORT, 'the revocation epoch only rises');
END
--;;
CREATE TRIGGER audit_heads_rise BEFORE UPDATE ON audit_heads
WHEN NEW.sequence <= OLD.sequence
BEGIN
  SELECT RAISE(ABORT, 'the head of the audit trail only rises');
END
--;;
INSERT INTO revocation_epoch (id, epoch) VALUES (1, 0)
