CREATE TABLE accounts_before AS SELECT * FROM accounts
--;;
CREATE TABLE accounts_sequence_before AS SELECT seq FROM sqlite_sequence WHERE name = 'accounts'
--;;
DROP TABLE accounts
--;;
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
  folded_user TEXT,
  folded_domain TEXT NOT NULL,
  folded_upn TEXT,
  realm TEXT,
  read_at BIGINT,
  is_present BOOLEAN,
  is_enabled BOOLEAN,
  is_delegable BOOLEAN,
  locked_until BIGINT,
  expires_at BIGINT,
  password_expires_at BIGINT,
  password_set_at BIGINT,
  mail TEXT,
  folded_mail TEXT,
  CONSTRAINT uq_accounts_folded_domain_folded_user UNIQUE (folded_domain, folded_user),
  CONSTRAINT ck_accounts_state CHECK (state IN ('enabled', 'disabled')),
  CONSTRAINT ck_accounts_user_name_length CHECK (length(user_name) <= 640),
  CONSTRAINT ck_accounts_domain_length CHECK (length(domain) <= 640),
  CONSTRAINT ck_accounts_upn_length CHECK (length(upn) <= 640),
  CONSTRAINT ck_accounts_sid_length CHECK (length(sid) <= 640),
  CONSTRAINT ck_accounts_mail_length CHECK (length(mail) <= 640),
  CONSTRAINT ck_accounts_realm_with_sid CHECK ((sid IS NOT NULL) = (realm IS NOT NULL)),
  CONSTRAINT ck_accounts_read_at_with_sid CHECK ((sid IS NOT NULL) = (read_at IS NOT NULL)),
  CONSTRAINT ck_accounts_is_present_with_sid CHECK ((sid IS NOT NULL) = (is_present IS NOT NULL)),
  CONSTRAINT ck_accounts_is_enabled_with_sid CHECK ((sid IS NOT NULL) = (is_enabled IS NOT NULL)),
  CONSTRAINT ck_accounts_is_delegable_with_sid CHECK ((sid IS NOT NULL) = (is_delegable IS NOT NULL)),
  CONSTRAINT ck_accounts_mail_with_sid CHECK ((sid IS NOT NULL) = (mail IS NOT NULL)),
  CONSTRAINT ck_accounts_locked_until_with_sid CHECK (sid IS NOT NULL OR locked_until IS NULL),
  CONSTRAINT ck_accounts_expires_at_with_sid CHECK (sid IS NOT NULL OR expires_at IS NULL),
  CONSTRAINT ck_accounts_password_expires_at_with_sid CHECK (sid IS NOT NULL OR password_expires_at IS NULL),
  CONSTRAINT ck_accounts_password_set_at_with_sid CHECK (sid IS NOT NULL OR password_set_at IS NULL),
  CONSTRAINT ck_accounts_folded_mail_with_sid CHECK (sid IS NOT NULL OR folded_mail IS NULL),
  CONSTRAINT ck_accounts_local_is_named CHECK (folded_user IS NOT NULL OR sid IS NOT NULL),
  CONSTRAINT ck_accounts_all_names_or_none CHECK (folded_user IS NOT NULL OR (folded_upn IS NULL AND folded_mail IS NULL)),
  CONSTRAINT uq_accounts_sid UNIQUE (sid),
  CONSTRAINT uq_accounts_folded_upn UNIQUE (folded_upn)
)
--;;
INSERT INTO accounts (id, user_name, domain, upn, state, created_at, display_name, sid, pin_verifier, folded_user, folded_domain, folded_upn, realm, read_at, is_present, is_enabled, is_delegable, locked_until, expires_at, password_expires_at, mail, folded_mail)
SELECT id, user_name, domain, upn, state, created_at, display_name, sid, pin_verifier, folded_user, folded_domain, folded_upn, realm, read_at, is_present, is_enabled, is_delegable, locked_until, expires_at, password_expires_at, mail, folded_mail
FROM accounts_before
--;;
DELETE FROM sqlite_sequence WHERE name = 'accounts'
--;;
INSERT INTO sqlite_sequence (name, seq) SELECT 'accounts', seq FROM accounts_sequence_before
--;;
DROP TABLE accounts_before
--;;
DROP TABLE accounts_sequence_before
--;;
CREATE INDEX ix_accounts_folded_user ON accounts (folded_user)
--;;
CREATE INDEX ix_accounts_expires_at ON accounts (expires_at)
--;;
CREATE INDEX ix_accounts_folded_mail ON accounts (folded_mail)
--;;
CREATE INDEX ix_accounts_password_expires_at ON accounts (password_expires_at)
