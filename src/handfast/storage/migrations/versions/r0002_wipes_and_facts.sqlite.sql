DROP INDEX ix_partnerships_device_id
--;;
ALTER TABLE partnerships RENAME TO partnerships_before
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
  reported_model TEXT NOT NULL,
  imei TEXT NOT NULL,
  os_language TEXT NOT NULL,
  phone_number TEXT NOT NULL,
  reported_user_agent TEXT NOT NULL,
  mobile_operator TEXT NOT NULL,
  wipe_kind TEXT NOT NULL,
  wipe_requested_at BIGINT,
  wipe_requested_by TEXT NOT NULL,
  wipe_sent_at BIGINT,
  wipe_acknowledged_at BIGINT,
  wipe_status INTEGER,
  CONSTRAINT pk_partnerships PRIMARY KEY (account_id, device_id),
  CONSTRAINT ck_partnerships_state CHECK (state IN ('pending', 'allowed', 'quarantined', 'blocked', 'wiping', 'wiped')),
  CONSTRAINT ck_partnerships_wipe_kind CHECK (wipe_kind IN ('', 'device', 'account-only')),
  CONSTRAINT ck_partnerships_device_id CHECK (device_id <> ''),
  CONSTRAINT ck_partnerships_wipe_is_ordered CHECK ((state IN ('wiping', 'wiped')) = (wipe_kind <> '')),
  CONSTRAINT ck_partnerships_wipe_requested_at CHECK ((wipe_kind <> '') = (wipe_requested_at IS NOT NULL)),
  CONSTRAINT ck_partnerships_wipe_acknowledged_at CHECK ((state = 'wiped') = (wipe_acknowledged_at IS NOT NULL)),
  CONSTRAINT ck_partnerships_wipe_sent_at CHECK (wipe_sent_at IS NULL OR wipe_requested_at IS NOT NULL),
  CONSTRAINT ck_partnerships_wipe_status CHECK (wipe_status IS NULL OR wipe_requested_at IS NOT NULL),
  CONSTRAINT ck_partnerships_device_id_length CHECK (length(device_id) <= 640),
  CONSTRAINT fk_partnerships_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
)
 WITHOUT ROWID
--;;
INSERT INTO partnerships
SELECT account_id, device_id, state, device_type, user_agent, first_seen_at, last_seen_at, last_source, model, os,
  friendly_name, state_reason, '', '', '', '', '', '',
  CASE WHEN state IN ('wiping', 'wiped') THEN 'device' ELSE '' END,
  CASE WHEN state IN ('wiping', 'wiped') THEN last_seen_at END,
  '', NULL,
  CASE WHEN state = 'wiped' THEN last_seen_at END,
  NULL
FROM partnerships_before
--;;
DROP TABLE partnerships_before
--;;
CREATE INDEX ix_partnerships_device_id ON partnerships (device_id)
