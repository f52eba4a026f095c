-- The FAQ. Editors' copies (drafts) and what is published stand apart: a phone's question never reads a draft.
-- Of an app: the language that stands in, the newest publication over all languages, and the seed of its Ed25519 key.
CREATE TABLE faq_apps (
    app_id INTEGER PRIMARY KEY,
    default_locale TEXT,
    last_version INTEGER NOT NULL DEFAULT 0,
    signing_seed BLOB
) STRICT;

CREATE TABLE faq_drafts (
    app_id INTEGER NOT NULL,
    locale TEXT NOT NULL,
    id TEXT NOT NULL,
    -- Counts the edits, from 1.
    revision INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (app_id, locale, id)
) STRICT;
CREATE TABLE faq_draft_collections (
    app_id INTEGER NOT NULL,
    locale TEXT NOT NULL,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (app_id, locale, id)
) STRICT;

-- Every publication that a delta may begin at. One number names app, language and publication.
CREATE TABLE faq_publications (
    app_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    locale TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, version)
) STRICT;
-- The newest publication of each language.
CREATE TABLE faq_published (
    app_id INTEGER NOT NULL,
    locale TEXT NOT NULL,
    version INTEGER NOT NULL,
    default_locale TEXT,
    collections TEXT NOT NULL,
    articles INTEGER NOT NULL,
    PRIMARY KEY (app_id, locale)
) STRICT;
-- `changed` is the publication that changed the article or took it away. One that is gone has no document; its version
-- stays, so that it goes on counting if the article comes back.
CREATE TABLE faq_articles (
    app_id INTEGER NOT NULL,
    locale TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    document TEXT,
    PRIMARY KEY (app_id, locale, id)
) STRICT;
CREATE INDEX faq_articles_by_change ON faq_articles (app_id, locale, changed);

-- Pictures lie in the database, so that one backup has all of the FAQ. One that no article shows any more is kept for
-- a while, for phones that have not heard of it.
CREATE TABLE faq_images (
    app_id INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    media_type TEXT NOT NULL,
    unused_since INTEGER,
    bytes BLOB NOT NULL,
    PRIMARY KEY (app_id, sha256)
) STRICT;
