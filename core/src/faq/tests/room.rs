//! Several languages, the room they take, and builds that take a while.

use super::fake::{Server, Weather, articles, client, ids, settings};
use crate::error::ErrorKind;
use crate::faq::samples::article;
use crate::faq::{FaqError, SearchOptions};

#[tokio::test]
async fn each_article_falls_back_to_the_nearest_language_that_has_it() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    server.publish("de", &[article("both", "Beide"), article("only-de", "Nur deutsch")]);
    server.publish("en", &[article("both", "Both"), article("only-en", "English only")]);
    server.publish("fr", &[article("only-fr", "Seulement")]);
    let mut settings = settings(folder.path());
    settings.faq_seeds = vec![server.seed("en"), server.seed("fr"), server.seed("de")];
    server.weather(Weather::Offline);
    let client = client(&server, settings);
    let faq = client.faq();
    let title = async |id: &str| {
        faq.article(&id.parse().unwrap()).await.unwrap().map(|article| (article.title, article.locale.to_string()))
    };
    let said = |title: &str, locale: &str| Some((title.to_owned(), locale.to_owned()));
    assert_eq!(title("both").await, said("Beide", "de"));
    while faq.status().await.unwrap().cached.len() < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(title("only-en").await, said("English only", "en"));
    assert_eq!(title("only-fr").await, said("Seulement", "fr"));
    faq.set_locale("en-GB".parse().unwrap()).await.unwrap();
    assert_eq!(title("both").await, said("Both", "en"));
    assert_eq!(title("only-de").await, said("Nur deutsch", "de"));
    faq.set_locale("it".parse().unwrap()).await.unwrap();
    assert_eq!(title("both").await, said("Both", "en"), "the default stands in");
    assert_eq!(faq.status().await.unwrap().locale.unwrap().as_str(), "en");
    let options = SearchOptions { locale: Some("fr".parse().unwrap()), ..SearchOptions::default() };
    let found = faq.search("Seulement", options).await.unwrap();
    assert_eq!((found.hits.len(), found.locale_used.unwrap().as_str()), (1, "fr"));
    client.shutdown().await;
}

#[tokio::test]
async fn the_language_that_was_not_read_for_longest_makes_room_and_the_current_one_never() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    for locale in ["de", "en", "fr"] {
        server.publish(locale, &articles(0..400));
    }
    let mut settings = settings(folder.path());
    settings.faq_cache_bytes = 200_000;
    let client = client(&server, settings.clone());
    let faq = client.faq();
    faq.refresh().await.unwrap();
    let size = || std::fs::metadata(folder.path().join("faq.sqlite3")).unwrap().len();
    for locale in ["en", "fr"] {
        faq.set_locale(locale.parse().unwrap()).await.unwrap();
        faq.refresh().await.unwrap();
        let status = faq.status().await.unwrap();
        assert_eq!((status.locale.unwrap().as_str(), status.articles), (locale, 400));
    }
    let cached = faq.status().await.unwrap().cached;
    assert!(cached.len() < 3 && cached.iter().all(|locale| locale.as_str() != "de"), "{cached:?}");
    client.shutdown().await;
    // With no room at all the current one stays all the same.
    settings.faq_cache_bytes = 0;
    settings.locale = Some("fr".into());
    server.publish("fr", &articles(0..401));
    let client = crate::faq::tests::fake::client(&server, settings);
    let faq = client.faq();
    faq.refresh().await.unwrap();
    let status = faq.status().await.unwrap();
    assert_eq!((status.cached.len(), status.articles), (1, 401));
    client.shutdown().await;
    assert!(size() < 3_000_000, "{}", size());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_during_a_build_is_answered_from_the_old_state() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    server.publish("de", &articles(0..5));
    let mut settings = settings(folder.path());
    settings.faq_seeds = vec![server.seed("de")];
    let client = client(&server, settings);
    let faq = client.faq();
    // Once the server has answered, it is not asked behind the back of the test.
    faq.refresh().await.unwrap();
    assert_eq!(ids(&faq).await.len(), 5);
    server.forget_history("de");
    server.publish("de", &articles(5..3000));
    let mut progress = faq.build_progress().subscribe();
    let refreshing = tokio::spawn({
        let faq = faq.clone();
        async move { faq.refresh().await }
    });
    let mut during = 0;
    loop {
        let step = progress.next().await.unwrap();
        let Some(step) = step else {
            if during > 0 || refreshing.is_finished() {
                break;
            }
            continue;
        };
        assert!(step.done <= step.total && step.total == 2995, "{step:?}");
        let found = faq.search("Frage1", SearchOptions::default()).await.unwrap();
        // The build may have ended meanwhile; while it lasts, nothing of it shows.
        if faq.build_progress().get().is_some() {
            assert_eq!(found.hits[0].article.as_str(), "a1", "the old state");
            during += 1;
        }
    }
    refreshing.await.unwrap().unwrap();
    assert!(during > 0, "nobody searched during the build");
    assert_eq!(ids(&faq).await.len(), 2995);
    client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_that_is_cancelled_leaves_the_old_state() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    server.publish("de", &articles(0..5));
    let mut settings = settings(folder.path());
    settings.faq_seeds = vec![server.seed("de")];
    let client = client(&server, settings);
    let faq = client.faq();
    // Once the server has answered, it is not asked behind the back of the test.
    faq.refresh().await.unwrap();
    let before = ids(&faq).await;
    server.forget_history("de");
    server.publish("de", &articles(5..4000));
    for pause in [false, true] {
        let mut progress = faq.build_progress().subscribe();
        let refreshing = tokio::spawn({
            let faq = faq.clone();
            async move { faq.refresh().await }
        });
        while progress.next().await.unwrap().is_none_or(|step| step.done == 0) {}
        if pause {
            client.pause().await.unwrap();
        } else {
            faq.cancel_build();
        }
        let error = refreshing.await.unwrap().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Faq(FaqError::Cancelled));
        assert_eq!(faq.build_progress().get(), None);
        assert_eq!(ids(&faq).await, before);
    }
    client.resume().await.unwrap();
    faq.refresh().await.unwrap();
    assert_eq!(ids(&faq).await.len(), 3995);
    client.shutdown().await;
}
