-- The first schema. Ids are 16 bytes; times are milliseconds since 1970; JSON is text.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID, STRICT;

-- Whom this phone speaks as. A row of the outbox is sent only with the identity it was written under.
CREATE TABLE identities (
  id         INTEGER PRIMARY KEY,
  device_id  BLOB NOT NULL UNIQUE,
  secret     BLOB NOT NULL,
  subject    TEXT,                       -- the signed-in user, once sign-in exists
  current    INTEGER NOT NULL,
  registered INTEGER NOT NULL DEFAULT 0, -- the server has confirmed it at least once
  cursor     TEXT,
  acks       INTEGER NOT NULL DEFAULT 0, -- writes acknowledged so far
  epoch      TEXT,
  snapshot   INTEGER NOT NULL DEFAULT 0, -- number of the snapshot under way or last taken
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE conversations (
  id              BLOB PRIMARY KEY,
  identity        INTEGER NOT NULL REFERENCES identities(id),
  server          TEXT,                  -- the resource as the server last told it; NULL until it has
  version         INTEGER NOT NULL DEFAULT 0,
  draft           TEXT NOT NULL,         -- subject, category, priority, fields as written here, until the server has it
  pending_status  TEXT,                  -- the local echo of a status change under way
  read_seq        INTEGER NOT NULL DEFAULT 0, -- how far the person has read, as this phone knows
  delivered_seq   INTEGER NOT NULL DEFAULT 0, -- how far messages have arrived here, as the server was told
  contiguous_from INTEGER NOT NULL DEFAULT 1, -- all messages from this seq on are here
  created_at      INTEGER NOT NULL,
  touched_at      INTEGER NOT NULL,      -- orders the list: server's time once known, else this phone's
  snapshot        INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID, STRICT;
CREATE INDEX conversations_by_touch ON conversations (identity, touched_at DESC);

CREATE TABLE messages (
  id              BLOB PRIMARY KEY,
  conversation_id BLOB NOT NULL,         -- may arrive before its conversation does
  seq             INTEGER,               -- NULL until the server has it
  local_order     INTEGER NOT NULL,      -- the order of echoes that have no seq yet
  version         INTEGER NOT NULL DEFAULT 0,
  server          TEXT,                  -- the resource as the server last told it
  mine            INTEGER NOT NULL,
  text            TEXT NOT NULL,         -- the words of an echo; pending_text overlays it
  pending_text    TEXT,                  -- the local echo of an edit under way
  pending_retract INTEGER NOT NULL DEFAULT 0,
  created_at      INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE UNIQUE INDEX messages_by_seq ON messages (conversation_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX messages_by_conversation ON messages (conversation_id, seq);
CREATE INDEX messages_without_seq ON messages (conversation_id, local_order) WHERE seq IS NULL;

CREATE TABLE outbox (
  id                BLOB PRIMARY KEY,    -- the operation
  lane              TEXT NOT NULL,
  lane_seq          INTEGER NOT NULL,
  kind              TEXT NOT NULL,
  conversation_id   BLOB NOT NULL,
  message_id        BLOB,
  payload           TEXT NOT NULL,
  payload_version   INTEGER NOT NULL,
  wire_body         TEXT,                -- the exact request, frozen before its first byte left
  may_be_stored     INTEGER NOT NULL DEFAULT 0,
  rewritten         INTEGER NOT NULL DEFAULT 0, -- edited after a refusal: an older copy may still be under way
  depends_on        BLOB,                -- a row whose result this one needs; the uploads of attachments will use both
  parent_result     TEXT,
  state             TEXT NOT NULL,       -- queued, sending, wedged
  attempts          INTEGER NOT NULL DEFAULT 0,
  next_attempt_at   INTEGER,
  first_attempt_at  INTEGER,
  server_errors     INTEGER NOT NULL DEFAULT 0,
  server_error_at   INTEGER,             -- server's time of the first 5xx in a row
  wedge_code        TEXT,
  wedge_detail      TEXT,
  identity          INTEGER NOT NULL REFERENCES identities(id),
  created_at        INTEGER NOT NULL,
  known_created_at  INTEGER,             -- server's time when it was written; age is counted from here
  UNIQUE (lane, lane_seq)
) WITHOUT ROWID, STRICT;
CREATE INDEX outbox_by_message ON outbox (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX outbox_by_state ON outbox (state, lane, lane_seq);
CREATE INDEX outbox_by_conversation ON outbox (conversation_id);
CREATE INDEX outbox_undated ON outbox (id) WHERE known_created_at IS NULL;

-- How much the outbox holds, kept by triggers: whether there is room must not cost more the fuller it is.
CREATE TABLE outbox_size (
  one   INTEGER PRIMARY KEY CHECK (one = 1),
  items INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;
INSERT INTO outbox_size VALUES (1, 0, 0);
CREATE TRIGGER outbox_grows AFTER INSERT ON outbox BEGIN
  UPDATE outbox_size SET items = items + 1, bytes = bytes + length(CAST(new.payload AS BLOB));
END;
CREATE TRIGGER outbox_shrinks AFTER DELETE ON outbox BEGIN
  UPDATE outbox_size SET items = items - 1, bytes = bytes - length(CAST(old.payload AS BLOB));
END;
CREATE TRIGGER outbox_changes AFTER UPDATE OF payload ON outbox BEGIN
  UPDATE outbox_size SET bytes = bytes + length(CAST(new.payload AS BLOB)) - length(CAST(old.payload AS BLOB));
END;

-- The last number given in a lane: numbers are never used twice, not even after a row is gone.
CREATE TABLE lanes (
  lane     TEXT PRIMARY KEY,
  last_seq INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

-- Acknowledged writes of the last days, in case the server comes back from a backup that lacks them.
CREATE TABLE journal (
  id              BLOB PRIMARY KEY,
  lane            TEXT NOT NULL,
  lane_seq        INTEGER NOT NULL,
  kind            TEXT NOT NULL,
  conversation_id BLOB NOT NULL,
  message_id      BLOB,
  payload         TEXT NOT NULL,
  payload_version INTEGER NOT NULL,
  wire_body       TEXT NOT NULL,
  identity        INTEGER NOT NULL,
  acked_at        INTEGER NOT NULL       -- server's time
) WITHOUT ROWID, STRICT;
CREATE INDEX journal_by_age ON journal (acked_at);

-- Changes of kinds that this version does not know: kept as they came, read once the app is updated.
CREATE TABLE unknown_changes (
  identity        INTEGER NOT NULL,
  seq             INTEGER NOT NULL,
  conversation_id BLOB NOT NULL,
  body            TEXT NOT NULL,
  PRIMARY KEY (identity, seq)
) WITHOUT ROWID, STRICT;
