-- Files of messages. Their bytes lie outside the database, named by their SHA-256 (whole) or by app and id (unfinished);
-- a file without a row is swept.

CREATE TABLE attachments (
    app_id INTEGER NOT NULL REFERENCES apps (id),
    id BLOB NOT NULL,
    -- The person who uploads it; NULL for the app's agents.
    person_id BLOB,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    -- 0 uploading, 1 ready, 2 scanning, 3 blocked, 4 gone
    stage INTEGER NOT NULL,
    width INTEGER,
    height INTEGER,
    thumbnail_width INTEGER,
    thumbnail_height INTEGER,
    -- The message it stands in.
    message_id BLOB,
    created_at INTEGER NOT NULL,
    -- When it is given up (unfinished, unused), or its row is forgotten (gone). Without meaning while it is in a message.
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, id)
) STRICT;
CREATE INDEX attachments_by_message ON attachments (app_id, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX attachments_by_file ON attachments (sha256);
CREATE INDEX attachments_waiting ON attachments (app_id, person_id) WHERE message_id IS NULL;
CREATE INDEX attachments_by_expiry ON attachments (expires_at) WHERE message_id IS NULL;
CREATE INDEX attachments_to_scan ON attachments (created_at) WHERE stage = 2;

-- Files that have lost a row: removed from the disk once no other row has them.
CREATE TABLE loose_files (sha256 BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
