//! What was counted in the FAQ since the last report: few rows, of which those that are counted most are kept.

use beistand_protocol::{
    UnixMillis,
    faq::{ArticleId, ArticleViews, FaqReport, Locale, SearchCount},
    limits::{FAQ_REPORT_COUNT, FAQ_REPORT_SEARCHES, FAQ_REPORT_VIEWS},
};
use rusqlite::{Connection, params};

use crate::error::StoreError;

/// Counts that an article was opened.
pub(crate) fn count_view(
    connection: &Connection,
    article: &ArticleId,
    locale: &Locale,
    now: UnixMillis,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO faq_views (article, locale, count, counted_at) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT DO UPDATE SET count = min(count + 1, ?4), counted_at = ?3",
        )?
        .execute(params![article.as_str(), locale.as_str(), now.0, FAQ_REPORT_COUNT])?;
    // Never the newest itself: it would not get a chance to be counted twice.
    connection
        .prepare_cached(
            "DELETE FROM faq_views WHERE (article, locale) IN
               (SELECT article, locale FROM faq_views WHERE (article, locale) <> (?1, ?2)
                ORDER BY count, counted_at, article, locale LIMIT max(0, (SELECT count(*) FROM faq_views) - ?3))",
        )?
        .execute(params![article.as_str(), locale.as_str(), FAQ_REPORT_VIEWS])?;
    Ok(())
}

/// Counts that a search found nothing.
pub(crate) fn count_search(
    connection: &Connection,
    locale: &Locale,
    query: &str,
    now: UnixMillis,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO faq_searches (locale, query, count, counted_at) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT DO UPDATE SET count = min(count + 1, ?4), counted_at = ?3",
        )?
        .execute(params![locale.as_str(), query, now.0, FAQ_REPORT_COUNT])?;
    connection
        .prepare_cached(
            "DELETE FROM faq_searches WHERE (locale, query) IN
               (SELECT locale, query FROM faq_searches WHERE (locale, query) <> (?1, ?2)
                ORDER BY count, counted_at, locale, query LIMIT max(0, (SELECT count(*) FROM faq_searches) - ?3))",
        )?
        .execute(params![locale.as_str(), query, FAQ_REPORT_SEARCHES])?;
    Ok(())
}

/// Everything that is counted, most frequent first. A row that this version cannot read is left out.
pub(crate) fn counted(connection: &Connection) -> Result<FaqReport, StoreError> {
    let views = connection
        .prepare_cached("SELECT article, locale, count FROM faq_views ORDER BY count DESC, article, locale LIMIT ?")?
        .query_map([FAQ_REPORT_VIEWS], |row| {
            let (article, locale): (String, String) = (row.get(0)?, row.get(1)?);
            let count = row.get(2)?;
            Ok(article.parse().ok().zip(locale.parse().ok()).map(|(article, locale)| ArticleViews {
                article,
                locale,
                count,
            }))
        })?
        .filter_map(Result::transpose)
        .collect::<Result<_, _>>()?;
    let searches = connection
        .prepare_cached("SELECT locale, query, count FROM faq_searches ORDER BY count DESC, locale, query LIMIT ?")?
        .query_map([FAQ_REPORT_SEARCHES], |row| {
            let locale: String = row.get(0)?;
            let (query, count) = (row.get(1)?, row.get(2)?);
            Ok(locale.parse().ok().map(|locale| SearchCount { locale, query, count }))
        })?
        .filter_map(Result::transpose)
        .collect::<Result<_, _>>()?;
    Ok(FaqReport { views, searches })
}

/// Forgets everything that is counted.
pub(crate) fn forget(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("DELETE FROM faq_views; DELETE FROM faq_searches")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::open_for_test;

    fn de() -> Locale {
        "de".parse().unwrap()
    }

    #[test]
    fn what_is_counted_most_is_kept() {
        let connection = open_for_test();
        let mut time = 0;
        let mut search = |query: &str| {
            time += 1;
            count_search(&connection, &de(), query, UnixMillis(time)).unwrap();
        };
        for _ in 0..3 {
            search("farbe");
        }
        for n in 0..FAQ_REPORT_SEARCHES * 2 {
            search(&format!("einmal {n}"));
        }
        search("neu");
        search("neu");
        let counted = counted(&connection).unwrap().searches;
        assert_eq!(counted.len(), FAQ_REPORT_SEARCHES);
        assert_eq!((counted[0].query.as_str(), counted[0].count), ("farbe", 3));
        assert_eq!((counted[1].query.as_str(), counted[1].count), ("neu", 2));
        let newest = format!("einmal {}", FAQ_REPORT_SEARCHES * 2 - 1);
        assert!(counted.iter().any(|search| search.query == newest), "of equals the newest stay");
    }

    #[test]
    fn an_article_is_counted_by_language_and_up_to_a_bound() {
        let connection = open_for_test();
        let (article, en) = ("returns".parse().unwrap(), "en".parse().unwrap());
        for locale in [&de(), &en, &de()] {
            count_view(&connection, &article, locale, UnixMillis(1)).unwrap();
        }
        for n in 0..FAQ_REPORT_VIEWS + 50 {
            count_view(&connection, &format!("a{n}").parse().unwrap(), &de(), UnixMillis(2)).unwrap();
        }
        let most = counted(&connection).unwrap();
        assert_eq!(most.views.len(), FAQ_REPORT_VIEWS);
        assert_eq!(most.views[0], ArticleViews { article, locale: de(), count: 2 });
        assert_eq!(most.check(), Ok(()));
        connection.execute("UPDATE faq_views SET count = ?", [FAQ_REPORT_COUNT]).unwrap();
        count_view(&connection, &most.views[0].article, &de(), UnixMillis(3)).unwrap();
        assert_eq!(counted(&connection).unwrap().views[0].count, FAQ_REPORT_COUNT);
        forget(&connection).unwrap();
        assert!(counted(&connection).unwrap().is_empty());
    }
}
