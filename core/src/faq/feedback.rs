//! What goes back to the editors: ratings, which a person gives and which leave through the outbox like everything they
//! write; and counts of what was opened and of what was searched in vain, which stay on the phone unless the app has
//! agreed to report them ([`Settings::faq_report`](crate::Settings)).

use std::sync::Arc;

use beistand_protocol::{
    FaqReportId, Lane,
    faq::{ArticleFeedback, ArticleId, FaqReport, Locale, SearchCount},
    text,
};
use rusqlite::Connection;

use crate::client::Inner;
use crate::config::{FAQ_FEEDBACKS, FAQ_REPORT_EVERY_MS};
use crate::error::{self, Error, ErrorKind, StoreError};
use crate::outbox::actions::Acting;
use crate::outbox::machine::Event;
use crate::outbox::payload::Payload;
use crate::store::{faq_counts, journal, meta, outbox};

/// Whether the app agreed to reports when it last started.
const AGREED: &str = "faq_report_agreed";
/// Since when counts are collected, by the phone's clock.
const COUNTED_SINCE: &str = "faq_counted_since";

/// Tells the editors whether an article helped; offline too. Of several ratings of one article and language the last
/// counts, and one that has not left yet is replaced. Nobody is asked again about it: what the server refuses is dropped.
///
/// # Errors
/// `InvalidInput` if the comment is too long, `OutboxFull` if too many ratings wait, `StorageFull`. Nothing was stored then.
pub(crate) async fn rate(
    inner: &Arc<Inner>,
    article: ArticleId,
    locale: Locale,
    version: u64,
    helpful: bool,
    comment: Option<&str>,
) -> error::Result<()> {
    let comment = comment.map(|comment| text::clean(comment.trim())).filter(|comment| !text::is_blank(comment));
    let body = ArticleFeedback { helpful, comment, locale, version };
    body.check()?;
    inner.act_unseen(move |connection, acting| queue_rating(connection, acting, article, body)).await
}

/// Something to count.
#[derive(Clone, Debug)]
pub(crate) enum Counted {
    /// A person has opened an article.
    View(ArticleId, Locale),
    /// A search that a person has finished found nothing.
    Search(Locale, String),
}

/// Counts behind the back of whoever reads: an answer does not wait for the disk. A count that the disk does not take is
/// no loss that a person has to hear of.
pub(crate) fn count_behind(inner: &Arc<Inner>, counted: Counted) {
    let inner = inner.clone();
    tokio::spawn(async move {
        let done = match counted {
            Counted::View(article, locale) => viewed(&inner, article, locale).await,
            Counted::Search(locale, query) => found_nothing(&inner, locale, &query).await,
        };
        if let Err(error) = done {
            tracing::debug!(%error, "something was not counted");
        }
    });
}

/// Counts that a person has opened an article.
///
/// # Errors
/// Those of the local database; an app may ignore them.
pub(crate) async fn viewed(inner: &Arc<Inner>, article: ArticleId, locale: Locale) -> error::Result<()> {
    let agreed = inner.settings.faq_report;
    inner
        .act_unseen(move |connection, acting| {
            faq_counts::count_view(connection, &article, &locale, acting.now)?;
            counted(connection, acting, agreed)
        })
        .await
}

/// Counts that a search found nothing. Only for searches that a person has finished: what is still being typed finds
/// nothing for other reasons. Words that may tell who searched are not counted at all.
///
/// # Errors
/// Those of the local database; an app may ignore them.
pub(crate) async fn found_nothing(inner: &Arc<Inner>, locale: Locale, query: &str) -> error::Result<()> {
    let Some(query) = countable(&locale, query) else { return Ok(()) };
    let agreed = inner.settings.faq_report;
    inner
        .act_unseen(move |connection, acting| {
            faq_counts::count_search(connection, &locale, &query, acting.now)?;
            counted(connection, acting, agreed)
        })
        .await
}

/// The words of a search as they are counted: small letters, single blanks. `None` if the rules that both sides hold
/// forbid to count them.
fn countable(locale: &Locale, query: &str) -> Option<String> {
    let words = text::clean(query).to_lowercase();
    let query = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let alone = SearchCount { locale: locale.clone(), query, count: 1 };
    let report = FaqReport { searches: vec![alone], views: Vec::new() };
    report.check().is_ok().then(|| report.searches.into_iter().next().map(|search| search.query))?
}

