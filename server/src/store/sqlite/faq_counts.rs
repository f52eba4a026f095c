//! What editors learn from readers: sums, and comments without names.

use beistand_protocol::{
    UnixMillis,
    faq::{ArticleCounts, ArticleId, Comment, FaqCounts, Locale, SearchCount},
};
use rusqlite::{Connection, params, types::Type};

use crate::store::AppId;

/// Comments of each article: the latest tell what is wrong with it today.
const COMMENTS: u32 = 5;

pub(super) fn counts(conn: &Connection, app: AppId, limit: u32) -> rusqlite::Result<FaqCounts> {
    let mut articles = conn
        .prepare_cached(
            "SELECT article, locale, sum(views), sum(helpful), sum(not_helpful) FROM ( \
               SELECT article, locale, count AS views, 0 AS helpful, 0 AS not_helpful FROM faq_views WHERE app_id = ?1 \
               UNION ALL \
               SELECT article, locale, 0, helpful, 1 - helpful FROM faq_feedback WHERE app_id = ?1) \
             GROUP BY article, locale ORDER BY sum(views) + sum(helpful) + sum(not_helpful) DESC, article, locale \
             LIMIT ?2",
        )?
        .query_map(params![app.0, limit], |row| {
            Ok(ArticleCounts {
                article: named::<ArticleId>(row, 0)?,
                locale: named::<Locale>(row, 1)?,
                views: row.get(2)?,
                helpful: row.get(3)?,
                not_helpful: row.get(4)?,
                comments: Vec::new(),
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut comments = conn.prepare_cached(
        "SELECT comment, helpful, version, at FROM faq_feedback \
         WHERE app_id = ?1 AND article = ?2 AND locale = ?3 AND comment IS NOT NULL ORDER BY at DESC LIMIT ?4",
    )?;
    for counts in &mut articles {
        counts.comments = comments
            .query_map(params![app.0, counts.article.as_str(), counts.locale.as_str(), COMMENTS], |row| {
                Ok(Comment {
                    text: row.get(0)?,
                    helpful: row.get(1)?,
                    version: row.get(2)?,
                    at: UnixMillis(row.get(3)?),
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
    }
    let searches = conn
        .prepare_cached(
            "SELECT locale, query, count FROM faq_searches WHERE app_id = ?1 ORDER BY count DESC, at DESC, locale, query \
             LIMIT ?2",
        )?
        .query_map(params![app.0, limit], |row| {
            let count: u64 = row.get(2)?;
            Ok(SearchCount {
                locale: named::<Locale>(row, 0)?,
                query: row.get(1)?,
                count: u32::try_from(count).unwrap_or(u32::MAX),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(FaqCounts { articles, searches })
}

fn named<T: std::str::FromStr>(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse()
        .map_err(|_| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, "a name that is none".into()))
}
