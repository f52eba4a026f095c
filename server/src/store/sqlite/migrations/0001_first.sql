-- The first schema. Every row and every unique key carries app_id: another app's ids do not exist for this one.
-- Ids are the 16 bytes of a UUID, times are milliseconds since 1970, both written by the server only.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE apps (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE persons (
    app_id INTEGER NOT NULL REFERENCES apps (id),
    id BLOB NOT NULL,
    name TEXT,
    locale TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
    app_id INTEGER NOT NULL REFERENCES apps (id),
    id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    secret_hash BLOB NOT NULL,
    platform TEXT,
    locale TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE agents (
    app_id INTEGER NOT NULL REFERENCES apps (id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, id),
    UNIQUE (app_id, name)
) STRICT;

CREATE TABLE sessions (
    token_hash BLOB PRIMARY KEY,
    app_id INTEGER NOT NULL,
    agent_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    app_id INTEGER NOT NULL,
    id TEXT NOT NULL,
    label TEXT NOT NULL,
    key_hash BLOB NOT NULL UNIQUE,
    agent_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, id)
) STRICT;

CREATE TABLE conversations (
    app_id INTEGER NOT NULL REFERENCES apps (id),
    id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    subject TEXT NOT NULL,
    category TEXT,
    priority INTEGER NOT NULL,
    fields TEXT NOT NULL,
    status INTEGER NOT NULL,
    assignee_id BLOB,
    person_delivered INTEGER NOT NULL DEFAULT 0,
    person_read INTEGER NOT NULL DEFAULT 0,
    agents_delivered INTEGER NOT NULL DEFAULT 0,
    agents_read INTEGER NOT NULL DEFAULT 0,
    -- The newest message, and the newest one that the person may see.
    last_seq INTEGER NOT NULL,
    person_last_seq INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    withdrawn_at INTEGER,
    first_message_id BLOB NOT NULL,
    request_digest BLOB NOT NULL,
    PRIMARY KEY (app_id, id)
) STRICT;
CREATE INDEX conversations_by_person ON conversations (app_id, person_id, id);
CREATE INDEX conversations_by_change ON conversations (app_id, updated_at, id);
CREATE INDEX conversations_by_status ON conversations (app_id, status, updated_at, id);

-- A conversation that was taken back before it arrived: its late opening must not bring it back.
CREATE TABLE withdrawn_unseen (
    app_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    withdrawn_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    app_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    conversation_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    version INTEGER NOT NULL,
    -- 0 person, 1 agent, 2 system
    author INTEGER NOT NULL,
    author_id BLOB,
    author_name TEXT,
    -- JSON, so that kinds of a later version are kept as they came.
    content TEXT NOT NULL,
    -- 0 all, 1 agents: a note must never reach a person.
    visibility INTEGER NOT NULL,
    sent_at INTEGER,
    created_at INTEGER NOT NULL,
    edited_at INTEGER,
    retracted_at INTEGER,
    request_digest BLOB NOT NULL,
    PRIMARY KEY (app_id, id),
    UNIQUE (app_id, conversation_id, seq),
    FOREIGN KEY (app_id, conversation_id) REFERENCES conversations (app_id, id)
) STRICT;

-- A message that was taken back before it arrived.
CREATE TABLE retracted_unseen (
    app_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    conversation_id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    retracted_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE operations (
    app_id INTEGER NOT NULL,
    device_id BLOB NOT NULL,
    id BLOB NOT NULL,
    lane TEXT NOT NULL,
    lane_seq INTEGER NOT NULL,
    digest BLOB NOT NULL,
    kind INTEGER NOT NULL,
    conversation_id BLOB NOT NULL,
    message_id BLOB,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, device_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE lanes (
    app_id INTEGER NOT NULL,
    device_id BLOB NOT NULL,
    lane TEXT NOT NULL,
    high_water INTEGER NOT NULL,
    PRIMARY KEY (app_id, device_id, lane)
) STRICT, WITHOUT ROWID;

-- A stream is a person (their id) or the agents of the app (no bytes).
CREATE TABLE streams (
    app_id INTEGER NOT NULL,
    stream BLOB NOT NULL,
    seq INTEGER NOT NULL,
    epoch INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (app_id, stream)
) STRICT, WITHOUT ROWID;

-- One row per resource and stream, moved to a new seq when the resource changes.
CREATE TABLE changes (
    app_id INTEGER NOT NULL,
    stream BLOB NOT NULL,
    -- 0 conversation, 1 message
    kind INTEGER NOT NULL,
    resource BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (app_id, stream, kind, resource)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX changes_in_order ON changes (app_id, stream, seq);
