-- Everything here can be had again: from the seeds that the app carries, and from the server.

-- The languages that are cached, each one publication.
CREATE TABLE locales (
  -- Names the tables of its index; never used twice, so that a new index can be built beside the one in use.
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  locale TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  -- The language that stands in where a person's own is missing.
  default_locale TEXT,
  -- The server's name for this publication.
  etag TEXT,
  -- The phone's wall clock when the server last said that this is the newest; none for a seed.
  checked_at INTEGER,
  -- The phone's wall clock when somebody last read in this language; what was not read for longest goes first.
  used_at INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE collections (
  locale INTEGER NOT NULL REFERENCES locales (number) ON DELETE CASCADE,
  id TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (locale, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE articles (
  -- Names the article in the index.
  number INTEGER PRIMARY KEY,
  locale INTEGER NOT NULL REFERENCES locales (number) ON DELETE CASCADE,
  id TEXT NOT NULL,
  collection TEXT,
  position INTEGER NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  -- JSON: the phrases, the tags, the pictures.
  also_asked_as TEXT NOT NULL,
  tags TEXT NOT NULL,
  images TEXT NOT NULL,
  version INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (locale, id)
) STRICT;
-- The same article in other languages.
CREATE INDEX articles_by_id ON articles (id);

-- Which language the server gave for a person's tag.
CREATE TABLE asked (
  wanted TEXT PRIMARY KEY,
  locale TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What had to make room: a seed of that version or an older one is not applied again.
CREATE TABLE evicted (
  locale TEXT PRIMARY KEY,
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
