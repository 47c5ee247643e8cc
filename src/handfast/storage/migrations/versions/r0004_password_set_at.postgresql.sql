ALTER TABLE accounts
  ADD COLUMN password_set_at BIGINT,
  ADD CONSTRAINT ck_accounts_password_set_at_with_sid CHECK (sid IS NOT NULL OR password_set_at IS NULL)
