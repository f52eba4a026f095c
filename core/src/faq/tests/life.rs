//! First launch, refresh, other languages, the end.

use super::fake::{Server, Weather, articles, client, ids, settings};
use beistand_protocol::{Code, Lane};

use crate::error::ErrorKind;
use crate::faq::{SearchOptions, samples::article};
use crate::outbox::payload::Payload;

#[tokio::test]
async fn the_first_launch_without_a_network_has_answers() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    server.publish("de", &articles(0..3));
    let mut settings = settings(folder.path());
    settings.faq_seeds = vec![server.seed("de")];
    server.weather(Weather::Offline);
    let client = client(&server, settings);
    let faq = client.faq();
    let found = faq.search("Frage2", SearchOptions::default()).await.unwrap();
    assert_eq!(found.hits[0].article.as_str(), "a2");
    assert_eq!(found.locale_used.unwrap().as_str(), "de");
    let article = faq.article(&"a1".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(article.title, "Frage1");
    assert_eq!(faq.article(&"a9".parse().unwrap()).await.unwrap(), None);
    client.shutdown().await;
    assert_eq!(faq.status().await.unwrap_err().kind, ErrorKind::ShutDown);
}

#[tokio::test]
async fn what_is_newer_at_the_server_comes_as_changes_and_then_not_at_all() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    let first = server.publish("de", &articles(0..3));
    let mut settings = settings(folder.path());
    settings.faq_seeds = vec![server.seed("de")];
    let mut changed = articles(1..4);
    changed[0] = article("a1", "Retoure");
    let second = server.publish("de", &changed);
    let client = client(&server, settings);
    let faq = client.faq();
    faq.refresh().await.unwrap();
    assert_eq!(ids(&faq).await, ["a1", "a2", "a3"]);
    assert_eq!(faq.search("Retoure", SearchOptions::default()).await.unwrap().hits[0].article.as_str(), "a1");
    let found = faq.search("Frage0", SearchOptions::default()).await.unwrap();
    assert!(found.hits.iter().all(|hit| hit.article.as_str() != "a0"), "what is gone is found no more");
    faq.refresh().await.unwrap();
    let asked = server.take_asked();
    assert_eq!(asked[0], format!("v1/faq/de-AT?since={first} -"));
    assert_eq!(asked.last().unwrap(), &format!("v1/faq/de-AT?since={second} \"{second}\""));
    let status = faq.status().await.unwrap();
    assert_eq!((status.version, status.articles, status.refreshing), (Some(second), 3, false));
    client.shutdown().await;
}

#[tokio::test]
async fn a_reader_sees_news_without_asking_for_them() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    server.publish("de", &articles(0..1));
    let mut settings = settings(folder.path());
    settings.faq_seeds = vec![server.seed("de")];
    let version = server.publish("de", &articles(0..2));
    let client = client(&server, settings);
    let faq = client.faq();
    let mut observed = faq.observe().subscribe();
    assert_eq!(ids(&faq).await, ["a0"]);
    while observed.next().await.unwrap().version != Some(version) {}
    assert_eq!(ids(&faq).await, ["a0", "a1"]);
    client.shutdown().await;
}

#[tokio::test]
async fn what_is_opened_and_what_is_not_found_is_counted_and_a_rating_waits_unseen() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    server.publish("de", &articles(0..2));
    let mut settings = settings(folder.path());
    settings.faq_seeds = vec![server.seed("de")];
    server.weather(Weather::Offline);
    let client = client(&server, settings);
    let faq = client.faq();
    let article = faq.article(&"a1".parse().unwrap()).await.unwrap().unwrap();
    let typing = SearchOptions { typing: true, ..SearchOptions::default() };
    assert!(faq.search("Qwzxkj", typing).await.unwrap().hits.is_empty());
    assert!(faq.search("Xyzzyqw", SearchOptions::default()).await.unwrap().hits.is_empty());
    faq.search("Frage1", SearchOptions::default()).await.unwrap();
    faq.rate(&article, false, Some("Wo?")).await.unwrap();
    faq.rate(&article, true, Some(" ")).await.unwrap();
    let too_long = faq.rate(&article, true, Some(&"a".repeat(1_001))).await.unwrap_err();
    assert_eq!(too_long.kind, ErrorKind::InvalidInput(Code::TextTooLong));
    assert!(client.outbox().items().await.unwrap().is_empty(), "nobody is shown a rating that waits");
    // Counts are written behind the back of the reader.
    let counted = loop {
        let counted = client.inner.database.read(crate::store::faq_counts::counted).await.unwrap();
        if counted.views.len() + counted.searches.len() >= 2 {
            break counted;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((counted.views[0].article.as_str(), counted.views[0].count), ("a1", 1));
    assert_eq!((counted.searches.len(), counted.searches[0].query.as_str()), (1, "xyzzyqw"));
    let rows = client.inner.database.read(|connection| crate::store::outbox::of_lane(connection, Lane::Faq)).await;
    let [row] = &rows.unwrap()[..] else { panic!("one rating waits") };
    let Payload::FaqFeedback { article, body } = &row.payload else { panic!("a rating waits") };
    assert_eq!((article.as_str(), body.helpful, &body.comment, body.version), ("a1", true, &None, 1));
    client.shutdown().await;
}
