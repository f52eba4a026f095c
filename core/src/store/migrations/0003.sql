-- What was counted in the FAQ on this phone since the last report. Bounded: what is counted most is kept. A row of the
-- outbox or the journal that belongs to no conversation has no bytes in `conversation_id`.
CREATE TABLE faq_views (
  article    TEXT NOT NULL,
  locale     TEXT NOT NULL,
  count      INTEGER NOT NULL,
  counted_at INTEGER NOT NULL,             -- orders what is counted equally often
  PRIMARY KEY (article, locale)
) WITHOUT ROWID, STRICT;

CREATE TABLE faq_searches (
  locale     TEXT NOT NULL,
  query      TEXT NOT NULL,                -- folded; nothing that may be personal
  count      INTEGER NOT NULL,
  counted_at INTEGER NOT NULL,
  PRIMARY KEY (locale, query)
) WITHOUT ROWID, STRICT;