fn queue_rating(
    connection: &Connection,
    acting: &Acting,
    article: ArticleId,
    body: ArticleFeedback,
) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::new();
    let mut waiting = 0;
    for row in outbox::of_lane(connection, Lane::Faq)? {
        let Payload::FaqFeedback { article: rated, body: before } = &row.payload else { continue };
        let same = *rated == article && before.locale == body.locale && row.row.identity == acting.identity;
        if same && !row.may_be_stored {
            outbox::delete(connection, row.row.id)?;
            events.push(Event::Removed(row.row.id));
        } else {
            waiting += 1;
        }
    }
    if waiting >= FAQ_FEEDBACKS {
        return Err(Error::new(ErrorKind::OutboxFull, "too many ratings wait already; nothing was stored").into());
    }
    outbox::check_room(connection, acting.bounds)?;
    events.push(acting.enqueue(connection, Lane::Faq, Payload::FaqFeedback { article, body })?);
    Ok(events)
}

/// Something was counted: when the collecting began is remembered, and what is due is queued.
fn counted(connection: &Connection, acting: &Acting, agreed: bool) -> Result<Vec<Event>, StoreError> {
    if meta::get(connection, COUNTED_SINCE)?.is_none() {
        meta::set(connection, COUNTED_SINCE, &acting.now.0.to_string())?;
    }
    report_if_due(connection, acting, agreed)
}

/// At the start of a client: holds to what the app says about reports today, and queues what is due. Returns nothing for
/// the worker, which reads all rows when it starts.
pub(crate) fn begin(connection: &Connection, acting: &Acting, agreed: bool) -> Result<(), StoreError> {
    let before = meta::get(connection, AGREED)?.is_some();
    if agreed && !before {
        meta::set(connection, AGREED, "1")?;
    }
    if !agreed && before {
        forget_counts(connection)?;
        meta::remove(connection, AGREED)?;
    }
    report_if_due(connection, acting, agreed)?;
    Ok(())
}

/// The app does not agree any more: nothing of what was counted leaves after this, not even again after a restored backup.
/// Only a request that is on its way at this moment cannot be called back.
fn forget_counts(connection: &Connection) -> Result<(), StoreError> {
    faq_counts::forget(connection)?;
    meta::remove(connection, COUNTED_SINCE)?;
    for row in outbox::of_lane(connection, Lane::Faq)? {
        if matches!(row.payload, Payload::FaqReport { .. }) {
            outbox::delete(connection, row.row.id)?;
        }
    }
    journal::forget_reports(connection)
}

/// Moves what was counted into the outbox, all at once, if the app has agreed, a day has passed, and no earlier report
/// waits. What is counted while one waits is kept for the next, so that weeks without a network take no more room.
fn report_if_due(connection: &Connection, acting: &Acting, agreed: bool) -> Result<Vec<Event>, StoreError> {
    let Some(since) = meta::get(connection, COUNTED_SINCE)?.filter(|_| agreed) else { return Ok(Vec::new()) };
    // A clock that was set back says nothing about how long it has been: then it counts as long enough, once.
    let since = since.parse::<i64>().unwrap_or(i64::MIN);
    if acting.now.0.abs_diff(since) < FAQ_REPORT_EVERY_MS.unsigned_abs() {
        return Ok(Vec::new());
    }
    let waits = |row: &outbox::StoredRow| matches!(row.payload, Payload::FaqReport { .. });
    if outbox::of_lane(connection, Lane::Faq)?.iter().any(waits) {
        return Ok(Vec::new());
    }
    let body = faq_counts::counted(connection)?;
    faq_counts::forget(connection)?;
    meta::remove(connection, COUNTED_SINCE)?;
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let mut random = [0; 10];
    acting.entropy.fill(&mut random);
    let report = FaqReportId::mint(acting.now, random);
    Ok(vec![acting.enqueue(connection, Lane::Faq, Payload::FaqReport { report, body })?])
}

#[cfg(test)]
mod tests {
    use beistand_protocol::{Credential, DeviceId, DeviceSecret, UnixMillis, limits};

    use super::*;
    use crate::clock::SystemEntropy;
    use crate::outbox::actions;
    use crate::store::outbox::Bounds;
    use crate::store::{identity, open_for_test};

    const DAY: i64 = FAQ_REPORT_EVERY_MS;

