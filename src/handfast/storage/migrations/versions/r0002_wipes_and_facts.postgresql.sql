ALTER TABLE partnerships
  ADD COLUMN reported_model VARCHAR COLLATE "C" DEFAULT '' NOT NULL,
  ADD COLUMN imei VARCHAR COLLATE "C" DEFAULT '' NOT NULL,
  ADD COLUMN os_language VARCHAR COLLATE "C" DEFAULT '' NOT NULL,
  ADD COLUMN phone_number VARCHAR COLLATE "C" DEFAULT '' NOT NULL,
  ADD COLUMN reported_user_agent VARCHAR COLLATE "C" DEFAULT '' NOT NULL,
  ADD COLUMN mobile_operator VARCHAR COLLATE "C" DEFAULT '' NOT NULL,
  ADD COLUMN wipe_kind VARCHAR COLLATE "C" DEFAULT '' NOT NULL,
  ADD COLUMN wipe_requested_at BIGINT,
  ADD COLUMN wipe_requested_by VARCHAR COLLATE "C" DEFAULT '' NOT NULL,
  ADD COLUMN wipe_sent_at BIGINT,
  ADD COLUMN wipe_acknowledged_at BIGINT,
  ADD COLUMN wipe_status INTEGER
--;;
ALTER TABLE partnerships
  ALTER COLUMN reported_model DROP DEFAULT,
  ALTER COLUMN imei DROP DEFAULT,
  ALTER COLUMN os_language DROP DEFAULT,
  ALTER COLUMN phone_number DROP DEFAULT,
  ALTER COLUMN reported_user_agent DROP DEFAULT,
  ALTER COLUMN mobile_operator DROP DEFAULT,
  ALTER COLUMN wipe_kind DROP DEFAULT,
  ALTER COLUMN wipe_requested_by DROP DEFAULT
--;;
UPDATE partnerships SET
  wipe_kind = 'device',
  wipe_requested_at = last_seen_at,
  wipe_acknowledged_at = CASE WHEN state = 'wiped' THEN last_seen_at END
WHERE state IN ('wiping', 'wiped')
--;;
ALTER TABLE partnerships
  ADD CONSTRAINT ck_partnerships_wipe_kind CHECK (wipe_kind IN ('', 'device', 'account-only')),
  ADD CONSTRAINT ck_partnerships_wipe_is_ordered CHECK ((state IN ('wiping', 'wiped')) = (wipe_kind <> '')),
  ADD CONSTRAINT ck_partnerships_wipe_requested_at CHECK ((wipe_kind <> '') = (wipe_requested_at IS NOT NULL)),
  ADD CONSTRAINT ck_partnerships_wipe_acknowledged_at CHECK ((state = 'wiped') = (wipe_acknowledged_at IS NOT NULL)),
  ADD CONSTRAINT ck_partnerships_wipe_sent_at CHECK (wipe_sent_at IS NULL OR wipe_requested_at IS NOT NULL),
  ADD CONSTRAINT ck_partnerships_wipe_status CHECK (wipe_status IS NULL OR wipe_requested_at IS NOT NULL)
