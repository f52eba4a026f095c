-- What readers of the FAQ say. Articles are known by name only: what is rated may be gone by now.

-- What each person thinks of an article today.
CREATE TABLE faq_feedback (
    app_id INTEGER NOT NULL,
    article TEXT NOT NULL,
    locale TEXT NOT NULL,
    person_id BLOB NOT NULL,
    helpful INTEGER NOT NULL,
    comment TEXT,
    -- The version of the article that was read.
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (app_id, article, locale, person_id)
) STRICT;
CREATE INDEX faq_comments ON faq_feedback (app_id, article, locale, at) WHERE comment IS NOT NULL;

-- Reports that were added up, by id, so that none is added twice. Whose they are is not stored with them.
CREATE TABLE faq_reports (
    app_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    digest BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (app_id, id)
) STRICT, WITHOUT ROWID;

-- Sums over all reports. Bounded for each app: what is counted least gives way.
CREATE TABLE faq_views (
    app_id INTEGER NOT NULL,
    article TEXT NOT NULL,
    locale TEXT NOT NULL,
    count INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (app_id, article, locale)
) STRICT;

-- Searches that found nothing.
CREATE TABLE faq_searches (
    app_id INTEGER NOT NULL,
    locale TEXT NOT NULL,
    query TEXT NOT NULL,
    count INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (app_id, locale, query)
) STRICT;
CREATE INDEX faq_searches_by_count ON faq_searches (app_id, count, at);
CREATE INDEX faq_views_by_count ON faq_views (app_id, count, at);
