-- Files of messages that lie in the folder beside this database: what the person attached, and what was fetched.
CREATE TABLE files (
  attachment_id BLOB NOT NULL,
  variant       TEXT NOT NULL,             -- whole, thumbnail
  message_id    BLOB NOT NULL,
  position      INTEGER NOT NULL,          -- its place among the files of the message
  mine          INTEGER NOT NULL,
  name          TEXT NOT NULL,
  media_type    TEXT NOT NULL,
  size          INTEGER NOT NULL,
  sha256        TEXT NOT NULL,
  width         INTEGER,
  height        INTEGER,
  uploaded      INTEGER NOT NULL DEFAULT 0, -- the server has it whole, as far as this phone knows
  used_at       INTEGER NOT NULL,          -- what was not used for longest goes first when room is needed
  PRIMARY KEY (attachment_id, variant)
) WITHOUT ROWID, STRICT;
CREATE INDEX files_by_message ON files (message_id, position);

-- A file is removed from the folder after the commit that forgot it, by whoever comes first after that.
CREATE TABLE files_to_remove (
  attachment_id BLOB NOT NULL,
  variant       TEXT NOT NULL,
  PRIMARY KEY (attachment_id, variant)
) WITHOUT ROWID, STRICT;
CREATE TRIGGER files_forgotten AFTER DELETE ON files BEGIN
  INSERT OR IGNORE INTO files_to_remove VALUES (old.attachment_id, old.variant);
END;
