CREATE TABLE accounts (
  id BIGSERIAL NOT NULL,
  user_name VARCHAR COLLATE "C" NOT NULL,
  domain VARCHAR COLLATE "C" NOT NULL,
  upn VARCHAR COLLATE "C" NOT NULL,
  state VARCHAR COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  display_name VARCHAR COLLATE "C" NOT NULL,
  sid VARCHAR COLLATE "C",
  pin_verifier VARCHAR COLLATE "C",
  folded_user VARCHAR COLLATE "C" NOT NULL,
  folded_domain VARCHAR COLLATE "C" NOT NULL,
  folded_upn VARCHAR COLLATE "C",
  CONSTRAINT pk_accounts PRIMARY KEY (id),
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
  chain VARCHAR COLLATE "C" NOT NULL,
  sequence BIGINT NOT NULL,
  at BIGINT NOT NULL,
  event VARCHAR COLLATE "C" NOT NULL,
  actor VARCHAR COLLATE "C" NOT NULL,
  subject VARCHAR COLLATE "C" NOT NULL,
  details VARCHAR COLLATE "C" NOT NULL,
  previous_mac BYTEA NOT NULL,
  mac BYTEA NOT NULL,
  CONSTRAINT pk_audit_entries PRIMARY KEY (chain, sequence),
  CONSTRAINT ck_audit_entries_sequence CHECK (sequence > 0)
)
--;;
CREATE TABLE audit_heads (
  chain VARCHAR COLLATE "C" NOT NULL,
  sequence BIGINT NOT NULL,
  mac BYTEA NOT NULL,
  head_mac BYTEA NOT NULL,
  CONSTRAINT pk_audit_heads PRIMARY KEY (chain)
)
--;;
CREATE TABLE counters (
  kind VARCHAR COLLATE "C" NOT NULL,
  scope VARCHAR COLLATE "C" NOT NULL,
  window_start BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  failures INTEGER NOT NULL,
  CONSTRAINT pk_counters PRIMARY KEY (kind, scope),
  CONSTRAINT ck_counters_kind CHECK (kind IN ('account-source', 'account', 'familiar', 'source', 'unknown-name')),
  CONSTRAINT ck_counters_failures CHECK (failures > 0)
)
--;;
CREATE INDEX ix_counters_ends_at ON counters (ends_at)
--;;
CREATE TABLE evaluations (
  id BIGSERIAL NOT NULL,
  request_id VARCHAR COLLATE "C" NOT NULL,
  at BIGINT NOT NULL,
  node VARCHAR COLLATE "C" NOT NULL,
  publication VARCHAR COLLATE "C" NOT NULL,
  listener VARCHAR COLLATE "C" NOT NULL,
  source VARCHAR COLLATE "C" NOT NULL,
  channel VARCHAR COLLATE "C" NOT NULL,
  login VARCHAR COLLATE "C" NOT NULL,
  account_id BIGINT,
  device_id VARCHAR COLLATE "C",
  outcome VARCHAR COLLATE "C" NOT NULL,
  reason VARCHAR COLLATE "C" NOT NULL,
  stages VARCHAR COLLATE "C" NOT NULL,
  user_agent VARCHAR COLLATE "C" NOT NULL,
  request_line VARCHAR COLLATE "C" NOT NULL,
  CONSTRAINT pk_evaluations PRIMARY KEY (id),
  CONSTRAINT ck_evaluations_request_id_length CHECK (length(request_id) <= 640)
)
--;;
CREATE INDEX ix_evaluations_at ON evaluations (at)
--;;
CREATE INDEX ix_evaluations_request_id ON evaluations (request_id)
--;;
CREATE TABLE nodes (
  name VARCHAR COLLATE "C" NOT NULL,
  serial VARCHAR COLLATE "C" NOT NULL,
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
  epoch BIGINT NOT NULL,
  scope VARCHAR COLLATE "C" NOT NULL,
  at BIGINT NOT NULL,
  account_id BIGINT,
  device_id VARCHAR COLLATE "C",
  app_password_id BIGINT,
  publication VARCHAR COLLATE "C",
  node VARCHAR COLLATE "C",
  CONSTRAINT pk_revocations PRIMARY KEY (epoch),
  CONSTRAINT ck_revocations_scope CHECK (scope IN ('account', 'partnership', 'device', 'app-password', 'stored-secret', 'node', 'everything'))
)
--;;
CREATE TABLE app_passwords (
  id BIGSERIAL NOT NULL,
  account_id BIGINT NOT NULL,
  label VARCHAR COLLATE "C" NOT NULL,
  channels VARCHAR COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  use_by BIGINT NOT NULL,
  expires_at BIGINT,
  reserved_device_id VARCHAR COLLATE "C",
  bound_device_id VARCHAR COLLATE "C",
  first_used_at BIGINT,
  last_used_at BIGINT,
  revoked_at BIGINT,
  ntlm_allowed BOOLEAN NOT NULL,
  verifier BYTEA NOT NULL,
  verifier_key_id VARCHAR COLLATE "C" NOT NULL,
  CONSTRAINT pk_app_passwords PRIMARY KEY (id),
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
  account_id BIGINT NOT NULL,
  opened_at BIGINT NOT NULL,
  closes_at BIGINT NOT NULL,
  opened_by VARCHAR COLLATE "C" NOT NULL,
  used_by_device_id VARCHAR COLLATE "C",
  CONSTRAINT pk_enrolment_windows PRIMARY KEY (account_id),
  CONSTRAINT ck_enrolment_windows_closes_at CHECK (closes_at >= opened_at),
  CONSTRAINT fk_enrolment_windows_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
)
--;;
CREATE TABLE familiar_networks (
  account_id BIGINT NOT NULL,
  device_id VARCHAR COLLATE "C" NOT NULL,
  network VARCHAR COLLATE "C" NOT NULL,
  last_success_at BIGINT NOT NULL,
  CONSTRAINT pk_familiar_networks PRIMARY KEY (account_id, device_id, network),
  CONSTRAINT fk_familiar_networks_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
)
--;;
CREATE INDEX ix_familiar_networks_last_success_at ON familiar_networks (last_success_at)
--;;
CREATE TABLE partnerships (
  account_id BIGINT NOT NULL,
  device_id VARCHAR COLLATE "C" NOT NULL,
  state VARCHAR COLLATE "C" NOT NULL,
  device_type VARCHAR COLLATE "C" NOT NULL,
  user_agent VARCHAR COLLATE "C" NOT NULL,
  first_seen_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  last_source VARCHAR COLLATE "C" NOT NULL,
  model VARCHAR COLLATE "C" NOT NULL,
  os VARCHAR COLLATE "C" NOT NULL,
  friendly_name VARCHAR COLLATE "C" NOT NULL,
  state_reason VARCHAR COLLATE "C" NOT NULL,
  CONSTRAINT pk_partnerships PRIMARY KEY (account_id, device_id),
  CONSTRAINT ck_partnerships_state CHECK (state IN ('pending', 'allowed', 'quarantined', 'blocked', 'wiping', 'wiped')),
  CONSTRAINT ck_partnerships_device_id CHECK (device_id <> ''),
  CONSTRAINT ck_partnerships_device_id_length CHECK (length(device_id) <= 640),
  CONSTRAINT fk_partnerships_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
)
--;;
CREATE INDEX ix_partnerships_device_id ON partnerships (device_id)
--;;
CREATE TABLE stored_secrets (
  account_id BIGINT NOT NULL,
  publication VARCHAR COLLATE "C" NOT NULL,
  user_name VARCHAR COLLATE "C" NOT NULL,
  key_id VARCHAR COLLATE "C" NOT NULL,
  sealed BYTEA NOT NULL,
  state VARCHAR COLLATE "C" NOT NULL,
  suspended_at BIGINT,
  CONSTRAINT pk_stored_secrets PRIMARY KEY (account_id, publication),
  CONSTRAINT ck_stored_secrets_state CHECK (state IN ('active', 'suspended')),
  CONSTRAINT ck_stored_secrets_suspended_at CHECK ((state = 'suspended') = (suspended_at IS NOT NULL)),
  CONSTRAINT fk_stored_secrets_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
)
--;;
CREATE TABLE app_password_nt_hashes (
  app_password_id BIGINT NOT NULL,
  slot INTEGER NOT NULL,
  key_id VARCHAR COLLATE "C" NOT NULL,
  sealed BYTEA NOT NULL,
  CONSTRAINT pk_app_password_nt_hashes PRIMARY KEY (app_password_id, slot),
  CONSTRAINT ck_app_password_nt_hashes_slot CHECK (slot IN (0, 1)),
  CONSTRAINT fk_app_password_nt_hashes_app_password_id FOREIGN KEY(app_password_id) REFERENCES app_passwords (id) ON DELETE CASCADE
)
--;;
CREATE FUNCTION audit_entries_not_edited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$
--;;
CREATE TRIGGER audit_entries_not_edited BEFORE UPDATE ON audit_entries
FOR EACH ROW EXECUTE FUNCTION audit_entries_not_edited()
--;;
CREATE FUNCTION audit_entries_not_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$
--;;
CREATE TRIGGER audit_entries_not_deleted BEFORE DELETE ON audit_entries
FOR EACH ROW EXECUTE FUNCTION audit_entries_not_deleted()
--;;
CREATE FUNCTION app_passwords_bound_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an app password is bound once' USING ERRCODE = 'integrity_constraint_violation';
END $$
--;;
CREATE TRIGGER app_passwords_bound_once BEFORE UPDATE ON app_passwords
FOR EACH ROW
WHEN (OLD.bound_device_id IS NOT NULL AND NEW.bound_device_id IS DISTINCT FROM OLD.bound_device_id) EXECUTE FUNCTION app_passwords_bound_once()
--;;
CREATE FUNCTION app_passwords_revoked_for_good() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an app password is revoked for good' USING ERRCODE = 'integrity_constraint_violation';
END $$
--;;
CREATE TRIGGER app_passwords_revoked_for_good BEFORE UPDATE ON app_passwords
FOR EACH ROW
WHEN (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at) EXECUTE FUNCTION app_passwords_revoked_for_good()
--;;
CREATE FUNCTION revocation_epoch_rises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the revocation epoch only rises' USING ERRCODE = 'integrity_constraint_violation';
END $$
--;;
CREATE TRIGGER revocation_epoch_rises BEFORE UPDATE ON revocation_epoch
FOR EACH ROW
WHEN (NEW.epoch <= OLD.epoch) EXECUTE FUNCTION revocation_epoch_rises()
--;;
CREATE FUNCTION audit_heads_rise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the head of the audit trail only rises' USING ERRCODE = 'integrity_constraint_violation';
END $$
--;;
CREATE TRIGGER audit_heads_rise BEFORE UPDATE ON audit_heads
FOR EACH ROW
WHEN (NEW.sequence <= OLD.sequence) EXECUTE FUNCTION audit_heads_rise()
--;;
CREATE FUNCTION audit_entries_not_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$
--;;
CREATE TRIGGER audit_entries_not_truncated BEFORE TRUNCATE ON audit_entries
FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_not_truncated()
--;;
INSERT INTO revocation_epoch (id, epoch) VALUES (1, 0)
