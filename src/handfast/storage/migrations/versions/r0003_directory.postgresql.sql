UPDATE accounts SET sid = NULL WHERE sid IS NOT NULL
--;;
ALTER TABLE accounts
  ADD COLUMN realm VARCHAR COLLATE "C",
  ADD COLUMN read_at BIGINT,
  ADD COLUMN is_present BOOLEAN,
  ADD COLUMN is_enabled BOOLEAN,
  ADD COLUMN is_delegable BOOLEAN,
  ADD COLUMN locked_until BIGINT,
  ADD COLUMN expires_at BIGINT,
  ADD COLUMN password_expires_at BIGINT,
  ADD COLUMN mail VARCHAR COLLATE "C",
  ADD COLUMN folded_mail VARCHAR COLLATE "C",
  ALTER COLUMN folded_user DROP NOT NULL
--;;
ALTER TABLE accounts
  ADD CONSTRAINT ck_accounts_sid_length CHECK (length(sid) <= 640),
  ADD CONSTRAINT ck_accounts_mail_length CHECK (length(mail) <= 640),
  ADD CONSTRAINT ck_accounts_realm_with_sid CHECK ((sid IS NOT NULL) = (realm IS NOT NULL)),
  ADD CONSTRAINT ck_accounts_read_at_with_sid CHECK ((sid IS NOT NULL) = (read_at IS NOT NULL)),
  ADD CONSTRAINT ck_accounts_is_present_with_sid CHECK ((sid IS NOT NULL) = (is_present IS NOT NULL)),
  ADD CONSTRAINT ck_accounts_is_enabled_with_sid CHECK ((sid IS NOT NULL) = (is_enabled IS NOT NULL)),
  ADD CONSTRAINT ck_accounts_is_delegable_with_sid CHECK ((sid IS NOT NULL) = (is_delegable IS NOT NULL)),
  ADD CONSTRAINT ck_accounts_mail_with_sid CHECK ((sid IS NOT NULL) = (mail IS NOT NULL)),
  ADD CONSTRAINT ck_accounts_locked_until_with_sid CHECK (sid IS NOT NULL OR locked_until IS NULL),
  ADD CONSTRAINT ck_accounts_expires_at_with_sid CHECK (sid IS NOT NULL OR expires_at IS NULL),
  ADD CONSTRAINT ck_accounts_password_expires_at_with_sid CHECK (sid IS NOT NULL OR password_expires_at IS NULL),
  ADD CONSTRAINT ck_accounts_folded_mail_with_sid CHECK (sid IS NOT NULL OR folded_mail IS NULL),
  ADD CONSTRAINT ck_accounts_local_is_named CHECK (folded_user IS NOT NULL OR sid IS NOT NULL),
  ADD CONSTRAINT ck_accounts_all_names_or_none CHECK (folded_user IS NOT NULL OR (folded_upn IS NULL AND folded_mail IS NULL))
--;;
CREATE INDEX ix_accounts_expires_at ON accounts (expires_at)
--;;
CREATE INDEX ix_accounts_folded_mail ON accounts (folded_mail)
--;;
CREATE INDEX ix_accounts_password_expires_at ON accounts (password_expires_at)
--;;
CREATE TABLE directory_groups (
  id BIGSERIAL NOT NULL,
  sid VARCHAR COLLATE "C" NOT NULL,
  domain VARCHAR COLLATE "C" NOT NULL,
  name VARCHAR COLLATE "C" NOT NULL,
  CONSTRAINT pk_directory_groups PRIMARY KEY (id),
  CONSTRAINT ck_directory_groups_sid_length CHECK (length(sid) <= 640),
  CONSTRAINT uq_directory_groups_sid UNIQUE (sid)
)
--;;
CREATE TABLE account_groups (
  account_id BIGINT NOT NULL,
  group_id BIGINT NOT NULL,
  CONSTRAINT pk_account_groups PRIMARY KEY (account_id, group_id),
  CONSTRAINT fk_account_groups_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE,
  CONSTRAINT fk_account_groups_group_id FOREIGN KEY(group_id) REFERENCES directory_groups (id)
)
--;;
CREATE TABLE directory_positions (
  invocation_id VARCHAR COLLATE "C" NOT NULL,
  scope VARCHAR COLLATE "C" NOT NULL,
  highest_usn BIGINT NOT NULL,
  read_at BIGINT NOT NULL,
  CONSTRAINT pk_directory_positions PRIMARY KEY (invocation_id),
  CONSTRAINT ck_directory_positions_highest_usn CHECK (highest_usn >= 0)
)
--;;
ALTER TABLE counters
  DROP CONSTRAINT ck_counters_kind,
  ADD CONSTRAINT ck_counters_kind CHECK (kind IN ('account-source', 'account', 'familiar', 'source', 'unknown-name', 'domain', 'domain-trying', 'domain-wrong'))