    fn phone() -> (Connection, Acting) {
        let connection = open_for_test();
        let fresh = Credential { device: DeviceId::mint(UnixMillis(1), [1; 10]), secret: DeviceSecret([1; 32]) };
        let identity = identity::ensure(&connection, fresh, 1).unwrap().id;
        let bounds = Bounds { items: 2_000, bytes: 1 << 20, file_bytes: 0 };
        let entropy = Arc::new(SystemEntropy);
        (connection, Acting { identity, now: UnixMillis(DAY), born: None, bounds, entropy })
    }

    fn de() -> Locale {
        "de".parse().unwrap()
    }

    fn rating(helpful: bool) -> ArticleFeedback {
        ArticleFeedback { helpful, comment: None, locale: de(), version: 1 }
    }

    fn rated(connection: &Connection, acting: &Acting, article: &str, helpful: bool) -> Vec<Event> {
        queue_rating(connection, acting, article.parse().unwrap(), rating(helpful)).unwrap()
    }

    fn view(connection: &Connection, acting: &Acting, agreed: bool) -> Vec<Event> {
        faq_counts::count_view(connection, &"returns".parse().unwrap(), &de(), acting.now).unwrap();
        counted(connection, acting, agreed).unwrap()
    }

    fn later(acting: &Acting, millis: i64) -> Acting {
        Acting { now: acting.now.plus(millis), ..acting.clone() }
    }

    fn queued(connection: &Connection) -> Vec<Payload> {
        outbox::of_lane(connection, Lane::Faq).unwrap().into_iter().map(|row| row.payload).collect()
    }

    /// The row leaves; whether an answer comes is open.
    fn leaves(connection: &Connection, acting: &Acting) {
        let head = outbox::of_lane(connection, Lane::Faq).unwrap().remove(0);
        let device = DeviceId::mint(UnixMillis(1), [1; 10]);
        outbox::prepare(connection, head, device, acting.now, None, None).unwrap();
    }

    #[test]
    fn a_newer_rating_replaces_one_that_has_not_left_and_follows_one_that_has() {
        let (connection, acting) = phone();
        rated(&connection, &acting, "returns", true);
        rated(&connection, &acting, "sizes", true);
        let events = rated(&connection, &acting, "returns", false);
        assert!(matches!(events[..], [Event::Removed(_), Event::Enqueued(_)]));
        assert_eq!(queued(&connection).len(), 2);
        leaves(&connection, &acting);
        let events = rated(&connection, &acting, "sizes", false);
        assert!(matches!(events[..], [Event::Enqueued(_)]), "the server may have the first one");
        let Payload::FaqFeedback { article, body } = queued(&connection).pop().unwrap() else { panic!() };
        assert_eq!((article.as_str(), body.helpful), ("sizes", false));
        assert!(outbox::items(&connection, acting.identity).unwrap().is_empty(), "nobody sees them wait");
    }

    #[test]
    fn another_language_or_another_person_is_another_rating() {
        let (connection, acting) = phone();
        rated(&connection, &acting, "returns", true);
        let english = ArticleFeedback { locale: "en".parse().unwrap(), ..rating(true) };
        queue_rating(&connection, &acting, "returns".parse().unwrap(), english).unwrap();
        assert_eq!(queued(&connection).len(), 2);
    }

    #[test]
    fn too_many_ratings_are_refused_and_leave_room_for_messages() {
        let (connection, acting) = phone();
        for n in 0..FAQ_FEEDBACKS {
            rated(&connection, &acting, &format!("a{n}"), true);
        }
        let full = queue_rating(&connection, &acting, "one-more".parse().unwrap(), rating(true));
        assert!(full.is_err());
        assert_eq!(rated(&connection, &acting, "a0", false).len(), 2, "a changed mind needs no room");
        outbox::check_room(&connection, acting.bounds).unwrap();
    }

    #[test]
    fn a_rating_that_is_given_up_simply_goes() {
        let (connection, acting) = phone();
        rated(&connection, &acting, "returns", true);
        leaves(&connection, &acting);
        let row = outbox::of_lane(&connection, Lane::Faq).unwrap().remove(0);
        actions::discard(&connection, &acting, row.row.id).unwrap();
        assert!(queued(&connection).is_empty());
    }

    #[test]
    fn nothing_that_was_counted_leaves_without_consent() {
        let (connection, acting) = phone();
        for day in 0..30 {
            assert!(view(&connection, &later(&acting, day * DAY), false).is_empty());
        }
        assert_eq!(faq_counts::counted(&connection).unwrap().views[0].count, 30);
    }

    #[test]
    fn with_consent_a_report_leaves_once_a_day_and_everything_is_in_exactly_one() {
        let (connection, acting) = phone();
        let (mut counted, mut reported) = (0, 0);
        for hour in 0..24 * 5 {
            view(&connection, &later(&acting, hour * DAY / 24), true);
            counted += 1;
            for row in outbox::of_lane(&connection, Lane::Faq).unwrap() {
                let Payload::FaqReport { body, .. } = row.payload else { panic!() };
                assert_eq!(body.check(), Ok(()));
                reported += body.views[0].count;
                outbox::delete(&connection, row.row.id).unwrap();
            }
        }
        let left = faq_counts::counted(&connection).unwrap().views.first().map_or(0, |views| views.count);
        assert_eq!(reported + left, counted);
        assert!(reported >= 24 * 3, "{reported}");
    }

    #[test]
    fn weeks_without_a_network_make_one_report_and_lose_nothing() {
        let (connection, acting) = phone();
        for day in 0..60 {
            view(&connection, &later(&acting, day * DAY), true);
        }
        let [Payload::FaqReport { body, .. }] = &queued(&connection)[..] else { panic!("one report waits") };
        let left = faq_counts::counted(&connection).unwrap();
        assert_eq!(body.views[0].count + left.views[0].count, 60);
    }

    #[test]
    fn a_client_that_starts_reports_what_is_due() {
        let (connection, acting) = phone();
        begin(&connection, &acting, true).unwrap();
        view(&connection, &acting, true);
        begin(&connection, &later(&acting, DAY - 1), true).unwrap();
        assert!(queued(&connection).is_empty());
        begin(&connection, &later(&acting, DAY), true).unwrap();
        assert_eq!(queued(&connection).len(), 1);
    }

    #[test]
    fn consent_taken_back_forgets_what_was_counted_and_what_waits() {
        let (connection, acting) = phone();
        begin(&connection, &acting, true).unwrap();
        view(&connection, &acting, true);
        view(&connection, &later(&acting, DAY), true);
        leaves(&connection, &acting);
        let row = outbox::of_lane(&connection, Lane::Faq).unwrap().remove(0);
        journal::record(&connection, row.row.id, UnixMillis(1)).unwrap();
        rated(&connection, &acting, "returns", true);
        view(&connection, &later(&acting, DAY), true);
        begin(&connection, &later(&acting, DAY), false).unwrap();
        assert!(matches!(queued(&connection)[..], [Payload::FaqFeedback { .. }]), "what the person said stays");
        assert!(faq_counts::counted(&connection).unwrap().is_empty());
        assert_eq!(journal::requeue_above(&connection, acting.identity, &[], None).unwrap(), 0);
        // What is counted after that stays, until the app agrees again or is removed.
        view(&connection, &acting, false);
        begin(&connection, &later(&acting, DAY), false).unwrap();
        assert!(!faq_counts::counted(&connection).unwrap().is_empty());
    }

    #[test]
    fn a_search_is_counted_as_its_words_and_never_if_it_may_be_personal() {
        for (typed, expected) in [
            ("  Wo\n ist  MEIN Paket ", Some("wo ist mein paket")),
            ("Größe 42", Some("größe 42")),
            ("Bestellung 4711", None),
            ("jana@example.com", None),
            (" \u{200b} ", None),
            ("", None),
            ("ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn", None),
            ("a\u{0}b", Some("ab")),
        ] {
            assert_eq!(countable(&de(), typed).as_deref(), expected, "{typed:?}");
        }
        assert_eq!(countable(&de(), &"ß".repeat(limits::FAQ_QUERY_CHARS + 1)), None);
    }

    #[test]
    fn a_rating_survives_a_server_that_comes_back_from_a_backup() {
        let (connection, acting) = phone();
        rated(&connection, &acting, "returns", true);
        leaves(&connection, &acting);
        let row = outbox::of_lane(&connection, Lane::Faq).unwrap().remove(0);
        journal::record(&connection, row.row.id, UnixMillis(1)).unwrap();
        outbox::delete(&connection, row.row.id).unwrap();
        assert_eq!(journal::requeue_above(&connection, acting.identity, &[], None).unwrap(), 1);
        let again = outbox::of_lane(&connection, Lane::Faq).unwrap().remove(0);
        assert_eq!((again.row.id, again.row.lane_seq, again.wire), (row.row.id, row.row.lane_seq, row.wire));
    }
}
